#pragma once
/// The front door of a node: what HTTP and the command line ask, answered by the intake log, the actors,
/// the store, and the other nodes.

#include "actors/journal_writer.hpp"
#include "actors/node.hpp"
#include "app/letter_office.hpp"
#include "app/live_feed.hpp"
#include "app/log_office.hpp"
#include "app/metrics.hpp"
#include "app/operations_office.hpp"
#include "app/door_prepared.hpp"
#include "app/entity_loader.hpp"
#include "app/read_pool.hpp"
#include "app/store_watch.hpp"
#include "cluster/membership.hpp"
#include "cluster/mesh.hpp"
#include "domain/ports/front_door.hpp"
#include "domain/ports/flows.hpp"
#include "domain/ports/statistics.hpp"
#include "domain/ports/stock.hpp"

#include <array>
#include <atomic>
#include <memory>
#include <unordered_map>

namespace orrery::app {

class rule_book;

/// Remembers what of one kind was accepted here, until it is certainly in the view: two generations of
/// bounded size.
class accepted_memory {
public:
  void remember(entity_id id, std::string request_hash);
  /// The hash it was accepted with, where it was accepted here a few seconds ago at most: later it is
  /// in the view, or has become a dead letter, and only the shard can tell.
  std::optional<std::string> find(entity_id id) const;
  /// Was accepted here, at whatever time: all that can be said of it while nobody can read the intake.
  bool knows(entity_id id) const;

private:
  static constexpr size_t generation_max = 100'000;
  mutable std::mutex guard_;
  static constexpr auto fresh_for = std::chrono::seconds{5};
  struct entry {
    std::unique_ptr<const std::string>
        request_hash;  ///< Null = none: most have no key of their own.
    std::chrono::steady_clock::time_point at{};
  };
  using generation = std::unordered_map<entity_id, entry>;
  generation young_;
  generation old_;
};

/// What nodes ask each other.
enum mesh_verb : uint8_t {
  verb_command = 1,
  verb_watch = 2,
  verb_lane = 4,
  verb_work = 3,      ///< A packet of the work exchange (domain/ports/peers.hpp).
  verb_logs = 5,      ///< Answered by the node's log office (app/node_log_office.hpp).
  verb_ready = 6,     ///< Whether the node takes work: `1` or `0`.
  verb_log_news = 7,  ///< What is new in a node's log (app/log_news.hpp).
};

/// Everything it needs outlives it.
struct door_parts {
  std::string node;
  uint32_t shards = 16;
  const clock& time;
  random_source& chance;
  intake_log& log;
  store& where;
  read_pool& reads;
  size_t readers;  ///< Threads of `reads`.
  journal_feed& feed;
  actors::node_context& context;
  actors::node& node_actors;
  const actors::journal_writer& writer;
  rule_book* rules = nullptr;                           ///< Null = no rules.
  caf::actor timer;                                     ///< Receives `run_here`; for time limits.
  flow_desk* flows = nullptr;                           ///< Null: this node keeps none.
  log_office* logs = nullptr;                           ///< Null: this node keeps none.
  node_log_desk* node_logs = nullptr;                   ///< Null: this node keeps no log.
  stock_desk* stock = nullptr;                          ///< Null: this node keeps none.
  statistics_desk* statistics = nullptr;                ///< Null: this node keeps none.
  std::function<void(std::string&)> more_metrics = {};  ///< Appends what others have counted.
};

class door final : public front_door,
                   public flow_hall,
                   public log_hall,
                   public stock_hall,
                   public statistics_hall {
public:
  explicit door(door_parts parts);
  ~door() override;

  void submit(std::vector<submission> items, answer<std::vector<accepted>> done) override;
  void submit_each(std::vector<result<submission>> items,
                   answer<std::vector<result<accepted>>> done) override;
  void command(entity_kind kind, entity_id id, entity_command wish, duration limit,
               answer<entity> done, uint64_t expected) override;
  void get(entity_kind kind, entity_id id, answer<entity_view> done) override;
  void wait(entity_kind kind, entity_id id, duration limit, answer<entity_view> done) override;
  void list(entity_query query, answer<entity_page> done) override;
  void history(entity_kind kind, entity_id id, answer<std::vector<event_record>> done) override;
  letter_desk& letters() override { return letters_; }
  live_feed& feed() override { return parts_.feed; }
  log_desk* logs() override { return parts_.logs; }
  node_log_desk* node_logs() override { return parts_.node_logs; }
  flow_desk* flows() override { return parts_.flows; }
  stock_desk* stock() override { return parts_.stock; }
  statistics_desk* statistics() override { return parts_.statistics; }
  operation_desk& operations() override { return operations_; }
  void counts(answer<std::vector<queue_counts>> done) override;
  void lane(entity_id id, lane_question of, answer<lane_view> done) override;
  void fires(entity_id schedule, position_t before, size_t limit, answer<fire_page> done) override;
  void preview(fire_times_spec times, time_point from, time_point to, size_t limit,
               answer<fire_preview> done) override;
  void check_readiness(answer<readiness> done) override;
  void metrics(answer<std::string> done) override;
  void loads(answer<std::map<std::string, node_load>> done) override;
  void lease(lease_wish wish, answer<lease_answer> done) override;
  void worker_spoke(std::string worker, std::function<void(worker_orders)> done) override;
  void workers(answer<std::vector<worker_row>> done) override;
  void order_worker(std::string worker, worker_orders orders) override;
  void explain_refusal(lease_id lease, std::string verb, failure why, answer<task> done) override;
  void rules(answer<std::vector<work_rule>> done) override;
  void set_rule(work_rule rule, answer<work_rule> done) override;
  void change_rule(rule_scope scope, std::string name, std::function<void(work_rule&)> edit,
                   answer<work_rule> done) override;
  void find(entity_kind kind, std::string id_text, answer<entity_id> done) override;

  /// A question of another node, for a shard that should live here.
  void answer_peer(mesh_request question, std::function<void(mesh_reply)> done);
  /// Begins what works by itself (bulk operations). Once everything it needs has started.
  void start() { operations_.start(); }
  /// Ends that again, while the owners of shards still answer. Idempotent.
  void rest() { operations_.stop(); }
  /// From now on other nodes can be asked. Both outlive `stop`.
  void join(membership& members, mesh& peers);
  void stop();

private:
  using prepared = door_prepared;
  std::string own_metrics() const;
  /// What the store and the log know; as much as there is time for.
  void add_outside_metrics(std::string& out, entity_store& store);
  std::vector<intake_lag> lags_of(const std::vector<shard_row>& rows);
  shard_id shard_for_new(size_t index, size_t count) const;
  result<prepared> prepare(submission item, size_t index, size_t count);
  result<void> check(const submission& item) const;
  using each_answer = answer<std::vector<result<accepted>>>;
  void submit_prepared(std::vector<prepared> items, bool atomic, each_answer done);
  void append(std::vector<prepared> items, each_answer done);
  std::string begin_send(const std::string& traceparent, const prepared& item,
                         std::vector<span>& to);
  void end_send(std::vector<span>& spans, const result<std::vector<log_place>>& places);
  result<void> look_up(entity_store& store, std::vector<prepared>& items);
  result<void> look_up_keys(entity_store& store, std::vector<prepared>& items);
  void lane_here(const mesh_request& question, std::function<void(lane_view)> done);
  void command_until(mesh_request question, duration limit,
                     std::chrono::steady_clock::time_point until, answer<entity> done);
  void ask_owner(mesh_request question, duration limit, answer<entity> done);
  void try_owner(mesh_request question, duration limit, std::chrono::steady_clock::time_point until,
                 answer<entity> reply);
  /// To the shard's actor where it lives here; false through `found` otherwise.
  void ask_here(mesh_request question, duration limit, answer<entity> done,
                std::function<void()> not_here);
  void catch_up(entity_kind kind, entity_id id, answer<entity_view> done);
  /// The id of what a client called `text`, as its partition will derive it.
  entity_id derived_id(entity_kind kind, const std::string& text) const;
  readiness readiness_with(result<void> reached);
  void after(duration delay, std::function<void()> what);

  door_parts parts_;
  std::atomic<membership*> members_{nullptr};  ///< Null on a node alone.
  std::atomic<mesh*> peers_{nullptr};
  std::array<accepted_memory, entity_kinds> memory_;
  accepted_memory& memory(entity_kind kind) { return memory_[static_cast<size_t>(kind)]; }
  std::atomic<bool> stopping_{false};
  entity_loader loader_;
  worker catching_up_;
  letter_office letters_;
  operations_office operations_;
  store_watch store_watch_;
  lag_memory lags_;
};

}  // namespace orrery::app
