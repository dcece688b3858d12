#pragma once
/// Dead letters after they were put aside: found, read whole, sent again, discarded.
///
/// `letter_store` is what a store keeps of them; adapters and suite as for domain/ports/store.hpp.
/// `letter_desk` is what the faces of a node may ask; implemented in app/.

#include "domain/ports/store.hpp"

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace orrery {

enum class letter_state : uint8_t {
  open = 0,
  redriving,  ///< Claimed; on its way into the intake log, or whoever claimed it has died.
  redriven,   ///< In the intake log again: `redriven_to`.
  discarded,
};
inline constexpr size_t letter_states = 4;
std::string_view to_string(letter_state state) noexcept;
std::optional<letter_state> parse_letter_state(std::string_view text) noexcept;

struct stored_letter {
  int64_t number = 0;
  dead_letter letter;
  letter_state state = letter_state::open;
  time_point settled_at{};   ///< When it came to this state; `never` while it was not touched.
  std::string settled_by;    ///< The principal.
  std::string note;          ///< Why it was discarded.
  int64_t redriven_to = -1;  ///< Offset in the same partition of its source.
  bool edited = false;       ///< Went out with another value.
  bool copied = false;       ///< `<topic>.DLT` has it.

  friend bool operator==(const stored_letter&, const stored_letter&) = default;
};

/// Filter of a list. Empty members do not filter.
struct letter_query {
  std::optional<intake> source;
  std::vector<letter_state> states;
  std::string reason;  ///< A part of the reason, in any case (of ASCII letters).
  time_point from{};   ///< Of its death, inclusive.
  time_point to{};     ///< Exclusive.
  list_order order = list_order::newest_first;
  std::string cursor;  ///< As answered; empty = from the start.
  size_t limit = 50;
};
struct letter_page {
  std::vector<stored_letter> items;
  std::string next;  ///< Empty = the end.
};

/// One step of a letter. Legal: open → redriving or discarded; redriving → redriven or open. A letter
/// that was claimed before `stale` counts as open: whoever claimed it has died on the way.
struct letter_move {
  int64_t number = 0;
  letter_state to = letter_state::discarded;
  time_point at{};
  time_point stale{};
  std::string by;
  std::string note = {};
  int64_t redriven_to = -1;
  bool edited = false;
};

/// Used by one thread at a time; calls block.
class letter_store {
public:
  virtual ~letter_store() = default;
  /// By (time of death, number).
  virtual result<letter_page> find(const letter_query& query) = 0;
  virtual result<stored_letter> get(int64_t number) = 0;
  /// Makes the steps in one transaction, each alone: an answer for each, in order. `rejected` where the
  /// letter's state does not allow it, `not_found`.
  virtual result<std::vector<result<void>>> move(const std::vector<letter_move>& steps) = 0;
};

/// Whether `state`, reached at `settled_at`, may take the step; the sentence says why not.
result<void> may_move(letter_state state, time_point settled_at, const letter_move& step);

/// What is wanted of letters.
struct letter_wish {
  enum class verb { redrive, discard };
  verb what = verb::redrive;
  std::optional<std::string> value;  ///< Redrive of one: instead of the value it died with.
  std::string reason;                ///< Discard.
  std::string by;                    ///< The principal.
};

/// What became of a wish for many.
struct letter_tally {
  size_t done = 0;
  struct refusal {
    int64_t number = 0;
    failure why;
  };
  std::vector<refusal> refused;
  bool more = false;  ///< The filter finds more of them.
};

/// Thread-safe; every call returns at once and runs its callback exactly once, on any thread.
///
/// A redriven letter goes through the intake log again, to the partition it came from, with its own key
/// and headers and a header `orrery-origin` that names where it died first. A record without an id takes
/// the id of that origin, so that a letter that went out twice is one entity.
class letter_desk {
public:
  template <class T>
  using answer = std::function<void(result<T>)>;

  virtual ~letter_desk() = default;
  virtual void find(letter_query query, answer<letter_page> done) = 0;
  virtual void get(int64_t number, answer<stored_letter> done) = 0;
  /// Answered when the letter is in the intake log, or discarded, with what the store then says.
  virtual void apply(int64_t number, letter_wish wish, answer<stored_letter> done) = 0;
  /// The same for open letters of the filter, `query.limit` at most.
  virtual void apply_all(letter_query query, letter_wish wish, answer<letter_tally> done) = 0;
};

/// The header that a redriven record carries: `order_topic/5/17@<microseconds>`, without prefix.
inline constexpr std::string_view origin_header = "orrery-origin";
struct letter_origin {
  intake source = intake::tasks;
  shard_id shard;
  int64_t offset = 0;
  time_point at{};
};
std::string to_string(const letter_origin& origin);
std::optional<letter_origin> parse_letter_origin(std::string_view text);

/// Where a page of letters ends, and back. A cursor of another list is `invalid`.
std::string letter_cursor(const stored_letter& last);
struct letter_place {
  time_point at{};
  int64_t number = 0;
};
result<letter_place> parse_letter_cursor(const std::string& text);

}  // namespace orrery
