/// The log of the nodes.

#include "http/handlers.hpp"
#include "http/query.hpp"
#include "http/routes.hpp"

#include "codec/json.hpp"
#include "domain/ports/node_logs.hpp"
#include "domain/trace.hpp"

namespace orrery::http::handlers {

namespace {

result<log::level> read_level(const parameter& p) {
  if (p.value == "debug")
    return log::level::debug;
  if (p.value == "info")
    return log::level::info;
  if (p.value == "warning")
    return log::level::warning;
  if (p.value == "error")
    return log::level::error;
  return failure{errc::invalid, "must be debug, info, warning or error", p.name};
}

/// The earlier of the two ends, where both are given.
void end_before(node_log_wish& wish, time_point at) {
  wish.to = wish.to == never ? at : std::min(wish.to, at);
}

result<void> read_parameter(node_log_wish& wish, const parameter& p) {
  if (p.name == "level") {
    const auto least = read_level(p);
    if (!least)
      return least.error();
    wish.least = *least;
    return {};
  }
  if (p.name == "from" || p.name == "to" || p.name == "cursor") {
    const auto at = read_time(p);
    if (!at)
      return at.error();
    if (p.name == "from")
      wish.from = *at;
    else
      end_before(wish, *at);
    return {};
  }
  if (p.name == "limit") {
    const auto n = read_limit(p);
    if (!n)
      return n.error();
    wish.limit = *n;
    return {};
  }
  if (p.name == "trace") {
    if (!parse_trace_id(p.value))
      return failure{errc::invalid, "must be 32 hexadecimal digits, not all of them zero", p.name};
    wish.trace = p.value;
    return {};
  }
  if (p.name != "text" && p.name != "node")
    return failure{errc::invalid, "is not a parameter of this route", p.name};
  if (p.value.empty())
    return failure{errc::invalid, "is empty", p.name};
  (p.name == "text" ? wish.text : wish.node) = p.value;
  return {};
}

/// Answers the exchange where there is no log, or the query asks for what cannot be.
std::optional<node_log_wish> read_wish_of(const exchange_ptr& ex) {
  if (ex->door.node_logs() == nullptr) {
    ex->fail({errc::not_found, "this node keeps no log"});
    return std::nullopt;
  }
  const auto parameters = parse_query(ex->in.query);
  if (!parameters) {
    ex->fail(parameters.error());
    return std::nullopt;
  }
  node_log_wish wish;
  for (const auto& p : *parameters)
    if (const auto read = read_parameter(wish, p); !read) {
      ex->fail(read.error());
      return std::nullopt;
    }
  return wish;
}

void follow(const exchange_ptr& ex, node_log_wish wish) {
  response head{.type = media::events};
  if (ex->in.verb == method::head)
    return ex->finish(std::move(head));
  auto more = std::make_shared<stream_signal>();
  auto opened = ex->door.node_logs()->follow(std::move(wish), [more] { more->raise(); });
  if (!opened)
    return ex->fail(opened.error());
  head.stream = std::move(*opened);
  head.more = more;
  ex->finish(std::move(head));
}

}  // namespace

void follow_node_logs(const exchange_ptr& ex) {
  if (auto wish = read_wish_of(ex))
    follow(ex, std::move(*wish));
}

void node_logs(const exchange_ptr& ex) {
  auto wish = read_wish_of(ex);
  if (!wish)
    return;
  if (ex->in.accepts_events)
    return follow(ex, std::move(*wish));
  ex->door.node_logs()->read(std::move(*wish), [ex](result<node_log_page> page) {
    if (!page)
      return ex->fail(page.error());
    response out;
    codec::json_writer json(out.body);
    json.begin_object().key("items").begin_array();
    for (const auto& line : page->lines)
      json.raw(line);
    json.end_array().field("next", page->next).key("missing").begin_array();
    for (const auto& node : page->missing)
      json.value(node);
    json.end_array().end_object();
    ex->finish(std::move(out));
  });
}

}  // namespace orrery::http::handlers
