#include "codec/worker_bodies.hpp"

#include "base/time.hpp"
#include "codec/detail/member.hpp"
#include "codec/json.hpp"
#include "codec/messages.hpp"

namespace orrery::codec {

namespace {

using namespace detail;

result<void> read_members(std::string_view body,
                          const std::function<bool(std::string_view, const member&)>& one,
                          failure& error) {
  if (trimmed(body).empty())
    return {};
  bool good = true;
  auto told = read_json(body, outermost::object, [&](std::string_view key, json_value& value) {
    return good = one(key, member(key, value, error));
  });
  if (!good)
    return error;
  return told;
}

bool read_limit(const member& m, std::string_view key, work_limit& into, bool& known) {
  known = true;
  if (key == "concurrency")
    return m.whole(into.concurrency);
  if (key == "rate")
    return m.real(into.rate);
  if (key == "burst")
    return m.whole(into.burst);
  known = false;
  return true;
}

}  // namespace

result<lease_wish> read_lease_wish(std::string_view body) {
  lease_wish wish;
  failure error;
  auto told = read_members(
      body,
      [&](std::string_view key, const member& m) {
        if (key == "worker")
          return m.text(wish.worker, limits::name_bytes);
        if (key == "queues")
          return m.texts(wish.queues, 100);
        if (key == "kinds")
          return m.texts(wish.kinds, 100);
        if (key == "labels")
          return m.texts(wish.labels, limits::tags);
        if (key == "max")
          return m.whole(wish.max);
        if (key == "wait")
          return m.length(wish.wait);
        return true;
      },
      error);
  if (!told)
    return std::move(told).error();
  if (wish.worker.empty())
    return failure{errc::invalid, "is missing", "worker"};
  if (wish.max < 1 || wish.max > leases_max)
    return failure{errc::invalid, "must lie between 1 and 1000", "max"};
  if (wish.wait < duration{} || wish.wait > lease_wait_max)
    return failure{errc::invalid, "must lie between 0 and 60 seconds", "wait"};
  return wish;
}

result<entity_command> read_report(const lease_id& lease, std::string_view verb,
                                   std::string_view body) {
  std::string whole(trimmed(body));
  if (whole.empty())
    whole = "{}";
  if (whole.front() != '{' || whole.back() != '}')
    return failure{errc::invalid, "must be a JSON object"};
  // Of a member that comes twice the last one counts: what the lease says is said last.
  whole.pop_back();
  const bool first = trimmed(std::string_view(whole).substr(1)).empty();
  whole += std::string(first ? "" : ",") + "\"lease\":\"" + to_string(lease) + "\"}";
  return read_command(entity_kind::task, verb, whole);
}

void append(std::string& out, const lease_answer& answer) {
  json_writer all(out);
  all.begin_object().key("items").begin_array();
  for (const auto& item : answer.items) {
    all.begin_object().field("lease", to_string(item.lease)).field("taskId", item.lease.task.value);
    all.field("run", item.lease.token.run).field("attempt", item.lease.token.attempt);
    all.field("epoch", item.lease.epoch.value);
    all.field("kind", item.kind).field("queue", item.queue);
    if (!item.payload.empty())
      all.key("payload").raw(item.payload);
    all.field("ttl", format_duration(item.ttl));
    if (item.heartbeat > duration{})
      all.field("heartbeat", format_duration(item.heartbeat));
    all.field("startedAt", item.started_at);
    if (!item.cursor.empty())
      all.key("cursor").raw(item.cursor);
    all.optional_field("traceparent", item.traceparent).end_object();
  }
  all.end_array();
  all.field("quiet", answer.orders.quiet || answer.orders.terminate);
  all.field("terminate", answer.orders.terminate).end_object();
}

void append_report(std::string& out, const task& state, const lease_id& lease,
                   const worker_orders& orders) {
  const bool ended = state.status == task_status::cancelled;
  json_writer all(out);
  all.begin_object().field("taskId", state.id.value);
  all.field("run", lease.token.run).field("attempt", lease.token.attempt);
  all.field("status", to_string(state.status));
  all.field("cancel", ended);
  all.field("quiet", orders.quiet || orders.terminate);
  all.field("terminate", orders.terminate || (ended && state.reason == end_reason::killed));
  if (state.status == task_status::running && state.token() == lease.token)
    if (const auto end = state.attempt_ends(never); end.at != never)
      all.field("endsAt", end.at);
  all.end_object();
}

void append(std::string& out, const std::vector<worker_row>& workers) {
  json_writer all(out);
  all.begin_object().key("items").begin_array();
  for (const auto& one : workers)
    all.begin_object()
        .field("worker", one.name)
        .field("silent", format_duration(one.silent))
        .field("leased", one.leased)
        .field("quiet", one.orders.quiet || one.orders.terminate)
        .field("terminate", one.orders.terminate)
        .end_object();
  all.end_array().end_object();
}

void append(std::string& out, const std::string& worker, const worker_orders& orders) {
  json_writer(out)
      .begin_object()
      .field("worker", worker)
      .field("quiet", orders.quiet || orders.terminate)
      .field("terminate", orders.terminate)
      .end_object();
}

// Rules.

result<work_rule> read_rule(rule_scope scope, std::string name, std::string_view body) {
  work_rule rule;
  rule.scope = scope;
  rule.name = std::move(name);
  failure error;
  auto told = read_members(
      body,
      [&](std::string_view key, const member& m) {
        bool known = false;
        if (const bool good = read_limit(m, key, rule.whole, known); known)
          return good;
        if (key == "perKey")
          return m.each([&](std::string_view inner, json_value& value) {
            return read_limit(member(inner, value, error, "perKey."), inner, rule.each_key, known);
          });
        if (key == "strategy")
          return m.choice(rule.strategy, parse_on_limit,
                          "must be queue, cancel-running or cancel-new");
        if (key == "note")
          return m.text(rule.note, limits::text_bytes);
        if (key == "paused")
          return m.flag(rule.paused);
        if (key == "draining")
          return m.flag(rule.draining);
        return true;
      },
      error);
  if (!told)
    return std::move(told).error();
  if (auto ok = validate(rule); !ok)
    return std::move(ok).error();
  return rule;
}

result<std::string> read_note(std::string_view body) {
  std::string note;
  failure error;
  auto told = read_members(
      body,
      [&](std::string_view key, const member& m) {
        return key != "note" || m.text(note, limits::text_bytes);
      },
      error);
  if (!told)
    return std::move(told).error();
  return note;
}

namespace {

void write_limit(json_writer& out, const work_limit& limit) {
  if (limit.concurrency > 0)
    out.field("concurrency", limit.concurrency);
  if (limit.rate > 0)
    out.field("rate", limit.rate);
  if (limit.burst > 0)
    out.field("burst", limit.burst);
}

}  // namespace

void append(std::string& out, const work_rule& rule) {
  json_writer all(out);
  all.begin_object().field(to_string(rule.scope), rule.name);
  all.field("paused", rule.paused).field("draining", rule.draining);
  all.optional_field("note", rule.note);
  write_limit(all, rule.whole);
  if (!rule.each_key.none()) {
    all.key("perKey").begin_object();
    write_limit(all, rule.each_key);
    all.end_object();
    all.field("strategy", to_string(rule.strategy));
  }
  all.field("version", rule.version);
  if (rule.changed_at != never)
    all.field("changedAt", rule.changed_at);
  all.end_object();
}

}  // namespace orrery::codec
