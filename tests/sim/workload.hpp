#pragma once
/// What clients of the simulated cluster do, and what they were told: the ledger.

#include "domain/messages.hpp"
#include "domain/ports/intake_log.hpp"
#include "domain/ports/workers.hpp"

#include <algorithm>
#include <array>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <vector>

namespace orrery::sim {

class world;
class sim_node;

/// What a record in the log must lead to.
enum class expectation { entity, dead_letter, entity_or_refusal, command };

struct operation {
  size_t number = 0;
  intake topic = intake::tasks;
  shard_id shard;
  expectation expects = expectation::entity;
  entity_id id;           ///< Known beforehand, or nil: follows from the record.
  bool given = false;     ///< Known beforehand.
  std::string reference;  ///< Foreign id.
  std::string verb;       ///< Of a command.
  std::string value;      ///< As it was sent to the log.
  std::string hash;       ///< Of the request, where it came with an idempotency key.
  bool direct = false;    ///< Sent to the shard, not to the log.
  task_command wish;      ///< Of a direct one.
  uint64_t seen = 0;      ///< The newest version known to anybody when it was asked.
  bool answered = false;
  bool succeeded = false;
  int tries = 0;
  std::optional<log_place> place;  ///< Acknowledged there.
};

inline uint64_t version_of(const entity& state) {
  return std::visit([](const auto& one) { return one.version; }, state);
}

class workload {
public:
  explicit workload(world& around) : world_(around) {}

  /// One client does one thing.
  void act();
  /// Clients that were told of a failure try again, as far as they can name what they sent.
  void try_again();
  size_t begun() const { return operations_.size(); }
  size_t succeeded() const {
    return static_cast<size_t>(std::count_if(operations_.begin(), operations_.end(),
                                             [](const auto& op) { return op.succeeded; }));
  }
  const std::deque<operation>& operations() const { return operations_; }
  /// Who sent a record; null where nobody did.
  const operation* operation_of(const log_record& record) const;
  /// The entity that a record speaks of.
  entity_id id_of_record(const operation& op, const log_record& record) const;
  /// What clients were told that entities were, by version.
  const std::map<std::pair<entity_id, uint64_t>, entity>& told() const { return told_; }
  /// Somebody was told of this state.
  void heard(const entity& state);
  /// A mistake: somebody cancels a running task by what was read a while ago.
  void cancel_by_what_was_read();
  /// Workers ask for work, do it and report; the schedule is made, and in the end paused.
  void tend();
  /// The schedule that fires each second.
  entity_id the_schedule() const;

private:
  operation& begin(intake topic, shard_id shard, expectation expects);
  void submit_task();
  void submit_order();
  void submit_again();
  void submit_with_key();
  bool submit_special();
  void submit_new(task_spec spec, shard_id shard);
  void submit_unique();
  void submit_limited();
  void submit_external();
  void poll(size_t worker);
  void leased(const leased_task& item);
  void tend_schedule();
  void watch();
  void send_garbage();
  void command_by_log();
  void command_directly();
  void produce(operation& op, std::string value, bool fresh);
  void send(size_t number, bool fresh);
  void sent(size_t number, const result<std::vector<log_place>>& places);
  void ask_owner(size_t number);
  void answered(size_t number, int attempt, const result<entity>& answer);
  sim_node* somebody();
  task_spec random_task();
  const operation* known(bool tasks_only);
  entity_id id_in_log(const operation& op) const;

  world& world_;
  std::deque<operation> operations_;
  std::map<std::pair<entity_id, uint64_t>, entity> told_;
  std::map<entity_id, uint64_t> seen_;  ///< The newest version that anybody was told of.
  std::optional<task> read_before_;
  std::multimap<time_point, size_t> retries_;
  std::array<time_point, 3> polls_until_{};  ///< Of each worker: it waits for an answer until then.
  std::set<std::tuple<entity_id, uint32_t, uint32_t>> leases_;
  uint64_t polls_ = 0;
  time_point next_tending_{};
};

}  // namespace orrery::sim
