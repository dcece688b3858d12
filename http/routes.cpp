#include "http/routes.hpp"

#include "http/handlers.hpp"
#include "http/target.hpp"

#include "domain/limits.hpp"

#include <array>

namespace orrery::http {

namespace {

using enum method;
constexpr auto orders = entity_kind::order;
constexpr auto tasks = entity_kind::task;

constexpr std::array table{
    route{post, "/api/orders", handlers::submit_one, orders, body_kind::single, true, false,
          "Submits an order; 200 once the intake is durable."},
    route{post, "/api/tasks", handlers::submit_one, tasks, body_kind::single, true, false,
          "Submits a task; 200 once the intake is durable."},
    route{post, "/api/orders/batch", handlers::submit_batch, orders, body_kind::batch, true, false,
          "Submits many orders, all or none: an array, {\"items\":[]} or NDJSON."},
    route{post, "/api/tasks/batch", handlers::submit_batch, tasks, body_kind::batch, true, false,
          "Submits many tasks, all or none: an array, {\"items\":[]} or NDJSON."},
    route{get, "/api/orders/{id}", handlers::get_one, orders, body_kind::none, false, false,
          "One order, by its id or reference."},
    route{get, "/api/tasks/{id}", handlers::get_one, tasks, body_kind::none, false, false,
          "One task, by its id or reference."},
    route{get, "/api/orders", handlers::list, orders, body_kind::none, false, false,
          "Orders, filtered, by time of creation."},
    route{get, "/api/tasks", handlers::list, tasks, body_kind::none, false, false,
          "Tasks, filtered, by time of creation."},
    route{get, "/api/orders/{id}/events", handlers::history, orders, body_kind::none, false, false,
          "The events of an order, oldest first."},
    route{get, "/api/tasks/{id}/events", handlers::history, tasks, body_kind::none, false, false,
          "The events of a task, oldest first."},
    route{post, "/api/orders/{id}/{verb}", handlers::run_command, orders, body_kind::single, false,
          false, "A command for an order: confirm, reject, complete, cancel."},
    route{post, "/api/tasks/{id}/{verb}", handlers::run_command, tasks, body_kind::single, false,
          false, "A command for a task: cancel, rerun, pause, resume."},
    route{get, "/api/dead-letters", handlers::dead_letters, tasks, body_kind::none, false, false,
          "Records that could not be read or applied, newest first."},
    route{get, "/healthz", handlers::health, tasks, body_kind::none, false, true,
          "Whether the process answers."},
    route{get, "/readyz", handlers::ready, tasks, body_kind::none, false, true,
          "Whether the node takes work, and its parts."},
    route{get, "/metrics", handlers::metrics, tasks, body_kind::none, false, false,
          "Prometheus text."},
    route{get, "/", handlers::index, tasks, body_kind::none, false, false, "This list."},
};
static_assert(table.size() <= routes_max);

std::string_view next_segment(std::string_view& path) noexcept {
  path.remove_prefix(1);  // the slash
  const auto segment = path.substr(0, path.find('/'));
  path.remove_prefix(segment.size());
  return segment;
}

struct raw_match {
  std::string_view id;
  std::string_view action;
};

bool matches(std::string_view pattern, std::string_view path, raw_match& out) noexcept {
  if (path.empty() || path.front() != '/')
    return false;
  while (!pattern.empty() && !path.empty()) {
    const auto want = next_segment(pattern);
    const auto have = next_segment(path);
    if (want == "{id}" && !have.empty())
      out.id = have;
    else if (want == "{verb}" && !have.empty())
      out.action = have;
    else if (want != have)
      return false;
  }
  return pattern.empty() && path.empty();
}

bool decode_part(std::string_view raw, std::string& out) {
  if (raw.size() > limits::reference_bytes * 3)
    return false;
  auto text = percent_decode(raw);
  if (!text || text->size() > limits::reference_bytes)
    return false;
  out = std::move(*text);
  return true;
}

void add_allowed(std::string& allow, std::string_view name) {
  if (allow.find(name) == std::string::npos)
    allow.append(allow.empty() ? "" : ", ").append(name);
}

}  // namespace

std::span<const route> routes() noexcept { return table; }

std::string_view to_string(method verb) noexcept {
  switch (verb) {
    case get: return "GET";
    case head: return "HEAD";
    case post: return "POST";
    case options: return "OPTIONS";
    case other: break;
  }
  return "other";
}

route_match find_route(method verb, std::string_view path) {
  const auto wanted = verb == head ? get : verb;
  route_match out;
  for (const auto& r : table) {
    raw_match raw;
    if (!matches(r.pattern, path, raw))
      continue;
    if (r.verb == wanted) {
      out.found = &r;
      out.bad_path = !decode_part(raw.id, out.id) || !decode_part(raw.action, out.action);
      return out;
    }
    add_allowed(out.allow, to_string(r.verb));
    if (r.verb == get)
      add_allowed(out.allow, "HEAD");
  }
  if (!out.allow.empty())
    add_allowed(out.allow, "OPTIONS");
  return out;
}

}  // namespace orrery::http
