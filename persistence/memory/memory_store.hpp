#pragma once
/// The store in memory: for tests and the simulator. It keeps the port's whole contract but
/// durability.

#include "base/clock.hpp"
#include "domain/ports/dead_letters.hpp"
#include "domain/ports/identity_store.hpp"
#include "domain/ports/operations.hpp"
#include "domain/ports/store.hpp"

#include <functional>
#include <memory>

namespace orrery {

struct memory_state;
class memory_stock;

/// Thread-safe. All sessions share one state, which lives as long as the store or any session.
/// Faults can be planned, so that callers meet every outcome of a commit.
class memory_store : public store, public identity_source {
public:
  /// `time` is the clock by which `node_registry::nodes` counts; it must outlive store and
  /// sessions.
  explicit memory_store(const clock& time);
  ~memory_store() override;

  result<void> migrate(uint32_t shards) override;
  std::unique_ptr<journal_store> open_journal() override;
  std::unique_ptr<entity_store> open_reader() override;
  std::unique_ptr<node_registry> open_registry() override;
  std::unique_ptr<letter_store> open_letters() override;
  std::unique_ptr<identity_store> open_identity() override;
  std::unique_ptr<operation_store> open_operations() override;
  result<void> ping() override;

  /// The commit that is `nth_from_now` (1 = the next one) ends with `outcome`. `applied` says, for
  /// `unknown`, whether it took effect all the same. `refused` names all shards of that commit. May
  /// be called several times to plan several faults.
  void fail_commits(int nth_from_now, commit_outcome outcome, bool applied = false);

  /// Runs before every call but `commit` with the call's name (`load`, `due`, `list`, `history`,
  /// `journal`, `shards`, `dead_letters`, `acquire`, `inspect`, `mark_published`, `announce`,
  /// `withdraw`, `nodes`, `ping`, `letters_to_copy`, `mark_copied`, `letters`); what it fails with is answered instead. It may block, but must
  /// not call the store. Empty = no hook.
  void on_call(std::function<result<void>(std::string_view call)> hook);

  /// Drops the events of a shard's journal up to a position, for runs that would not fit into memory: readers
  /// begin behind it.
  void forget_events(shard_id shard, position_t upto);

  /// Commits tried so far, failed ones included.
  int64_t commits() const;

  /// A second store on the same state: what a second node, or the same one after a restart, opens.
  std::unique_ptr<memory_store> open_again() const;

protected:
  /// For twins that answer otherwise now and then.
  explicit memory_store(std::shared_ptr<memory_state> state);
  static const std::shared_ptr<memory_state>& state_of(const memory_store& other) {
    return other.state_;
  }
  const std::shared_ptr<memory_state>& state() const { return state_; }

private:
  friend class memory_stock;
  std::shared_ptr<memory_state> state_;
};

}  // namespace orrery
