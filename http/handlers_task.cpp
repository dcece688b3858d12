/// Routes that tell of one task more than itself, and of all of them how many there are.

#include "http/handlers.hpp"
#include "http/routes.hpp"
#include "http/target.hpp"

#include "codec/messages.hpp"

#include <algorithm>
#include <charconv>

namespace orrery::http::handlers {

namespace {

constexpr duration wait_max = 30s;
constexpr size_t holders_looked_at = 500;
constexpr size_t holders_told = 5;

/// `wait`, as `10s`, `PT10S` or a number of seconds; at most 30 s count.
result<duration> read_wait(const std::vector<parameter>& parameters) {
  for (const auto& p : parameters) {
    if (p.name != "wait")
      continue;
    int64_t seconds = 0;
    const auto* end = p.value.data() + p.value.size();
    const auto [last, error] = std::from_chars(p.value.data(), end, seconds);
    if (error == std::errc{} && last == end && seconds >= 0)
      return std::min<duration>(std::chrono::seconds{std::min<int64_t>(seconds, 3600)}, wait_max);
    auto length = parse_duration(p.value);
    if (!length || *length < 0us)
      return failure{errc::invalid, "must be a duration, like 10s", "wait"};
    return std::min(*length, wait_max);
  }
  return duration{};
}

void answer_result(const exchange_ptr& ex, const result<entity_view>& view) {
  if (!view)
    return ex->fail(view.error());
  response out;
  if (!view->state) {
    out.status = 202;
    codec::json_writer(out.body)
        .begin_object()
        .field("taskId", view->id.value)
        .field("status", "ACCEPTED")
        .end_object();
    return ex->finish(std::move(out));
  }
  const auto& t = std::get<task>(*view->state);
  out.status = is_final(t.status) ? 200 : 202;
  codec::append_result(out.body, t);
  ex->finish(std::move(out));
}

void answer_blocker(const exchange_ptr& ex, const task& t, const blocker& why,
                    const std::vector<task>& holders) {
  response out;
  codec::append_blocker(out.body, t, why, holders);
  ex->finish(std::move(out));
}

/// With some of those that hold what the task waits for, the longest first.
void tell_blocker(const exchange_ptr& ex, const task& t, const blocker& why) {
  const auto by = holders_of(why);
  if (by == held_by::nobody || !ex->open())
    return answer_blocker(ex, t, why, {});
  entity_query query;
  query.statuses = {static_cast<uint8_t>(task_status::running)};
  query.order = list_order::oldest_first;
  query.limit = holders_looked_at;
  (by == held_by::kind ? query.task_kind : query.queue) =
      by == held_by::kind ? t.spec->kind : t.spec->queue;
  ex->door.list(std::move(query), [ex, t, why, by](const result<entity_page>& page) {
    std::vector<task> holders;
    if (page)
      for (const auto& item : page->items) {
        const auto& one = std::get<task>(item);
        if (holders.size() < holders_told &&
            (by != held_by::key || one.spec->options->limit_key == t.spec->options->limit_key))
          holders.push_back(one);
      }
    answer_blocker(ex, t, why, holders);
  });
}

template <class Items>
std::string listed(const Items& items) {
  std::string out = R"({"items":[)";
  for (size_t i = 0; i < items.size(); ++i) {
    if (i > 0)
      out += ',';
    codec::append_view(out, items[i]);
  }
  return out + "]}";
}

}  // namespace

void with_task(const exchange_ptr& ex, std::function<void(const task&)> next) {
  with_entity(ex, [ex, next = std::move(next)](entity_id id) {
    ex->door.get(entity_kind::task, id, [ex, next](result<entity_view> view) {
      if (!view)
        return ex->fail(view.error());
      if (!view->state)
        return ex->fail({errc::unavailable, "accepted, and not yet taken up"});
      if (ex->open())
        next(std::get<task>(*view->state));
    });
  });
}

void task_runs(const exchange_ptr& ex) {
  if (refuses_parameters(ex))
    return;
  with_entity(ex, [ex](entity_id id) {
    ex->door.history(entity_kind::task, id, [ex](result<std::vector<event_record>> events) {
      if (!events)
        return ex->fail(events.error());
      ex->finish({.body = listed(runs_of(*events))});
    });
  });
}

void task_result(const exchange_ptr& ex) {
  const auto parameters = parse_query(ex->in.query);
  if (!parameters)
    return ex->fail(parameters.error());
  const auto wait = read_wait(*parameters);
  if (!wait)
    return ex->fail(wait.error());
  with_entity(ex, [ex, wait = *wait](entity_id id) {
    // Read first: what has ended needs no owner to say so.
    ex->door.get(entity_kind::task, id, [ex, id, wait](result<entity_view> view) {
      const bool ended = view && view->state && is_final(*view->state);
      if (!view || ended || wait == duration{} || !ex->open())
        return answer_result(ex, view);
      ex->door.wait(entity_kind::task, view->id, wait,
                    [ex](result<entity_view> later) { answer_result(ex, later); });
    });
  });
}

void task_why(const exchange_ptr& ex) {
  if (refuses_parameters(ex))
    return;
  with_task(ex, [ex](const task& t) {
    if (t.status != task_status::queued)
      return tell_blocker(ex, t, why_waiting(t, {}));
    ex->door.lane(
        t.id, {t.spec->queue, t.spec->kind, t.spec->options->limit_key, t.spec->options->labels},
        [ex, t](const result<lane_view>& lane) {
          tell_blocker(ex, t, why_waiting(t, lane ? *lane : lane_view{}));
        });
  });
}

void task_counts(const exchange_ptr& ex) {
  if (refuses_parameters(ex))
    return;
  ex->door.counts([ex](result<std::vector<queue_counts>> rows) {
    if (!rows)
      return ex->fail(rows.error());
    queue_counts sum;
    for (const auto& row : *rows)
      for (size_t i = 0; i < task_statuses; ++i)
        sum.tasks[i] += row.tasks[i];
    response out;
    out.body = listed(*rows);
    out.body.pop_back();
    out.body += R"(,"total":{)";
    for (size_t i = 0; i < task_statuses; ++i)
      out.body.append(i == 0 ? "\"" : ",\"")
          .append(to_string(static_cast<task_status>(i)))
          .append("\":")
          .append(std::to_string(sum.tasks[i]));
    out.body += "}}";
    ex->finish(std::move(out));
  });
}

}  // namespace orrery::http::handlers
