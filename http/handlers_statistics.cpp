/// Statistics of orders by product, status and minute.

#include "http/handlers.hpp"
#include "http/query.hpp"

#include "codec/json.hpp"
#include "domain/ports/statistics.hpp"

#include <algorithm>

namespace orrery::http::handlers {

namespace {

result<void> read_order_statuses(statistics_query& query, std::string_view text) {
  for (;;) {
    const auto name = text.substr(0, text.find(','));
    const auto status = parse_order_status(name);
    if (!status)
      return failure{errc::invalid, "is not a status of orders: " + std::string(name.substr(0, 64)),
                     "status"};
    query.statuses.push_back(*status);
    if (name.size() == text.size())
      return {};
    text.remove_prefix(name.size() + 1);
  }
}

result<void> read_statistics_filter(statistics_query& query, parameter& p) {
  if (p.name == "product") {
    query.product = std::move(p.value);
    return {};
  }
  if (p.name == "status")
    return read_order_statuses(query, p.value);
  if (p.name == "from" || p.name == "to") {
    const auto at = read_time(p);
    if (!at)
      return at.error();
    (p.name == "from" ? query.from : query.to) = *at;
    return {};
  }
  const auto n = read_limit(p);
  if (!n)
    return n.error();
  query.limit = *n;
  return {};
}

}  // namespace

void order_statistics(const exchange_ptr& ex) {
  auto parameters = parse_query(ex->in.query);
  if (!parameters)
    return ex->fail(parameters.error());
  statistics_query query;
  for (auto& p : *parameters)
    if (auto ok = read_statistics_filter(query, p); !ok)
      return ex->fail(ok.error());
  auto* hall = dynamic_cast<statistics_hall*>(&ex->door);
  auto* desk = hall != nullptr ? hall->statistics() : nullptr;
  if (desk == nullptr)
    return ex->fail({errc::not_found, "this node keeps no statistics"});
  desk->find(std::move(query), [ex](const result<std::vector<order_statistic>>& rows) {
    if (!rows)
      return ex->fail(rows.error());
    response out;
    codec::json_writer writer(out.body);
    writer.begin_object().key("items").begin_array();
    for (const auto& row : *rows)
      writer.begin_object()
          .field("minute", row.minute)
          .field("product", row.product)
          .field("status", to_string(row.status))
          .field("orders", row.orders)
          .field("quantity", row.quantity)
          .end_object();
    writer.end_array().end_object();
    ex->finish(std::move(out));
  });
}

}  // namespace orrery::http::handlers
