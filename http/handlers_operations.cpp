/// Bulk operations: begun, read, stopped.

#include "http/handlers.hpp"
#include "http/query.hpp"
#include "http/routes.hpp"
#include "http/target.hpp"

#include "codec/operations.hpp"

namespace orrery::http::handlers {

namespace {

std::function<void(result<bulk_operation>)> answering(const exchange_ptr& ex, int status) {
  return [ex, status](const result<bulk_operation>& told) {
    if (!told)
      return ex->fail(told.error());
    response out;
    out.status = status;
    codec::append_view(out.body, *told);
    if (status == 202)
      out.location = "/api/operations/" + to_string(told->id);
    ex->finish(std::move(out));
  };
}

/// The id of the path; answers where it is none.
std::optional<entity_id> operation_of(const exchange_ptr& ex) {
  const auto id = parse_entity_id(ex->in.id);
  if (id)
    return *id;
  ex->fail({errc::not_found, "there is no operation " + ex->in.id.substr(0, 64)});
  return std::nullopt;
}

}  // namespace

void begin_operation(const exchange_ptr& ex) {
  if (refuses_parameters(ex))
    return;
  auto wish = codec::read_wish(ex->in.body);
  if (!wish)
    return ex->fail(wish.error());
  wish->by = ex->in.principal;
  ex->door.operations().begin(std::move(*wish), answering(ex, 202));
}

void get_operation(const exchange_ptr& ex) {
  if (refuses_parameters(ex))
    return;
  if (const auto id = operation_of(ex))
    ex->door.operations().get(*id, answering(ex, 200));
}

void stop_operation(const exchange_ptr& ex) {
  if (refuses_parameters(ex))
    return;
  if (const auto id = operation_of(ex))
    ex->door.operations().stop(*id, answering(ex, 200));
}

void list_operations(const exchange_ptr& ex) {
  const auto parameters = parse_query(ex->in.query);
  if (!parameters)
    return ex->fail(parameters.error());
  size_t limit = 50;
  for (const auto& p : *parameters) {
    const auto n = read_limit(p);
    if (!n)
      return ex->fail(n.error());
    limit = *n;
  }
  ex->door.operations().list(limit, [ex](const result<std::vector<bulk_operation>>& all) {
    if (!all)
      return ex->fail(all.error());
    response out;
    out.body = R"({"items":[)";
    for (const auto& one : *all) {
      if (out.body.back() != '[')
        out.body += ',';
      codec::append_view(out.body, one);
    }
    out.body += "]}";
    ex->finish(std::move(out));
  });
}

}  // namespace orrery::http::handlers
