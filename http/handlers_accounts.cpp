/// Accounts: every route of the group is one operation of the port.

#include "http/handlers.hpp"
#include "http/problem.hpp"
#include "http/routes.hpp"
#include "http/target.hpp"

#include <charconv>

namespace orrery::http::handlers {

namespace {

/// What the port calls `rejected` is "not you" for credentials, and "not you either" for everything else.
response refused(const failure& why, const std::string& target) {
  if (why.code == errc::rejected)
    return plain_problem(why.field == "credentials" ? 401 : 403, why.detail, target);
  if (why.code == errc::conflict && why.field == "If-Match")
    return plain_problem(412, why.detail, target);
  if (why.code == errc::busy) {
    auto out = plain_problem(429, why.detail, target);
    std::from_chars(why.field.data(), why.field.data() + why.field.size(), out.retry_after_s);
    return out;
  }
  return problem_of(why, false, target);
}

}  // namespace

void account(const exchange_ptr& ex) {
  auto* port = ex->options.who;
  if (port == nullptr)
    return ex->fail({errc::not_found, "this node keeps no accounts"});
  account_request asked;
  asked.operation = ex->matched->name;
  asked.id = ex->in.id;
  asked.second = ex->in.action;
  asked.body = ex->in.body;
  asked.if_match = ex->in.if_match;
  asked.who = ex->in.who;
  asked.address = ex->in.address;
  asked.request_id = ex->in.request_id;
  if (const auto parameters = parse_query(ex->in.query))
    for (const auto& p : *parameters)
      asked.parameters[p.name] = p.value;
  port->run(std::move(asked), [ex](result<account_answer> done) {
    if (!done)
      return ex->finish(refused(done.error(), ex->in.target));
    response out;
    out.status = done->status;
    out.type = done->status == 204 ? media::none : media::json;
    out.body = std::move(done->body);
    out.location = std::move(done->location);
    out.version = done->version;
    ex->finish(std::move(out));
  });
}

}  // namespace orrery::http::handlers
