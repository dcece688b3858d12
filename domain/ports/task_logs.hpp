#pragma once
/// What attempts write: output of processes, lines of workers. Kept beside the truth, never part of it:
/// losing some is allowed and counted, waiting for it is not.
///
/// Adapters: PostgreSQL, SQLite (a file of its own), memory. Suite: tests/contract/store/log_contract.hpp.

#include "base/result.hpp"
#include "base/time.hpp"
#include "domain/ids.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace orrery {

class feed_stream;

enum class log_source : uint8_t { standard_output = 0, standard_error, worker };
/// `stdout`, `stderr`, `worker`.
std::string_view to_string(log_source source) noexcept;

struct log_line {
  time_point at{};
  log_source source = log_source::worker;
  bool unfinished =
      false;         ///< The next line of this source goes on with it: no line break was written.
  std::string text;  ///< Without its line break. Any bytes.
  int64_t lost_before = 0;  ///< So many lines were dropped between the line before and this one.
  friend bool operator==(const log_line&, const log_line&) = default;
};

/// How much was lost, oldest first.
struct log_loss {
  int64_t lines = 0;
  int64_t bytes = 0;
  friend bool operator==(const log_loss&, const log_loss&) = default;
};

/// Lines of one attempt, to be appended.
struct log_batch {
  entity_id task;
  attempt_token token;
  int64_t stamp = 0;  ///< Other than that of the batch before: a batch that comes again is dropped.
  std::vector<log_line> lines;
  log_loss lost = {};  ///< Before they came here.
};

/// Lines that were stored together. Numbers of an attempt begin at 1 and rise by one.
struct log_chunk {
  int64_t number = 0;
  std::vector<log_line> lines;
};

/// What is kept of one attempt.
struct log_content {
  std::vector<log_chunk> chunks;  ///< In order.
  int64_t lines = 0;              ///< Kept, in all.
  int64_t bytes = 0;
  log_loss lost;     ///< Cut off at the front, or never stored.
  std::string node;  ///< That wrote last; empty = nobody.
};

/// One session. All calls block; used by one thread at a time.
class task_log_store {
public:
  virtual ~task_log_store() = default;
  /// Appends all batches or none. Where an attempt then has more than `bytes_max`, its oldest chunks are
  /// deleted and counted as lost.
  virtual result<void> append(std::string_view node, std::span<const log_batch> batches,
                              int64_t bytes_max, time_point now) = 0;
  /// The chunks after number `after`. An attempt that wrote nothing is empty.
  virtual result<log_content> read(entity_id task, attempt_token token, int64_t after) = 0;
  /// Deletes the lines of the attempts that `node` wrote longest ago, until the rest of its attempts has
  /// not more than `bytes_max`; they count as lost. How many bytes went. A few attempts at a time.
  virtual result<int64_t> trim(std::string_view node, int64_t bytes_max) = 0;
  /// Forgets these tasks.
  virtual result<void> erase(std::span<const entity_id> tasks) = 0;
};

/// Thread-safe.
class task_log_source {
public:
  virtual ~task_log_source() = default;
  virtual std::unique_ptr<task_log_store> open_logs() = 0;
};

/// Takes what attempts write, while they write it. Thread-safe; calls return at once and never fail:
/// beyond its limits the oldest is dropped and counted.
class attempt_log {
public:
  virtual ~attempt_log() = default;
  /// Bytes as they came, cut anywhere.
  virtual void write(entity_id task, attempt_token token, log_source source,
                     std::string_view bytes) = 0;
  /// A line without a time gets the present one.
  virtual void write(entity_id task, attempt_token token, std::vector<log_line> lines) = 0;
  /// Nothing more comes: what has no line break is stored as well.
  virtual void close(entity_id task, attempt_token token) = 0;
};

struct log_wish {
  entity_id task;
  attempt_token token;
  size_t tail = 1000;  ///< The newest so many lines.
  std::string after;   ///< Place of the last line seen (`log_answer::places`); empty = by `tail`.
};

struct log_answer {
  log_content kept;                 ///< Without `chunks`.
  std::vector<log_line> lines;      ///< Oldest first.
  std::vector<std::string> places;  ///< Of each line.
};

/// What the faces of a node may ask about logs. Thread-safe; calls return at once, and `done` runs exactly
/// once, on any thread. Attempts of all nodes are seen, about half a second after they wrote.
class log_desk {
public:
  virtual ~log_desk() = default;
  virtual void read(log_wish wish, std::function<void(result<log_answer>)> done) = 0;
  /// Begins as `read`, goes on with what comes, and ends (`feed_end::complete`) a moment after the attempt.
  /// A frame `line` for each line, `lost` where some were cut off in between. `busy` = too many followers.
  virtual void follow(log_wish wish, std::function<void()> wake,
                      std::function<void(result<std::shared_ptr<feed_stream>>)> done) = 0;
  virtual attempt_log& recorder() = 0;
};

/// A door (domain/ports/front_door.hpp) that also knows logs is one of these. Valid as long as it.
class log_hall {
public:
  virtual ~log_hall() = default;
  /// Null where the node keeps none.
  virtual log_desk* logs() = 0;
};

}  // namespace orrery
