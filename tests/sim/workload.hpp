#pragma once
/// What clients of the simulated cluster do, and what they were told: the ledger.

#include "domain/messages.hpp"
#include "domain/ports/intake_log.hpp"

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace orrery::sim {

class world;

/// What a record in the log must lead to.
enum class expectation { entity, dead_letter, command };

struct operation {
  size_t number = 0;
  intake topic = intake::tasks;
  shard_id shard;
  expectation expects = expectation::entity;
  entity_id id;           ///< Known beforehand, or nil: follows from the record.
  std::string reference;  ///< Foreign id.
  bool direct = false;    ///< Sent to the shard, not to the log.
  bool answered = false;
  bool succeeded = false;
  std::optional<log_place> place;  ///< Acknowledged there.
};

class workload {
public:
  explicit workload(world& around) : world_(around) {}

  /// One client does one thing.
  void act();
  size_t begun() const { return operations_.size(); }
  const std::vector<operation>& operations() const { return operations_; }

private:
  operation& begin(intake topic, shard_id shard, expectation expects);
  void submit_task();
  void submit_order();
  void send_garbage();
  void command_by_log();
  void command_directly();
  void produce(operation& op, std::string value, bool fresh);
  void answered(size_t number, const result<entity>& answer);
  task_spec random_task();
  const operation* known(bool tasks_only);
  entity_id id_in_log(const operation& op) const;

  world& world_;
  std::vector<operation> operations_;
};

}  // namespace orrery::sim
