#pragma once
/// Stock in JSON: the payloads of the built-in steps, and products in the API.

#include "domain/ports/stock.hpp"

namespace orrery::codec {

/// `{"product":"Laptop","quantity":2}`, with `reservation` for a release that undoes one task's; what else
/// is there is ignored.
struct stock_payload {
  std::string product;
  int64_t quantity = 1;
  entity_id reservation;
};
/// `needs_quantity`: of a reservation. The failure's field is the place, as `payload.quantity`.
result<stock_payload> read_stock_payload(std::string_view text, bool needs_quantity);

/// `{"product":"Laptop","available":10}`.
result<stock_change> read_product(std::string_view text);
/// `{"by":-3,"reason":"broken"}`.
result<stock_change> read_adjustment(std::string_view text);

void append_view(std::string& out, const product_stock& stock);

}  // namespace orrery::codec
