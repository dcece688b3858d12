#include "http/routes.hpp"

#include "http/target.hpp"

#include "base/check.hpp"
#include "domain/limits.hpp"

#include <unordered_map>
#include <vector>

namespace orrery::http {

namespace {

std::string_view next_segment(std::string_view& path) noexcept {
  path.remove_prefix(1);  // the slash
  const auto segment = path.substr(0, path.find('/'));
  path.remove_prefix(segment.size());
  return segment;
}

struct raw_match {
  std::string_view id;
  std::string_view action;
  std::string_view last;
  size_t captured = 0;
};

bool matches(std::string_view pattern, std::string_view path, raw_match& out) noexcept {
  if (path.empty() || path.front() != '/')
    return false;
  while (!pattern.empty() && !path.empty()) {
    const auto want = next_segment(pattern);
    const auto have = next_segment(path);
    if (!want.empty() && want.front() == '{' && !have.empty()) {
      (out.captured == 0 ? out.id : out.action) = have;
      ++out.captured;
    } else if (want != have) {
      return false;
    }
    if (out.captured < 2)
      out.last = want;
  }
  if (out.captured < 2 && !out.last.empty() && out.last.front() != '{')
    out.action = out.last;
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

/// Rows by the segment that tells most: `tasks` of `/api/tasks/{id}`, `metrics` of `/metrics`.
struct router {
  std::vector<route> rows;
  std::unordered_map<std::string_view, std::vector<const route*>> by_key;

  router() {
    for (const auto part :
         {work_routes(), operation_routes(), worker_routes(), schedule_routes(), flow_routes(),
          stock_routes(), letter_routes(), account_routes(), system_routes()})
      rows.insert(rows.end(), part.begin(), part.end());
    CHECK(rows.size() <= routes_max, "the counters have room for every route");
    for (const auto& row : rows)
      by_key[key_of(row.pattern)].push_back(&row);
  }
  static std::string_view key_of(std::string_view path) noexcept {
    if (path.starts_with("/api/"))
      path.remove_prefix(4);
    return path.substr(0, path.find('/', 1));
  }
};

const router& the_router() {
  static const router one;
  return one;
}

}  // namespace

std::span<const route> routes() { return the_router().rows; }

std::string_view to_string(method verb) noexcept {
  switch (verb) {
    case method::get: return "GET";
    case method::head: return "HEAD";
    case method::post: return "POST";
    case method::put: return "PUT";
    case method::patch: return "PATCH";
    case method::erase: return "DELETE";
    case method::options: return "OPTIONS";
    case method::other: break;
  }
  return "other";
}

route_match find_route(method verb, std::string_view path) {
  const auto wanted = verb == method::head ? method::get : verb;
  route_match out;
  const auto& by_key = the_router().by_key;
  const auto candidates = by_key.find(router::key_of(path));
  if (candidates == by_key.end())
    return out;
  for (const auto* r : candidates->second) {
    raw_match raw;
    if (!matches(r->pattern, path, raw))
      continue;
    if (r->verb == wanted) {
      out.found = r;
      out.bad_path = !decode_part(raw.id, out.id) || !decode_part(raw.action, out.action);
      return out;
    }
    add_allowed(out.allow, to_string(r->verb));
    if (r->verb == method::get)
      add_allowed(out.allow, "HEAD");
  }
  if (!out.allow.empty())
    add_allowed(out.allow, "OPTIONS");
  return out;
}

}  // namespace orrery::http
