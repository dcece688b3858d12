#pragma once
/// What a simulated node works with in place of threads: each twin does one thing when it is stepped.
/// A twin of a crashed node is `gone`: it forgets what it holds and does nothing more.

#include "actors/commit_steps.hpp"
#include "actors/context.hpp"
#include "actors/messages.hpp"
#include "bridge/memory/memory_sink.hpp"
#include "tests/sim/store_twins.hpp"

#include <deque>
#include <map>
#include <set>

namespace orrery::sim {

class world;

inline constexpr const char* limited_queue =
    "limited";  ///< Its limit keys have this many at a time:
inline constexpr uint32_t limited_to = 2;
inline constexpr const char* external_kind = "outside";  ///< Done by workers that ask for it.

class virtual_clock final : public clock {
public:
  time_point now() const override { return now_; }
  time_point now_ = from_micros(1'800'000'000'000'000);
};

/// Drives the journal writer's own steps, a while apart.
class writer_twin final : public actors::commit_service {
public:
  writer_twin(world& around, const clock& time, store_twin& where, std::string node);
  void enlist(std::shared_ptr<actors::pending_commit> pending) override;
  void acquire(shard_id shard, std::function<void(result<shard_tenure>)> done) override;
  void withdraw(shard_id shard) override;
  void mark_published(shard_id shard, epoch_t epoch, position_t upto) override;
  void mark_copied(shard_id shard, std::vector<int64_t> numbers) override;
  bool step();
  void gone() { steps_.reset(); }

private:
  world& world_;
  store_twin& where_;
  std::optional<actors::commit_steps> steps_;
  time_point not_before_{};
};

/// Reads in any order, as several threads would.
class reads_twin final : public actors::read_service {
public:
  reads_twin(world& around, store_twin& where, std::string node);
  void run(std::function<void(entity_store&)> job, std::function<void()> refused) override;
  bool step();
  void gone();

private:
  struct waiting {
    std::function<void(entity_store&)> job;
    std::function<void()> refused;
  };
  world& world_;
  store_twin& where_;
  const std::string node_;
  std::unique_ptr<entity_store> session_;
  std::vector<waiting> waiting_;
  bool gone_ = false;
};

/// Passes on to the memory sink, some time after the call; checks what is published, and notes it.
class sink_twin final : public event_sink {
public:
  sink_twin(world& around, memory_topics& topics, std::string node);
  ~sink_twin() override;
  void publish(shard_id shard, std::vector<status_event> events,
               std::function<void(result<void>)> done) override;
  result<tails> last_published(shard_id shard, const publishing_state& known,
                               duration timeout) override;
  void publish_dead_letters(std::vector<dead_letter> letters,
                            std::function<void(result<void>)> done) override;
  bool step();
  void gone();

private:
  struct on_its_way;
  void plan_fault(std::optional<shard_id> shard);
  void land();

  world& world_;
  const std::string node_;
  memory_topics& topics_;
  std::deque<on_its_way> on_their_way_;
  std::unique_ptr<memory_sink> inner_;
  bool gone_ = false;
};

/// Work that succeeds, fails, hangs or throws as the dice say.
class work_twin final : public executor {
public:
  work_twin(world& around, std::string node);
  /// Time in which the node ran.
  void advance(duration length) { awake_ += length; }
  void start(work_item item, std::function<void(work_outcome)> done) override;
  void stop(entity_id task, attempt_token token, stop_mode mode) override;
  result<void> check(const std::string&) const override { return {}; }
  bool step();
  size_t running() const { return running_.size(); }
  void gone();

private:
  struct job {
    work_item item;
    std::function<void(work_outcome)> done;
    time_point ends_at{};
    work_outcome outcome;
    duration begun{};  ///< By the time in which the node ran.
    bool stopped = false;
  };
  void check_length(const job& one);

  world& world_;
  const std::string node_;
  duration awake_{};
  std::vector<job> running_;
  bool gone_ = false;
};

/// The flows that orders name. Sometimes a node does not know it yet, or the store does not answer.
class flows_twin final : public actors::flow_service {
public:
  explicit flows_twin(world& around);
  std::optional<shared_value<flow>> find(std::string_view name) const override;
  void fetch(std::string name, std::function<void(result<shared_value<flow>>)> done) override;

private:
  world& world_;
  std::map<std::string, shared_value<flow>, std::less<>> flows_;
};

}  // namespace orrery::sim
