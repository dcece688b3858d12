#pragma once
/// A front door whose answers the test writes; asks are recorded. Thread-safe.

#include "domain/ports/front_door.hpp"

#include <atomic>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>
#include <vector>

namespace orrery::test {

inline const entity_id task_id =
    entity_id{parse_uuid("01920000-0000-7003-8000-000000000001").value()};

inline task some_task(entity_id id = task_id) {
  task t;
  t.id = id;
  t.spec.edit([](task_spec& spec) { spec.kind = "noop"; });
  t.status = task_status::queued;
  t.version = 1;
  return t;
}

inline order some_order(entity_id id = task_id) {
  order o;
  o.id = id;
  o.spec.edit([](order_spec& spec) { spec.product = "Laptop"; });
  o.version = 1;
  return o;
}

inline entity some_entity(entity_kind kind, entity_id id) {
  return kind == entity_kind::task ? entity(some_task(id)) : entity(some_order(id));
}

/// Remembers what it was asked.
class fake_letter_desk final : public letter_desk {
public:
  static stored_letter some_letter() {
    stored_letter one;
    one.number = 9;
    one.letter = {intake::tasks, shard_id{1}, 5, {}, "not JSON", "k", "{", {{"a", "b"}}};
    return one;
  }
  void find(letter_query query, answer<letter_page> done) override {
    asked = std::move(query);
    done(letter_page{{some_letter()}, "more"});
  }
  void get(int64_t number, answer<stored_letter> done) override {
    if (number != 9)
      return done(failure{errc::not_found, "there is no such dead letter"});
    done(some_letter());
  }
  void apply(int64_t number, letter_wish what, answer<stored_letter> done) override {
    wish = std::move(what);
    get(number, std::move(done));
  }
  void apply_all(letter_query query, letter_wish what, answer<letter_tally> done) override {
    asked = std::move(query);
    wish = std::move(what);
    done(letter_tally{3, {{7, {errc::rejected, "the letter is DISCARDED"}}}, true});
  }
  letter_query asked;
  letter_wish wish;
};

class fake_operation_desk final : public operation_desk {
public:
  static bulk_operation some_operation() {
    bulk_operation one;
    one.id = task_id;
    one.wish.action = bulk_action::rerun;
    one.wish.all = true;
    one.matched = 3;
    return one;
  }
  void begin(bulk_wish what, answer<bulk_operation> done) override {
    wish = what;
    auto one = some_operation();
    one.wish = std::move(what);
    done(std::move(one));
  }
  void get(entity_id id, answer<bulk_operation> done) override {
    if (id != task_id)
      return done(failure{errc::not_found, "there is no such operation"});
    done(some_operation());
  }
  void list(size_t, answer<std::vector<bulk_operation>> done) override {
    done(std::vector{some_operation(), some_operation()});
  }
  void stop(entity_id id, answer<bulk_operation> done) override { get(id, std::move(done)); }
  bulk_wish wish;
};

class fake_front_door final : public front_door {
public:
  // What the next calls answer; the defaults are happy ones.
  std::function<void(std::vector<submission>, answer<std::vector<accepted>>)> on_submit =
      [](std::vector<submission> items, answer<std::vector<accepted>> done) {
        std::vector<accepted> out;
        for (const auto& item : items)
          out.push_back({.kind = item.kind,
                         .id = task_id,
                         .reference = {},
                         .shard = task_id.shard(),
                         .offset = static_cast<int64_t>(out.size())});
        done(std::move(out));
      };
  std::atomic<uint64_t> last_expected{0};  ///< Of the last command: the version of `If-Match`.
  std::function<void(entity_kind, entity_id, entity_command, answer<entity>)> on_command =
      [](entity_kind kind, entity_id id, entity_command, answer<entity> done) {
        done(some_entity(kind, id));
      };
  std::function<void(entity_kind, entity_id, answer<entity_view>)> on_get =
      [](entity_kind kind, entity_id id, answer<entity_view> done) {
        done(entity_view{.accepted_only = false, .id = id, .state = some_entity(kind, id)});
      };
  std::function<void(entity_kind, entity_id, duration, answer<entity_view>)> on_wait =
      [](entity_kind kind, entity_id id, duration, answer<entity_view> done) {
        done(entity_view{.accepted_only = false, .id = id, .state = some_entity(kind, id)});
      };
  std::function<void(entity_query, answer<entity_page>)> on_list = [](entity_query query,
                                                                      answer<entity_page> done) {
    done(entity_page{{some_entity(query.kind, task_id)}, "more"});
  };
  std::function<void(entity_kind, entity_id, answer<std::vector<event_record>>)> on_history =
      [](entity_kind, entity_id id, answer<std::vector<event_record>> done) {
        done(std::vector<event_record>{
            {position_t{7}, id, from_micros(1), task_event(task_queued{})}});
      };
  fake_letter_desk letter_desk_of_tests;
  std::function<void(answer<readiness>)> on_readiness = [](answer<readiness> done) {
    done(readiness{true, {{"store", true, ""}}});
  };
  std::function<void(std::string, answer<entity_id>)> on_find =
      [](std::string, answer<entity_id> done) { done(task_id); };

  void submit(std::vector<submission> items, answer<std::vector<accepted>> done) override {
    {
      const std::lock_guard lock(guard_);
      submitted_ = items;
    }
    on_submit(std::move(items), std::move(done));
  }
  void submit_each(std::vector<result<submission>> items,
                   answer<std::vector<result<accepted>>> done) override {
    std::vector<result<accepted>> out;
    for (auto& item : items) {
      if (item)
        out.emplace_back(accepted{.kind = item->kind,
                                  .id = task_id,
                                  .reference = {},
                                  .shard = task_id.shard(),
                                  .offset = static_cast<int64_t>(out.size())});
      else
        out.emplace_back(std::move(item).error());
    }
    done(std::move(out));
  }
  void counts(answer<std::vector<queue_counts>> done) override {
    queue_counts one{"default", "noop", {}};
    one.tasks[static_cast<size_t>(task_status::queued)] = 7;
    done(std::vector<queue_counts>{one, {"mail", "http", {}}});
  }
  void lane(entity_id, lane_question, answer<lane_view> done) override { done(slots); }
  lane_view slots;
  void command(entity_kind kind, entity_id id, entity_command wish, duration, answer<entity> done,
               uint64_t expected) override {
    last_expected = expected;
    on_command(kind, id, std::move(wish), std::move(done));
  }
  void get(entity_kind kind, entity_id id, answer<entity_view> done) override {
    on_get(kind, id, std::move(done));
  }
  void wait(entity_kind kind, entity_id id, duration limit, answer<entity_view> done) override {
    on_wait(kind, id, limit, std::move(done));
  }
  void list(entity_query query, answer<entity_page> done) override {
    {
      const std::lock_guard lock(guard_);
      listed_ = query;
    }
    on_list(std::move(query), std::move(done));
  }
  void history(entity_kind kind, entity_id id, answer<std::vector<event_record>> done) override {
    on_history(kind, id, std::move(done));
  }
  letter_desk& letters() override { return letter_desk_of_tests; }
  live_feed& feed() override { return *feed_under_test; }
  live_feed* feed_under_test = nullptr;
  operation_desk& operations() override { return operation_desk_of_tests; }
  fake_operation_desk operation_desk_of_tests;
  void fires(entity_id, position_t before, size_t limit, answer<fire_page> done) override {
    fires_before = before;
    fires_limit = limit;
    past_fire one;
    one.position = position_t{41};
    one.outcome_known = false;
    done(fire_page{{one}, position_t{41}});
  }
  position_t fires_before;
  size_t fires_limit = 0;
  void preview(fire_times_spec times, time_point from, time_point, size_t,
               answer<fire_preview> done) override {
    previewed = std::move(times);
    done(fire_preview{{{std::chrono::floor<std::chrono::seconds>(from).time_since_epoch().count(),
                        0, fire_note::none}},
                      {},
                      true});
  }
  void check_readiness(answer<readiness> done) override { on_readiness(std::move(done)); }
  void metrics(answer<std::string> done) override { done(std::string("orrery_up 1\n")); }
  void loads(answer<std::map<std::string, node_load>> done) override {
    done(std::map<std::string, node_load>{});
  }
  void lease(lease_wish wish, answer<lease_answer> done) override { on_lease(wish, done); }
  void worker_spoke(std::string, std::function<void(worker_orders)> done) override {
    done(worker_orders{});
  }
  void workers(answer<std::vector<worker_row>> done) override {
    done(std::vector<worker_row>{{"w1", 1s, {}, 3}});
  }
  void order_worker(std::string, worker_orders) override {}
  void explain_refusal(lease_id, std::string, failure why, answer<task> done) override {
    done(std::move(why));
  }
  void rules(answer<std::vector<work_rule>> done) override { done(std::vector<work_rule>{rule}); }
  void set_rule(work_rule wish, answer<work_rule> done) override { done(rule = std::move(wish)); }
  void change_rule(rule_scope, std::string, std::function<void(work_rule&)> edit,
                   answer<work_rule> done) override {
    edit(rule);
    done(rule);
  }
  work_rule rule;
  std::function<void(lease_wish, answer<lease_answer>)> on_lease =
      [](lease_wish, answer<lease_answer> done) { done(lease_answer{}); };
  void find(entity_kind, std::string text, answer<entity_id> done) override {
    on_find(std::move(text), std::move(done));
  }

  std::vector<submission> submitted() const {
    const std::lock_guard lock(guard_);
    return submitted_;
  }
  entity_query listed() const {
    const std::lock_guard lock(guard_);
    return listed_;
  }
  fire_times_spec previewed;

private:
  mutable std::mutex guard_;
  std::vector<submission> submitted_;
  entity_query listed_;
};

/// Callbacks put aside, to be answered when the test says so, from the test's thread.
template <class T>
class parked {
public:
  void park(answer<T> done) {
    const std::lock_guard lock(guard_);
    waiting_.push_back(std::move(done));
    changed_.notify_all();
  }
  /// Waits until one is there; an empty function after ten seconds.
  answer<T> take() {
    std::unique_lock lock(guard_);
    if (!changed_.wait_for(lock, std::chrono::seconds(10), [&] { return !waiting_.empty(); }))
      return nullptr;
    auto out = std::move(waiting_.front());
    waiting_.erase(waiting_.begin());
    return out;
  }

private:
  std::mutex guard_;
  std::condition_variable changed_;
  std::vector<answer<T>> waiting_;
};

}  // namespace orrery::test
