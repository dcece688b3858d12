/// What attempts wrote: read, followed, and taken from workers.

#include "http/handlers.hpp"
#include "http/handlers_workers.hpp"
#include "http/routes.hpp"
#include "http/target.hpp"

#include "codec/json.hpp"
#include "codec/log_lines.hpp"
#include "domain/lease.hpp"
#include "domain/ports/task_logs.hpp"
#include "domain/task_runs.hpp"

#include <charconv>

namespace orrery::http::handlers {

namespace {

/// What the query asks for; the schemas of the parameters have been checked.
struct log_question {
  uint32_t run = 0;      ///< 0 = the latest.
  uint32_t attempt = 0;  ///< 0 = the latest of the run.
  bool follow = false;
  log_wish wish;
};

template <class Number>
void read_number(const parameter& p, std::string_view name, Number& into) {
  if (p.name == name)
    std::from_chars(p.value.data(), p.value.data() + p.value.size(), into);
}

result<log_question> read_log_question(const exchange_ptr& ex) {
  auto parameters = parse_query(ex->in.query);
  if (!parameters)
    return std::move(parameters).error();
  log_question asked;
  asked.follow = ex->in.accepts_events;
  for (auto& p : *parameters) {
    read_number(p, "run", asked.run);
    read_number(p, "attempt", asked.attempt);
    read_number(p, "tail", asked.wish.tail);
    if (p.name == "follow")
      asked.follow = p.value == "true";
    if (p.name == "after")
      asked.wish.after = std::move(p.value);
  }
  if (!ex->in.last_event_id.empty())
    asked.wish.after = ex->in.last_event_id;
  return asked;
}

void follow_log(const exchange_ptr& ex, log_desk& desk, log_wish wish) {
  response head{.type = media::events};
  if (ex->in.verb == method::head)
    return ex->finish(std::move(head));
  auto more = std::make_shared<stream_signal>();
  desk.follow(
      std::move(wish), [more] { more->raise(); },
      [ex, more, head](result<std::shared_ptr<feed_stream>> opened) mutable {
        if (!opened)
          return ex->fail(opened.error());
        head.stream = std::move(*opened);
        head.more = more;
        ex->finish(std::move(head));
      });
}

void tell_log(const exchange_ptr& ex, log_question asked) {
  auto* desk = ex->open() ? logs_of(ex) : nullptr;
  if (desk == nullptr)
    return ex->fail({errc::not_found, "this node keeps no logs"});
  asked.wish.token = {asked.run, asked.attempt};
  if (asked.follow)
    return follow_log(ex, *desk, std::move(asked.wish));
  const auto wish = asked.wish;
  desk->read(std::move(asked.wish), [ex, wish](const result<log_answer>& told) {
    if (!told)
      return ex->fail(told.error());
    response out;
    codec::append(out.body, wish, *told);
    ex->finish(std::move(out));
  });
}

/// The last attempt of an earlier run stands in the history alone.
void tell_log_of_earlier_run(const exchange_ptr& ex, log_question asked) {
  ex->door.history(entity_kind::task, asked.wish.task,
                   [ex, asked](result<std::vector<event_record>> events) mutable {
                     if (!events)
                       return ex->fail(events.error());
                     asked.attempt = 1;
                     for (const auto& run : runs_of(*events))
                       if (run.run == asked.run && !run.attempts.empty())
                         asked.attempt = run.attempts.back().attempt;
                     tell_log(ex, std::move(asked));
                   });
}

}  // namespace

log_desk* logs_of(const exchange_ptr& ex) {
  auto* hall = dynamic_cast<log_hall*>(&ex->door);
  return hall == nullptr ? nullptr : hall->logs();
}

void task_logs(const exchange_ptr& ex) {
  auto read = read_log_question(ex);
  if (!read)
    return ex->fail(read.error());
  with_task(ex, [ex, asked = std::move(*read)](const task& t) mutable {
    asked.wish.task = t.id;
    if (asked.run == 0)
      asked.run = t.run;
    const auto latest = std::max(1u, t.attempt);
    if (asked.run > t.run || (asked.run == t.run && asked.attempt > latest))
      return ex->fail({errc::not_found, "there is no such attempt yet"});
    if (asked.run < t.run && asked.attempt == 0)
      return tell_log_of_earlier_run(ex, std::move(asked));
    if (asked.attempt == 0)
      asked.attempt = latest;
    tell_log(ex, std::move(asked));
  });
}

void log_of_lease(const exchange_ptr& ex) {
  const auto lease = parse_lease(ex->in.id);
  if (!lease)
    return ex->fail({errc::not_found, "is not a lease", "lease"});
  auto lines = codec::read_log_lines(ex->in.body);
  if (!lines)
    return ex->fail(lines.error());
  // The start of a lease is durable before it is handed out, so the store knows who holds it.
  ex->door.get(
      entity_kind::task, lease->task,
      [ex, lease = *lease, lines = std::move(*lines)](result<entity_view> view) mutable {
        if (!view)
          return ex->fail(view.error());
        const auto* t = view->state ? &std::get<task>(*view->state) : nullptr;
        if (t == nullptr || t->token() != lease.token || !t->extra.is_set() ||
            !equal_in_constant_time(t->extra->secret, lease.secret))
          return ex->fail({errc::rejected, "the lease is not held"});
        if (t->status != task_status::running)
          return ex->fail({errc::rejected, "the task is " + std::string(to_string(t->status))});
        auto* desk = ex->open() ? logs_of(ex) : nullptr;
        if (desk == nullptr)
          return ex->fail({errc::not_found, "this node keeps no logs"});
        const auto count = lines.size();
        desk->recorder().write(lease.task, lease.token, std::move(lines));
        response out;
        codec::json_writer(out.body)
            .begin_object()
            .field("taskId", lease.task.value)
            .field("run", lease.token.run)
            .field("attempt", lease.token.attempt)
            .field("lines", static_cast<uint64_t>(count))
            .end_object();
        ex->finish(std::move(out));
      });
}

}  // namespace orrery::http::handlers
