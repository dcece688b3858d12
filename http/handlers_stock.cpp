/// Products and their stock: create, adjust, read.

#include "http/handlers.hpp"
#include "http/query.hpp"

#include "codec/json.hpp"
#include "codec/stock.hpp"

namespace orrery::http::handlers {

namespace {

/// Null, and answered, where this node keeps no stock.
stock_desk* stock_desk_of(const exchange_ptr& ex) {
  auto* hall = dynamic_cast<stock_hall*>(&ex->door);
  auto* desk = hall != nullptr ? hall->stock() : nullptr;
  if (desk == nullptr)
    ex->fail({errc::not_found, "this node keeps no stock"});
  return desk;
}

stock_desk::answer answering_stock(const exchange_ptr& ex, int status) {
  return [ex, status](const result<product_stock>& told) {
    if (!told)
      return ex->fail(told.error());
    response out;
    out.status = status;
    codec::append_view(out.body, *told);
    ex->finish(std::move(out));
  };
}

}  // namespace

void create_product(const exchange_ptr& ex) {
  if (refuses_parameters(ex))
    return;
  auto* desk = stock_desk_of(ex);
  if (desk == nullptr)
    return;
  auto first = codec::read_product(ex->in.body);
  if (!first)
    return ex->fail(first.error());
  first->who = ex->in.principal;
  desk->create(std::move(*first), answering_stock(ex, 201));
}

void adjust_product(const exchange_ptr& ex) {
  if (refuses_parameters(ex))
    return;
  auto* desk = stock_desk_of(ex);
  if (desk == nullptr)
    return;
  auto change = codec::read_adjustment(ex->in.body);
  if (!change)
    return ex->fail(change.error());
  change->product = ex->in.id;
  change->who = ex->in.principal;
  desk->adjust(std::move(*change), answering_stock(ex, 200));
}

void get_product(const exchange_ptr& ex) {
  if (refuses_parameters(ex))
    return;
  if (auto* desk = stock_desk_of(ex))
    desk->get(ex->in.id, answering_stock(ex, 200));
}

void list_products(const exchange_ptr& ex) {
  auto parameters = parse_query(ex->in.query);
  if (!parameters)
    return ex->fail(parameters.error());
  size_t limit = 50;
  std::string after;
  for (auto& p : *parameters) {
    if (p.name == "cursor") {
      after = std::move(p.value);
      continue;
    }
    const auto n = read_limit(p);
    if (!n)
      return ex->fail(n.error());
    limit = *n;
  }
  auto* desk = stock_desk_of(ex);
  if (desk == nullptr)
    return;
  desk->list(std::move(after), limit, [ex](const result<stock_page>& page) {
    if (!page)
      return ex->fail(page.error());
    response out;
    out.body = "{\"items\":[";
    for (const auto& one : page->items) {
      if (&one != &page->items.front())
        out.body += ',';
      codec::append_view(out.body, one);
    }
    out.body += "],\"next\":";
    if (page->next.empty())
      out.body += "null";
    else
      codec::append_string(out.body, page->next);
    out.body += '}';
    ex->finish(std::move(out));
  });
}

}  // namespace orrery::http::handlers
