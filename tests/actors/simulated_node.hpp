#pragma once
/// A whole node under CAF's test scheduler: virtual time, memory store, log and sink, everything stepped
/// by the test. `settle` runs until nothing is left to do; `advance` lets time pass.

#include "actors/dispatcher.hpp"
#include "actors/node.hpp"
#include "actors/outbox.hpp"
#include "actors/tick_supervisor.hpp"
#include "actors/ttl_supervisor.hpp"
#include "bridge/memory/memory_log.hpp"
#include "bridge/memory/memory_sink.hpp"
#include "codec/messages.hpp"
#include "persistence/memory/memory_store.hpp"
#include "tests/support/expect_log.hpp"

#include <caf/scheduler/test_coordinator.hpp>
#include <caf/scoped_actor.hpp>
#include <gtest/gtest.h>

namespace orrery::test {

/// Follows the scheduler's virtual clock.
class virtual_clock final : public clock {
public:
  time_point now() const override { return now_; }
  time_point now_ = from_micros(1'800'000'000'000'000);
};

/// Commits when stepped, in the caller's thread.
class stepped_commits final : public actors::commit_service {
public:
  stepped_commits(store& where, const clock& time) : session_(where.open_journal()), time_(time) {}

  void enlist(std::shared_ptr<actors::pending_commit> pending) override {
    enlisted_.push_back(std::move(pending));
  }
  void acquire(shard_id shard, std::function<void(result<shard_tenure>)> done) override {
    if (hold_acquisitions)
      acquisitions_.emplace_back(shard, std::move(done));
    else
      done(session_->acquire(shard, "test", time_.now()));
  }
  void withdraw(shard_id shard) override {
    for (auto& [number, done] : acquisitions_)
      if (number == shard)
        done(failure{errc::rejected, "withdrawn"});
    std::erase_if(acquisitions_, [&](const auto& one) { return one.first == shard; });
  }
  void acquire_held() {
    for (auto& [shard, done] : std::exchange(acquisitions_, {}))
      done(session_->acquire(shard, "test", time_.now()));
  }
  void mark_published(shard_id shard, epoch_t epoch, position_t upto) override {
    EXPECT_TRUE(session_->mark_published(shard, epoch, upto));
  }
  void mark_copied(shard_id shard, std::vector<int64_t> numbers) override {
    EXPECT_TRUE(session_->mark_copied(shard, numbers));
  }

  bool step() {
    if (held || enlisted_.empty() || drop_after == 0)
      return false;
    if (drop_after)
      --*drop_after;
    auto pending = std::move(enlisted_.front());
    enlisted_.pop_front();
    const auto sealed = pending->seal();
    ++commits;
    if (std::exchange(refuse_contents, false)) {
      pending->notify({actors::commit_note::kind::lost, sealed.ordinal, true, "refused"});
      return true;
    }
    const auto report = session_->commit(std::span(&sealed.batch, 1));
    actors::commit_note note;
    note.ordinal = sealed.ordinal;
    if (report.outcome != commit_outcome::done)
      note = {actors::commit_note::kind::lost, sealed.ordinal, false, report.detail};
    const bool more = pending->finish() && report.outcome == commit_outcome::done;
    pending->notify(note);
    if (more)
      enlisted_.push_back(std::move(pending));
    return true;
  }

  bool held = false;
  bool hold_acquisitions = false;
  bool refuse_contents = false;   ///< Of the next: its shard must look everything up.
  std::optional<int> drop_after;  ///< Commits that are still made.
  int commits = 0;

private:
  std::vector<std::pair<shard_id, std::function<void(result<shard_tenure>)>>> acquisitions_;
  std::unique_ptr<journal_store> session_;
  const clock& time_;
  std::deque<std::shared_ptr<actors::pending_commit>> enlisted_;
};

/// Reads at once, in the caller's thread, or, where it was held, when stepped.
class inline_reads final : public actors::read_service {
public:
  explicit inline_reads(store& where) : session_(where.open_reader()) {}
  void run(std::function<void(entity_store&)> job, std::function<void()>) override {
    if (held)
      waiting_.push_back(std::move(job));
    else
      job(*session_);
  }
  bool step() {
    if (held || waiting_.empty())
      return false;
    auto job = std::move(waiting_.front());
    waiting_.pop_front();
    job(*session_);
    return true;
  }
  bool held = false;

private:
  std::deque<std::function<void(entity_store&)>> waiting_;
  std::unique_ptr<entity_store> session_;
};

/// Work that ends when the test says so.
class scripted_executor final : public executor {
public:
  void start(work_item item, std::function<void(work_outcome)> done) override {
    if (throw_next) {
      throw_next = false;
      throw std::runtime_error("the executor broke");
    }
    running.push_back({std::move(item), std::move(done)});
  }
  void stop(entity_id task, attempt_token token, stop_mode mode) override {
    stops.push_back({task, token, mode});
    if (!obey)
      return;
    for (size_t i = 0; i < running.size(); ++i)
      if (running[i].item.task == task && running[i].item.token == token)
        return end(i, {.error = "stopped", .error_code = "stopped"});
  }
  result<void> check(const std::string&) const override { return {}; }

  void end(size_t index, work_outcome outcome) {
    auto one = std::move(running[index]);
    running.erase(running.begin() + static_cast<std::ptrdiff_t>(index));
    one.done(std::move(outcome));
  }

  struct job {
    work_item item;
    std::function<void(work_outcome)> done;
  };
  struct stopped {
    entity_id task;
    attempt_token token;
    stop_mode mode;
  };
  std::vector<job> running;
  std::vector<stopped> stops;
  bool obey = true;
  bool throw_next = false;
};

class simulated_node : public ::testing::Test {
protected:
  struct config : caf::actor_system_config {
    config() {
      actors::configure(*this, 1);
      set("scheduler.policy", caf::atom("testing"));
    }
  };

  /// Does not wait for the drain: the test runs it.
  class listener final : public intake_listener {
  public:
    explicit listener(caf::actor bridge) : bridge_(std::move(bridge)) {}
    void assigned(const std::vector<shard_id>& shards) override {
      caf::anon_send(bridge_, actors::shards_assigned{shards});
    }
    void revoked(const std::vector<shard_id>& shards, bool lost) override {
      caf::anon_send(bridge_, actors::shards_revoked{shards, lost, [this] { ++revocations_done; }});
    }
    void records(shard_id shard, epoch_t tenure, std::vector<log_record> batch) override {
      caf::anon_send(bridge_, actors::shard_records{shard, tenure, std::move(batch)});
    }
    void failed(const failure& why) override { ADD_FAILURE() << why.detail; }
    int revocations_done = 0;

  private:
    caf::actor bridge_;
  };

  static constexpr uint32_t shards = 2;
  static constexpr shard_id shard0{0};

  simulated_node() {
    EXPECT_TRUE(truth.migrate(shards));
    EXPECT_TRUE(log.prepare(shards));
    sched.clock().current_time += std::chrono::hours(1);
    context.dispatcher = sys.spawn<actors::dispatcher>(context);
    context.ttl = sys.spawn<actors::ttl_supervisor>(context);
    context.tick = sys.spawn<actors::tick_supervisor>(context);
    context.outbox = sys.spawn<actors::outbox>(context);
    bridge = sys.spawn<actors::bridge>(context);
    listening = std::make_unique<listener>(bridge);
    EXPECT_TRUE(log.consumer().open(*listening));
    settle();
  }

  ~simulated_node() override {
    for (const auto& one : {find_shard(shard0), find_shard(shard_id{1}), bridge, context.outbox,
                            context.tick, context.ttl, context.dispatcher})
      if (one)
        caf::anon_send_exit(one, caf::exit_reason::kill);
    while (sched.try_run_once()) {
    }
    log.consumer().close();
  }

  /// Runs everything that can run without time passing.
  void settle() {
    for (int rounds = 0; rounds < 1'000'000; ++rounds) {
      bool progress = false;
      while (sched.try_run_once())
        progress = true;
      progress |= log.step();
      progress |= commits.step();
      progress |= reads.step();
      progress |= sink.step();
      if (!progress)
        return;
    }
    ADD_FAILURE() << "never comes to rest";
  }

  void advance(duration length, duration step = 10ms) {
    settle();
    while (length > 0us) {
      const auto part = std::min(step, length);
      time.now_ += part;
      sched.advance_time(std::chrono::duration_cast<caf::timespan>(part));
      length -= part;
      settle();
    }
  }

  caf::actor find_shard(shard_id number) {
    caf::actor found;
    caf::anon_send(bridge,
                   actors::route_to_shard{number, [&](caf::actor a) { found = std::move(a); }});
    while (sched.try_run_once()) {
    }
    return found;
  }

  entity_id fresh_id(shard_id shard = shard0) {
    return new_entity_id(time.now(), shard, ++random_);
  }

  void produce(intake topic, shard_id shard, std::string value,
               std::vector<log_header> headers = {}) {
    log.producer().produce({{topic, shard, {}, std::move(value), std::move(headers)}},
                           [](const auto& places) { EXPECT_TRUE(places); });
    settle();
  }

  entity_id submit(task_spec spec, shard_id shard = shard0) {
    const auto id = fresh_id(shard);
    produce(intake::tasks, shard,
            codec::write_intake(id, task_command{submit_task{std::move(spec)}}),
            {{"orrery-fresh", "1"}});
    return id;
  }

  static task_spec spec_of(std::string kind) {
    task_spec spec;
    spec.kind = std::move(kind);
    return spec;
  }

  std::optional<task> stored(entity_id id) {
    const auto found = reader->load(std::span(&id, 1));
    if (!found || found->empty())
      return std::nullopt;
    return std::get<task>(found->front());
  }
  std::optional<order> stored_order(entity_id id) {
    const auto found = reader->load(std::span(&id, 1));
    if (!found || found->empty())
      return std::nullopt;
    return std::get<order>(found->front());
  }
  task_status status(entity_id id) {
    const auto t = stored(id);
    EXPECT_TRUE(t) << "no such task";
    return t ? t->status : task_status::failed;
  }

  /// A direct command; empty while it is not answered.
  std::shared_ptr<std::optional<result<entity>>> ask(entity_id id, entity_command wish,
                                                     uint64_t expected = 0) {
    auto told = std::make_shared<std::optional<result<entity>>>();
    const auto kind = kind_of(wish);
    caf::anon_send(find_shard(id.shard()),
                   actors::direct_command{kind, id, std::move(wish), time.now() + 5s,
                                          [told](result<entity> r) { told->emplace(std::move(r)); },
                                          expected});
    settle();
    return told;
  }

  std::vector<std::string> published(shard_id shard = shard0) {
    std::vector<std::string> out;
    for (const auto& event : topics.events(shard))
      out.emplace_back(std::visit(
          [](const auto& e) {
            if constexpr (requires { e.status; })
              return to_string(e.status);
            else
              return std::string_view("a message");
          },
          event));
    return out;
  }

  virtual_clock time;
  memory_store truth{time};
  memory_cluster kafka{memory_cluster::ownership::automatic, &time};
  memory_log log{kafka, "test", memory_log::drive::stepped};
  memory_topics topics;
  memory_sink sink{topics, memory_sink::drive::stepped};
  stepped_commits commits{truth, time};
  inline_reads reads{truth};
  scripted_executor work;
  config settings;
  caf::actor_system sys{settings};
  caf::scheduler::test_coordinator& sched =
      dynamic_cast<caf::scheduler::test_coordinator&>(sys.scheduler());
  actors::node_context context{"test",
                               time,
                               limits_of_tests(),
                               commits,
                               reads,
                               log,
                               sink,
                               {{"work", &work}},
                               {},
                               {},
                               {},
                               {},
                               {},
                               {},
                               {},
                               nullptr,
                               {},
                               {}};
  caf::actor bridge;
  std::unique_ptr<listener> listening;
  std::unique_ptr<entity_store> reader = truth.open_reader();

private:
  static actors::node_limits limits_of_tests() {
    actors::node_limits limits;
    limits.shards = shards;
    return limits;
  }
  uint64_t random_ = 0;
};

}  // namespace orrery::test
