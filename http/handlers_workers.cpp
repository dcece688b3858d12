#include "http/handlers_workers.hpp"

#include "codec/log_lines.hpp"
#include "codec/worker_bodies.hpp"
#include "http/problem.hpp"
#include "http/routes.hpp"

namespace orrery::http::handlers {

namespace {

rule_scope scope_of(const exchange_ptr& ex) {
  return ex->matched->pattern.starts_with("/api/kinds") ? rule_scope::kind : rule_scope::queue;
}

void answer_rule(const exchange_ptr& ex, result<work_rule> rule) {
  if (!rule)
    return ex->fail(rule.error());
  response out;
  codec::append(out.body, *rule);
  ex->finish(std::move(out));
}

}  // namespace

void lease_work(const exchange_ptr& ex) {
  auto wish = codec::read_lease_wish(ex->in.body);
  if (!wish)
    return ex->fail(wish.error());
  // The answer must come before the request's own limit, or what was leased would be lost on the way.
  wish->wait = std::min(wish->wait, ex->options.request_timeout * 4 / 5);
  ex->door.lease(std::move(*wish), [ex](result<lease_answer> told) {
    if (!told)
      return ex->fail(told.error());
    response out;
    codec::append(out.body, *told);
    ex->finish(std::move(out));
  });
}

void report_on_lease(const exchange_ptr& ex) {
  const auto lease = parse_lease(ex->in.id);
  if (!lease)
    return ex->fail({errc::not_found, "is not a lease", "lease"});
  auto wish = codec::read_report(*lease, ex->in.action, ex->in.body);
  if (!wish)
    return ex->fail(wish.error());
  std::vector<log_line> lines;
  if (ex->in.action == "heartbeat") {
    auto read = codec::read_log_lines(ex->in.body);
    if (!read)
      return ex->fail(read.error());
    lines = std::move(*read);
  }
  const auto limit = ex->options.request_timeout * 9 / 10;
  ex->door.command(entity_kind::task, lease->task, std::move(*wish), limit,
                   [ex, lease, lines = std::move(lines)](result<entity> after) mutable {
                     if (!ex->open())
                       return;
                     if (!after)
                       return ex->door.explain_refusal(
                           *lease, ex->in.action, after.error(), [ex, lease](result<task> state) {
                             // A heartbeat of a cancelled attempt is how its worker learns of it: no refusal.
                             if (!state)
                               return ex->fail(state.error());
                             response out;
                             codec::append_report(out.body, *state, *lease, {});
                             ex->finish(std::move(out));
                           });
                     if (auto* desk = logs_of(ex); desk != nullptr)
                       desk->recorder().write(lease->task, lease->token, std::move(lines));
                     auto state = std::get<task>(std::move(*after));
                     const auto worker = state.worker;
                     ex->door.worker_spoke(
                         worker, [ex, lease, state = std::move(state)](worker_orders orders) {
                           response out;
                           codec::append_report(out.body, state, *lease, orders);
                           ex->finish(std::move(out));
                         });
                   });
}

void list_workers(const exchange_ptr& ex) {
  ex->door.workers([ex](result<std::vector<worker_row>> rows) {
    if (!rows)
      return ex->fail(rows.error());
    response out;
    codec::append(out.body, *rows);
    ex->finish(std::move(out));
  });
}

void order_worker(const exchange_ptr& ex) {
  worker_orders orders;
  orders.quiet = ex->in.action == "quiet";
  orders.terminate = ex->in.action == "terminate";
  ex->door.order_worker(ex->in.id, orders);
  response out;
  codec::append(out.body, ex->in.id, orders);
  ex->finish(std::move(out));
}

void list_rules(const exchange_ptr& ex) {
  ex->door.rules([ex](result<std::vector<work_rule>> rules) {
    if (!rules)
      return ex->fail(rules.error());
    response out;
    out.body = R"({"items":[)";
    for (size_t i = 0; i < rules->size(); ++i) {
      if (i > 0)
        out.body += ',';
      codec::append(out.body, (*rules)[i]);
    }
    out.body += "]}";
    ex->finish(std::move(out));
  });
}

void get_rule(const exchange_ptr& ex) {
  ex->door.rules([ex, scope = scope_of(ex)](result<std::vector<work_rule>> rules) {
    if (!rules)
      return ex->fail(rules.error());
    work_rule none;
    none.scope = scope;
    none.name = ex->in.id;
    for (auto& rule : *rules)
      if (rule.scope == scope && rule.name == ex->in.id)
        none = std::move(rule);
    answer_rule(ex, std::move(none));
  });
}

void set_rule(const exchange_ptr& ex) {
  auto rule = codec::read_rule(scope_of(ex), ex->in.id, ex->in.body);
  if (!rule)
    return ex->fail(rule.error());
  ex->door.set_rule(std::move(*rule),
                    [ex](result<work_rule> now) { answer_rule(ex, std::move(now)); });
}

void change_rule(const exchange_ptr& ex) {
  auto note = codec::read_note(ex->in.body);
  if (!note)
    return ex->fail(note.error());
  ex->door.change_rule(
      scope_of(ex), ex->in.id,
      [verb = ex->in.action, note = std::move(*note)](work_rule& rule) {
        if (verb == "pause")
          rule.paused = true;
        else if (verb == "drain")
          rule.draining = true;
        else
          rule.paused = rule.draining = false;
        rule.note = note;
      },
      [ex](result<work_rule> now) { answer_rule(ex, std::move(now)); });
}

}  // namespace orrery::http::handlers
