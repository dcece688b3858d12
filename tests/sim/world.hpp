#pragma once
/// One simulated run: several nodes over one store, one log and one set of topics, moved step by step in
/// an order, with faults and operations, that all follow from the seed.

#include "bridge/memory/memory_log.hpp"
#include "tests/sim/commit_watch.hpp"
#include "tests/sim/options.hpp"
#include "tests/sim/sim_node.hpp"
#include "tests/sim/workload.hpp"

namespace orrery::sim {

inline position_t position_of(const status_event& event) {
  return std::visit([](const auto& e) { return e.position; }, event);
}

/// Events handed to the topics by one call.
struct publication {
  std::string node;
  std::vector<status_event> events;
  uint64_t excuses = 0;  ///< Of the shard when it was called: reasons for repeats so far.
  bool zombie = false;   ///< Another had taken the shard over when it was called or came to lie.
};

/// What came of a run.
struct verdict {
  std::vector<std::string> violations;
  std::map<std::string, uint64_t> faults;  ///< How often each struck.
  size_t operations = 0;
  size_t succeeded = 0;
  size_t events = 0;
  size_t steps = 0;
  duration virtual_time{};
  uint64_t hash = 0;  ///< Of everything that happened: the same seed gives the same.
};

class world {
public:
  explicit world(options wish);
  ~world();

  /// Runs to the end, heals, waits for rest, audits.
  verdict run();
  /// Keeps all that happens for `trace`, not only the newest.
  void keep_all() { trace_lines_ = SIZE_MAX; }
  /// The newest things that happened, oldest first.
  const std::deque<std::string>& trace() const { return trace_; }

  // For the twins.

  /// Whether a fault strikes now; counted, unless it has no name. Never after the healing.
  bool strikes(uint32_t per_mille, std::string_view fault);
  void note(const std::string& what);
  void mix(std::string_view what);
  /// A line of the log, of warning and above.
  void remark(std::string_view event, std::string_view line);
  void violated(const std::string& what);
  const std::vector<std::string>& violations() const { return outcome_.violations; }
  /// A line of the trace that is no part of what happened.
  void explain(const std::string& what) { trace_.push_back("    " + what); }
  /// From now on events of the shard may be published again.
  void excuse(shard_id shard);
  void excuse_all();
  /// Something is about to be waited for: the node may crash just here.
  void await_point(const std::string& node, std::string_view what);
  void acquired(shard_id shard, epoch_t epoch, const std::string& node);
  /// Notes a call of the sink, whose events may come to lie in the topic later.
  publication publishing(const std::string& node, shard_id shard,
                         const std::vector<status_event>& events);
  void published(shard_id shard, publication call);
  void revocation_began(shard_id shard, bool lost);
  void work_started(const work_item& item, const std::string& node);
  /// A client was told that this is so: it must be durable, and no older than what anybody knew when it
  /// asked (S8).
  void told(const entity& state, uint64_t seen);

  // For the auditor.

  /// How much later than a tick a clock may fire, by pauses and by how time moves here.
  duration lateness() const;
  bool clock_was_set_since(time_point when) const { return clock_set_at_ > when; }
  void count_events(size_t count) { outcome_.events += count; }

  options how;
  dice chance;
  virtual_clock time;
  memory_store truth{time};
  memory_cluster kafka{memory_cluster::ownership::manual, &time};
  memory_topics topics;
  bool reads_fail = false;
  std::optional<time_point> healed_at;
  bool at_rest = false;  ///< All work has ended.
  flows_twin flows{*this};
  std::unique_ptr<entity_store> reader = truth.open_reader();
  std::vector<std::unique_ptr<sim_node>> nodes;  ///< Null while down.
  std::vector<std::optional<size_t>> owners;     ///< By shard: the node it is assigned to.
  std::map<shard_id, std::vector<publication>> publications;
  std::map<shard_id, uint64_t> excuses;
  std::map<shard_id, std::string> acquirers;  ///< Who raised the epoch last.
  workload clients{*this};
  network wires{*this};
  commit_watch watch{*this};

private:
  struct move {
    shard_id shard;
    size_t from = 0;
    size_t to = 0;
    time_point begun{};
  };

  void start_node(size_t which);
  void crash(size_t which);
  void assign(shard_id shard, size_t to);
  bool step_any();
  void advance(duration length);
  void faults();
  void fault_of_a_node();
  void fault_of_the_log();
  void fault_of_a_line();
  void fault_of_a_clock();
  void one_fault_at_least();
  void steal(shard_id shard);
  void begin_move(shard_id shard);
  void cut_off(size_t which);
  void follow_moves();
  void bring_back();
  void adopt_orphans();
  void heal();
  void come_to_rest();
  std::string backlog();
  std::string what_is_next(intake topic, shard_id shard, int64_t offset);
  std::string unrest();
  std::optional<size_t> any_up();

  std::vector<move> moves_;
  std::set<shard_id> given_back_;  ///< In order, and not yet acquired by the next owner.
  std::vector<time_point> wake_;   ///< Per node: when it comes back from crash or pause.
  bool healed_ = false;
  std::optional<size_t> doomed_;  ///< Crashes before anything else happens.
  size_t trace_lines_ = 5000;
  time_point began_{};
  time_point log_back_at_{};
  time_point clock_set_at_{};  ///< When somebody last set a clock.
  duration jumped_{};          ///< How far a clock was ever away from the right time.
  verdict outcome_;
  std::deque<std::string> trace_;
};

}  // namespace orrery::sim
