#include "persistence/postgres/inventory_database.hpp"

#include "base/log.hpp"
#include "persistence/postgres/inventory_session.hpp"

#include <array>

namespace orrery {

namespace {

constexpr const char* inventory_tables = R"sql(
create table stock_products (
  product text primary key,
  available bigint not null check (available >= 0),
  received bigint not null,
  updated_at timestamptz not null
) with (fillfactor = 50);
create table stock_reservations (
  task uuid primary key,
  order_id uuid not null,
  product text not null,
  quantity bigint not null check (quantity > 0),
  state smallint not null,
  at timestamptz not null
) with (fillfactor = 80);
create index stock_reservations_open on stock_reservations (state, product, at)
  where state in (0, 2);
create index stock_reservations_of on stock_reservations (order_id);
create table stock_adjustments (
  key text unique,
  product text not null,
  by bigint not null,
  reason text not null,
  who text not null,
  at timestamptz not null
);
-- A success of what holds nothing must not be prepared.
create function stock_expect(moved bigint, wanted bigint) returns void
language plpgsql as $$
begin
  if moved <> wanted then
    raise exception 'stock: % of % reservations are held', moved, wanted using errcode = 'OR010';
  end if;
end $$;
)sql";

constexpr std::array inventory_steps = {inventory_tables};

result<void> check_prepares(pqxx::work& work) {
  if (work.exec1("show max_prepared_transactions")[0].as<int>() > 0)
    return {};
  return failure{
      errc::invalid,
      "the server allows no prepared transactions: set max_prepared_transactions to 64 or"
      " more in its postgresql.conf and restart it"};
}

}  // namespace

result<std::unique_ptr<inventory_database>> inventory_database::open(const std::string& url,
                                                                     std::string schema) {
  // The journal's thread waits for it: what does not answer soon is away.
  postgres::session_limits limits;
  limits.connect_timeout = 2s;
  limits.statement_timeout = 2s;
  limits.call_timeout = 3s;
  limits.silence_max = 6s;
  auto text = postgres::connection_text(url, limits);
  if (!text)
    return std::move(text).error();
  return std::unique_ptr<inventory_database>(
      new inventory_database(std::move(*text), std::move(schema), limits));
}

inventory_database::inventory_database(std::string connection_text, std::string schema,
                                       const postgres::session_limits& limits)
    : connection_text_(std::move(connection_text)),
      schema_(std::move(schema)),
      limits_(limits),
      // Rows of a prepared transaction may be locked for long; nobody waits for them.
      setup_(postgres::session_setup(schema_, limits_) + "; set lock_timeout = 1000"),
      watchdog_(std::make_shared<postgres::watchdog>()) {}

result<void> inventory_database::migrate() {
  postgres::pqxx_session session(connection_text_, setup_, 30min, watchdog_);
  return session.on_connection([&](pqxx::connection& connection) -> result<void> {
    pqxx::work work(connection);
    work.exec("set local statement_timeout = 0; set local lock_timeout = 0");
    if (auto ok = check_prepares(work); !ok)
      return ok;
    work.exec_params("select pg_advisory_xact_lock(hashtextextended($1, 0))",
                     "orrery.inventory." + schema_);
    if (work.exec_params("select 1 from pg_namespace where nspname = $1", schema_).empty())
      work.exec("create schema " + postgres::quote_name(schema_));
    work.exec(
        "create table if not exists stock_schema_version ("
        "version integer primary key, applied_at timestamptz not null default now())");
    auto present =
        work.exec1("select coalesce(max(version), 0) from stock_schema_version")[0].as<size_t>();
    if (present > inventory_steps.size())
      return failure{errc::conflict, "the stock's schema has version " + std::to_string(present) +
                                         ", this program knows " +
                                         std::to_string(inventory_steps.size())};
    for (; present < inventory_steps.size(); ++present) {
      work.exec(inventory_steps[present]);
      work.exec_params("insert into stock_schema_version (version) values ($1)",
                       static_cast<int>(present + 1));
    }
    work.commit();
    return {};
  });
}

std::unique_ptr<stock_shelf> inventory_database::open_stock() {
  return std::make_unique<postgres::inventory_session>(
      postgres::pqxx_session(connection_text_, setup_, limits_.call_timeout, watchdog_));
}

}  // namespace orrery
