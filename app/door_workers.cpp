/// The half of the front door for external workers and for the rules of queues.

#include "actors/worker_messages.hpp"
#include "app/door.hpp"
#include "app/rule_book.hpp"
#include "base/time.hpp"

#include <caf/send.hpp>

namespace orrery::app {

namespace {

template <class T>
answer<T> first_only(answer<T> done) {
  auto answered = std::make_shared<std::atomic<bool>>(false);
  return [answered, done = std::move(done)](result<T> outcome) {
    if (!answered->exchange(true))
      done(std::move(outcome));
  };
}

failure no_rules() { return {errc::unavailable, "the rules are not known on this node"}; }

}  // namespace

void door::lease(lease_wish wish, answer<lease_answer> done) {
  actors::poll_for_work poll;
  for (size_t i = 0; i < poll.seed.size(); i += 8) {
    auto bits = parts_.chance.next();
    for (size_t j = 0; j < 8; ++j, bits >>= 8)
      poll.seed[i + j] = static_cast<uint8_t>(bits);
  }
  poll.reply = first_only<lease_answer>(std::move(done));
  poll.wish = std::move(wish);
  caf::anon_send(parts_.context.desk, std::move(poll));
}

void door::worker_spoke(std::string worker, std::function<void(worker_orders)> done) {
  caf::anon_send(parts_.context.desk, actors::worker_spoke{std::move(worker), std::move(done)});
}

void door::workers(answer<std::vector<worker_row>> done) {
  caf::anon_send(parts_.context.desk, actors::list_workers{[done](std::vector<worker_row> rows) {
                   done(std::move(rows));
                 }});
}

void door::order_worker(std::string worker, worker_orders orders) {
  caf::anon_send(parts_.context.desk, actors::give_orders{std::move(worker), orders, false});
}

/// A refusal alone would not tell a worker what it must do now.
void door::explain_refusal(lease_id lease, std::string verb, failure why, answer<task> done) {
  if (why.code != errc::rejected)
    return done(std::move(why));
  get(entity_kind::task, lease.task,
      [lease, verb = std::move(verb), why = std::move(why), done](result<entity_view> view) {
        if (!view || !view->state)
          return done(why);
        auto state = std::get<task>(std::move(*view->state));
        if (verb == "heartbeat" && state.status == task_status::cancelled &&
            state.token() == lease.token)
          return done(std::move(state));
        auto told = why;
        told.detail += "; it is " + std::string(to_string(state.status)) + " since " +
                       format_time(state.updated_at);
        if (state.reason != end_reason::none)
          told.detail += ", the last attempt ended by " + std::string(to_string(state.reason));
        done(std::move(told));
      });
}

void door::rules(answer<std::vector<work_rule>> done) {
  if (parts_.rules == nullptr)
    return done(no_rules());
  parts_.rules->list(std::move(done));
}

void door::set_rule(work_rule rule, answer<work_rule> done) {
  change_rule(
      rule.scope, rule.name,
      [rule](work_rule& now) {
        const auto version = now.version;
        now = rule;
        now.version = version;
      },
      std::move(done));
}

void door::change_rule(rule_scope scope, std::string name, std::function<void(work_rule&)> edit,
                       answer<work_rule> done) {
  if (parts_.rules == nullptr)
    return done(no_rules());
  parts_.rules->change(scope, std::move(name), std::move(edit), std::move(done));
}

}  // namespace orrery::app
