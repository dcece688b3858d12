#pragma once
/// What was answered under an `Idempotency-Key`, so that a request that is sent again is answered again
/// and not carried out again. For commands and whatever else is no submission (a submission's key gives
/// its id). Implemented in app/ over the store, so that any node answers for all.
///
/// Thread-safe; every call returns at once and runs its callback exactly once, on any thread.

#include "base/result.hpp"
#include "base/time.hpp"

#include <cstdint>
#include <functional>
#include <string>

namespace orrery {

/// How long an answer is kept.
inline constexpr duration answer_kept = 24h;
/// Answers longer than this are not kept: a repetition is then told that it was done.
inline constexpr size_t answer_bytes_max = 256 * 1024;

/// A request with its key. Who asks is part of the key: two principals may use the same.
struct keyed_request {
  std::string principal;
  std::string key;
  std::string content;   ///< Method, path and body: what must be the same.
  uint64_t version = 0;  ///< Of the note that `begin` made; goes back with `keep` and `forget`.
};

struct kept_answer {
  int status = 200;
  std::string body = {};
  std::string location = {};
  uint64_t version = 0;   ///< For `ETag`; 0 = none.
  bool withheld = false;  ///< Of an answer that is not kept: only that there was one.
};

struct key_standing {
  enum class state : uint8_t {
    fresh,    ///< Never seen, noted now: carry it out, then `keep` or `forget`.
    done,     ///< `answer` is what was answered.
    running,  ///< The first one is still being carried out.
    lost,     ///< The first one began and its node has died, perhaps in the middle: nobody knows.
    other,    ///< The key was used with other content.
  };
  state is = state::fresh;
  uint64_t version = 0;
  kept_answer answer = {};
};

class answer_book {
public:
  virtual ~answer_book() = default;

  /// Notes, durably, that the request is about to be carried out, unless its key is known. Failures:
  /// `busy`, `unavailable`; then nothing may be carried out.
  virtual void begin(keyed_request what, std::function<void(result<key_standing>)> done) = 0;
  /// Keeps what was answered. Where that fails, the key stands as `running`, later as `lost`.
  virtual void keep(keyed_request what, kept_answer answer, std::function<void()> done) = 0;
  /// Nothing was carried out: the key is free again.
  virtual void forget(keyed_request what, std::function<void()> done) = 0;
};

}  // namespace orrery
