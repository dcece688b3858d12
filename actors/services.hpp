#pragma once
/// What actors need of the world outside, as small interfaces: whatever blocks runs behind them on
/// threads that we own. In tests they are replaced by twins that work at once.

#include "actors/pending_commit.hpp"
#include "domain/flow.hpp"
#include "domain/ports/event_sink.hpp"
#include "domain/ports/intake_log.hpp"
#include "domain/ports/store.hpp"

#include <functional>
#include <memory>

namespace orrery::actors {

/// Commits what shards have released. Thread-safe; calls return at once.
class commit_service {
public:
  virtual ~commit_service() = default;
  /// `pending` has something to commit. Its `notify` hears of each commit.
  virtual void enlist(std::shared_ptr<pending_commit> pending) = 0;
  /// Becomes the owner of a shard.
  virtual void acquire(shard_id shard, std::function<void(result<shard_tenure>)> done) = 0;
  /// Gives up an acquisition that has not begun: its `done` hears `rejected`. One that is with the store
  /// already goes on.
  virtual void withdraw(shard_id shard) = 0;
  virtual void mark_published(shard_id shard, epoch_t epoch, position_t upto) = 0;
  /// These dead letters of the shard are in their topic. Best effort.
  virtual void mark_copied(shard_id shard, std::vector<int64_t> numbers) = 0;
};

/// The flows that orders may name. Thread-safe.
class flow_service {
public:
  virtual ~flow_service() = default;
  /// The newest version that this node knows of; looks into memory only.
  virtual std::optional<shared_value<flow>> find(std::string_view name) const = 0;
  /// The newest version in the store; `not_found` where there is none. Returns at once; `done` runs
  /// once, on any thread.
  virtual void fetch(std::string name, std::function<void(result<shared_value<flow>>)> done) = 0;
};

/// Reads committed state. Thread-safe; calls return at once; `done` runs once on a thread of the reader.
/// `busy` where its queue is full.
class read_service {
public:
  virtual ~read_service() = default;
  virtual void run(std::function<void(entity_store&)> job, std::function<void()> refused) = 0;

  /// The entities that exist among `ids`.
  void load(std::vector<entity_id> ids, std::function<void(result<std::vector<entity>>)> done);
};

}  // namespace orrery::actors
