#pragma once
/// The store: what is true. Speaks of batches, each of one shard under one epoch.
///
/// Adapters: PostgreSQL, SQLite, memory (persistence/). One suite, tests/contract/store_contract.hpp,
/// runs against all three. All calls block; each session is used by one thread at a time.

#include "domain/events.hpp"
#include "domain/stock.hpp"

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace orrery {

/// The intake topics by their number; a shard has an offset in each. Names and prefix are the log's.
enum class intake : uint8_t { orders = 0, tasks = 1 };
inline constexpr size_t intakes = 2;

/// Offsets of the next record to read, per intake topic.
using intake_offsets = std::array<int64_t, intakes>;
/// How many entities of a shard are in each status; the owner keeps them, the commit stores them.
struct status_counts {
  std::array<int64_t, task_statuses> tasks{};
  std::array<int64_t, order_statuses> orders{};
  attempt_ledger attempts;  ///< Of all tasks of the shard, since ever.
  friend bool operator==(const status_counts&, const status_counts&) = default;
};

/// What the new owner of a shard starts from.
struct shard_tenure {
  shard_id shard;
  epoch_t epoch;        ///< Raised by this acquisition.
  position_t position;  ///< Of the last committed event.
  intake_offsets next{};
  status_counts counts;
  position_t published;  ///< Every event up to here is known to be published (a lower bound).
};

/// How many tasks of a queue and kind came into each status, or, of all time, are in it.
struct queue_counts {
  std::string queue;
  std::string task_kind;
  std::array<int64_t, task_statuses> tasks{};
  friend bool operator==(const queue_counts&, const queue_counts&) = default;
};

/// The last state of one entity touched by a batch, with the events of this batch that led there.
struct entity_write {
  entity state;
  bool insert = false;               ///< The entity did not exist before this batch.
  std::vector<event_record> events;  ///< Appended to the entity's own history.
  /// The row goes, with all that belongs to it but the journal; `state` is what it held. Exists, is
  /// written by nothing else in the batch, and its one event is an erasure.
  bool erase = false;
};

struct log_header {
  std::string name;
  std::string value;
  friend bool operator==(const log_header&, const log_header&) = default;
};

/// A record that could not be read or applied; also goes to `<topic>.DLT`. What becomes of it later:
/// domain/ports/dead_letters.hpp.
struct dead_letter {
  intake source = intake::tasks;
  shard_id shard;
  int64_t offset = 0;
  time_point at{};
  std::string reason;
  std::string key;
  std::string value;
  std::vector<log_header> headers = {};  ///< The producer's own.
  friend bool operator==(const dead_letter&, const dead_letter&) = default;
};

/// A dead letter under the number that the store gave it.
struct numbered_letter {
  int64_t number = 0;
  dead_letter letter;
};

/// Everything that became ready for one shard. Events carry positions `expected + 1` onwards without
/// a gap, in order; `writes` hold each entity once; every event stands in exactly one write.
struct shard_batch {
  shard_id shard;
  epoch_t epoch;
  position_t expected;             ///< Position before this batch.
  intake_offsets expected_next{};  ///< Offsets before this batch.
  intake_offsets next{};           ///< Offsets after this batch.
  status_counts counts;            ///< Counts after this batch.
  std::vector<entity_write> writes;
  std::vector<dead_letter> dead_letters;
  std::vector<queue_counts> moved =
      {};  ///< Differences made by this batch, each queue and kind once.
  std::vector<stock_movement> stock = {};  ///< In order. Comes true with the batch, or not at all.

  /// Position after this batch.
  position_t last() const noexcept {
    int64_t n = expected.value;
    for (const auto& w : writes)
      n += static_cast<int64_t>(w.events.size());
    return position_t{n};
  }
};

enum class commit_outcome {
  done,     ///< All of it is durable.
  refused,  ///< Nothing was written: `refused` lists the shards that had moved.
  failed,   ///< Nothing was written: the store cannot take it now (lost before commit, disk full).
  unknown,  ///< The connection was lost during COMMIT: read back before acting.
};

struct commit_report {
  commit_outcome outcome = commit_outcome::done;
  std::vector<shard_id> refused;
  std::string detail;
  /// Of `failed`: the stock cannot be reached, and these need it. The others may go without them.
  std::vector<shard_id> unprepared = {};
};

/// Write side. Used by one journal writer's thread.
class journal_store {
public:
  virtual ~journal_store() = default;

  /// Makes `owner` the owner: raises the epoch, so that every former owner is refused from now on.
  /// Creates the shard where it is new. After `in_doubt` simply acquire again.
  virtual result<shard_tenure> acquire(shard_id shard, std::string_view owner, time_point now) = 0;

  /// Commits all batches (one per shard) in one transaction: events, entity rows, history, offsets,
  /// counts, dead letters; or none of them. A batch is refused unless the shard's epoch, position and
  /// offsets are the expected ones: so none is applied twice, not even one without events.
  virtual commit_report commit(std::span<const shard_batch> batches) = 0;

  /// After `unknown`: epoch, position and offsets as they are now, without changing anything.
  virtual result<shard_tenure> inspect(shard_id shard) = 0;

  /// Raises `published`; never lowers it. A hint: a lost update only means more is compared later.
  virtual result<void> mark_published(shard_id shard, epoch_t epoch, position_t upto) = 0;

  /// `<topic>.DLT` has these dead letters of the shard. A lost mark only means a second copy.
  virtual result<void> mark_copied(shard_id shard, std::span<const int64_t> numbers) = 0;
};

/// One row to wake up: the shard must look at the entity at `at`.
struct due_row {
  entity_id id;
  entity_kind kind = entity_kind::task;
  uint8_t status = 0;
  time_point at{};
  time_point waits_until{};  ///< `never` = no end to waiting.
  int32_t priority = 0;      ///< Tasks.
  std::string queue;         ///< Tasks.
  std::string task_kind;     ///< Tasks.
};

/// Where a scan of due rows goes on: strictly after (at, id).
struct due_cursor {
  time_point at = time_point::min();
  entity_id id;
};

enum class list_order { newest_first, oldest_first };

/// Filter of a list. Empty members do not filter.
struct entity_query {
  entity_kind kind = entity_kind::task;
  std::vector<uint8_t> statuses;
  std::string task_kind;   ///< Tasks: exact.
  std::string queue;       ///< Tasks: exact.
  std::string product;     ///< Orders: exact.
  std::string customer;    ///< Orders: exact.
  std::string reference;   ///< Exact.
  std::string tag;         ///< Tasks: one of its tags.
  std::string unique_key;  ///< Tasks: exact.
  std::string text;  ///< Tasks: in the description, in any case of letters; or how an id begins.
  time_point created_from{};          ///< Inclusive.
  time_point created_to{};            ///< Exclusive.
  std::vector<shard_id> shards = {};  ///< Of these only.
  /// Orders: `KEY=VALUE`, each a field of the metadata (codec/order_fields.hpp). Sorted, none twice.
  std::vector<std::string> fields = {};
  list_order order = list_order::newest_first;
  std::string cursor;  ///< As answered; empty = from the start.
  size_t limit = 50;
};
struct entity_page {
  std::vector<entity> items;
  std::string next;  ///< Empty = the end.
};

/// What a shard's row says, for health and routing.
struct shard_row {
  shard_id shard;
  std::string owner;
  epoch_t epoch;
  position_t position;
  position_t published;
  intake_offsets next{};
  status_counts counts;
};

/// Read side. Sees committed state only.
class entity_store {
public:
  virtual ~entity_store() = default;

  /// The entities that exist among `ids`, in any order.
  virtual result<std::vector<entity>> load(std::span<const entity_id> ids) = 0;
  /// Rows of the shard whose `wake_at` is not later than `until`, by (at, id), at most `limit`.
  virtual result<std::vector<due_row>> due(shard_id shard, time_point until,
                                           const due_cursor& after, size_t limit) = 0;
  virtual result<entity_page> list(const entity_query& query) = 0;
  /// The newest task of the shard that holds this unique key (as `held_as` says), or may hold it
  /// (`may_hold_key`), and is none of `except` (a few at most).
  virtual result<std::optional<task>> key_holder(shard_id shard, std::string_view key,
                                                 std::span<const entity_id> except = {}) = 0;
  /// Tasks by queue, kind and status, in all shards.
  virtual result<std::vector<queue_counts>> counts() = 0;
  /// The entity's own history, oldest first. `not_found` where there is none.
  virtual result<std::vector<event_record>> history(entity_id id) = 0;
  /// Events of the shard from position `from` on, in order, about `limit` (whole commits).
  virtual result<std::vector<event_record>> journal(shard_id shard, position_t from,
                                                    size_t limit) = 0;
  virtual result<std::vector<shard_row>> shards() = 0;
  /// Newest first.
  virtual result<std::vector<dead_letter>> dead_letters(size_t limit) = 0;
  /// Those of the shard that are not yet known to be in `<topic>.DLT`, in the order of their numbers,
  /// from after `after` on. Numbers of one shard rise in the order of its commits.
  virtual result<std::vector<numbered_letter>> letters_to_copy(shard_id shard, int64_t after,
                                                               size_t limit) = 0;
};

class letter_store;

/// A node as the others see it.
struct node_row {
  std::string name;
  std::string mesh_address;  ///< `host:port` of its CAF port; empty = none.
  std::string http_address;
  std::string version;
  time_point started_at{};
  time_point seen_at{};  ///< By the store's clock.
};

/// Who is there.
class node_registry {
public:
  virtual ~node_registry() = default;
  virtual result<void> announce(const node_row& node) = 0;
  virtual result<void> withdraw(std::string_view name) = 0;
  /// Nodes seen within `window` of the store's own clock.
  virtual result<std::vector<node_row>> nodes(duration window) = 0;
};

class operation_store;

/// Opens sessions. Thread-safe.
class store {
public:
  virtual ~store() = default;

  /// Applies what migrations are missing, under a lock. Refuses (`conflict`) a schema newer than this
  /// program, and a shard count that differs from the stored one.
  virtual result<void> migrate(uint32_t shards) = 0;
  /// Sessions connect lazily and reconnect by themselves; a call during an outage fails `unavailable`.
  virtual std::unique_ptr<journal_store> open_journal() = 0;
  virtual std::unique_ptr<entity_store> open_reader() = 0;
  virtual std::unique_ptr<node_registry> open_registry() = 0;
  virtual std::unique_ptr<letter_store> open_letters() = 0;
  /// domain/ports/operations.hpp.
  virtual std::unique_ptr<operation_store> open_operations() = 0;
  /// Whether the store answers now.
  virtual result<void> ping() = 0;
  /// The time of the store's own clock, which all nodes share; none where it has no other than ours.
  virtual result<std::optional<time_point>> shared_time() { return std::optional<time_point>{}; }
};

}  // namespace orrery
