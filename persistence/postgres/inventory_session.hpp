#pragma once
/// The stock's own transactions on PostgreSQL. Products are locked in the order of their names, for as
/// long as one batch takes; never by what is prepared.

#include "domain/ports/stock.hpp"
#include "persistence/postgres/pqxx_session.hpp"

namespace orrery::postgres {

class inventory_session final : public stock_shelf {
public:
  explicit inventory_session(pqxx_session session) : session_(std::move(session)) {}
  result<product_stock> create(const stock_change& first, time_point now) override;
  result<product_stock> adjust(const stock_change& change, time_point now) override;
  result<product_stock> get(std::string_view product) override;
  result<stock_page> list(std::string_view after, size_t limit) override;
  result<std::vector<hold_outcome>> hold(std::span<const stock_hold> wishes,
                                         time_point now) override;
  result<size_t> settle(size_t limit) override;
  result<std::vector<stale_hold>> stale(time_point before, size_t limit) override;
  result<void> let_go(std::span<const entity_id> tasks) override;
  result<std::vector<settled_hold>> settled(const settled_hold& after, time_point before,
                                            size_t limit) override;
  result<size_t> forget(std::span<const entity_id> tasks) override;

private:
  pqxx_session session_;
};

/// `{"…","…"}` of texts, as PostgreSQL's arrays are written.
std::string array_text(std::span<const std::string> values);
std::string array_text(std::span<const entity_id> ids);

}  // namespace orrery::postgres
