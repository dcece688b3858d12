#include "persistence/postgres/postgres_store.hpp"

#include "persistence/postgres/entity_reader.hpp"
#include "persistence/postgres/identity_session.hpp"
#include "persistence/postgres/journal_session.hpp"
#include "persistence/postgres/flow_table.hpp"
#include "persistence/postgres/letter_table.hpp"
#include "persistence/postgres/log_table.hpp"
#include "persistence/postgres/migrations.hpp"
#include "persistence/postgres/node_table.hpp"
#include "persistence/postgres/operation_table.hpp"
#include "persistence/postgres/pqxx_session.hpp"
#include "persistence/postgres/settings_table.hpp"
#include "persistence/postgres/statistics_table.hpp"
#include "persistence/postgres/two_phase_journal.hpp"
#include "persistence/postgres/watchdog.hpp"

namespace orrery {

namespace {

/// Tables that live beside the store's own.
class side_tables final : public flow_source, public task_log_source, public statistics_source {
public:
  side_tables(std::string connection_text, std::string setup, duration call_timeout,
              std::shared_ptr<postgres::watchdog> dog)
      : connection_text_(std::move(connection_text)),
        setup_(std::move(setup)),
        call_timeout_(call_timeout),
        watchdog_(std::move(dog)) {}
  std::unique_ptr<flow_shelf> open_flows() override {
    return std::make_unique<postgres::flow_table>(
        postgres::pqxx_session(connection_text_, setup_, call_timeout_, watchdog_));
  }
  std::unique_ptr<task_log_store> open_logs() override {
    return std::make_unique<postgres::log_table>(
        postgres::pqxx_session(connection_text_, setup_, call_timeout_, watchdog_));
  }
  std::unique_ptr<statistics_store> open_statistics() override {
    return std::make_unique<postgres::statistics_table>(
        postgres::pqxx_session(connection_text_, setup_, call_timeout_, watchdog_));
  }

private:
  std::string connection_text_;
  std::string setup_;
  duration call_timeout_;
  std::shared_ptr<postgres::watchdog> watchdog_;
};

/// A migration may rewrite tables.
constexpr duration migration_limit = 30min;

}  // namespace

result<std::unique_ptr<postgres_store>> postgres_store::open(const std::string& url,
                                                             postgres_options options) {
  auto text = postgres::connection_text(url, options.limits);
  if (!text)
    return std::move(text).error();
  return std::unique_ptr<postgres_store>(new postgres_store(std::move(*text), std::move(options)));
}

postgres_store::postgres_store(std::string connection_text, postgres_options options)
    : connection_text_(std::move(connection_text)),
      options_(std::move(options)),
      setup_(postgres::session_setup(options_.schema, options_.limits)),
      watchdog_(std::make_shared<postgres::watchdog>()) {}

postgres_store::~postgres_store() = default;

result<void> postgres_store::migrate(uint32_t shards) {
  if (shards == 0 || shards > shards_max)
    return failure{errc::invalid, "the number of shards must be 1 to 4096", "shards"};
  postgres::pqxx_session session(connection_text_, setup_, migration_limit, watchdog_);
  return session.on_connection([&](pqxx::connection& connection) {
    return postgres::migrate(connection, options_.schema, shards);
  });
}

std::unique_ptr<journal_store> postgres_store::open_journal() {
  auto journal = std::make_unique<postgres::journal_session>(
      connection_text_, setup_, options_.limits.call_timeout, watchdog_);
  if (phases_ == nullptr)
    return journal;
  return std::make_unique<postgres::two_phase_journal>(std::move(journal), *stock_, *phases_);
}

void postgres_store::join_stock(const inventory_database& stock, two_phase& phases) {
  stock_ = &stock;
  phases_ = &phases;
}

result<std::unique_ptr<two_phase>> postgres_store::open_two_phase(const inventory_database& stock) {
  auto name = identity();
  if (!name)
    return std::move(name).error();
  return std::make_unique<two_phase>(stock, connection_text_, setup_, *name);
}

std::unique_ptr<entity_store> postgres_store::open_reader() {
  return std::make_unique<postgres::entity_reader>(
      postgres::pqxx_session(connection_text_, setup_, options_.limits.call_timeout, watchdog_));
}

std::unique_ptr<node_registry> postgres_store::open_registry() {
  return std::make_unique<postgres::node_table>(
      postgres::pqxx_session(connection_text_, setup_, options_.limits.call_timeout, watchdog_));
}

std::unique_ptr<letter_store> postgres_store::open_letters() {
  return std::make_unique<postgres::letter_table>(
      postgres::pqxx_session(connection_text_, setup_, options_.limits.call_timeout, watchdog_));
}

std::unique_ptr<flow_source> postgres_store::flows() const {
  return std::make_unique<side_tables>(connection_text_, setup_, options_.limits.call_timeout,
                                       watchdog_);
}

std::unique_ptr<task_log_source> postgres_store::logs() const {
  return std::make_unique<side_tables>(connection_text_, setup_, options_.limits.call_timeout,
                                       watchdog_);
}

std::unique_ptr<statistics_source> postgres_store::statistics() const {
  return std::make_unique<side_tables>(connection_text_, setup_, options_.limits.call_timeout,
                                       watchdog_);
}

std::unique_ptr<identity_store> postgres_store::open_identity() {
  return std::make_unique<postgres::identity_session>(
      postgres::pqxx_session(connection_text_, setup_, options_.limits.call_timeout, watchdog_));
}

std::unique_ptr<settings_store> postgres_store::open_settings() {
  return std::make_unique<postgres::settings_table>(
      postgres::pqxx_session(connection_text_, setup_, options_.limits.call_timeout, watchdog_));
}

std::unique_ptr<operation_store> postgres_store::open_operations() {
  return std::make_unique<postgres::operation_table>(
      postgres::pqxx_session(connection_text_, setup_, options_.limits.call_timeout, watchdog_));
}

result<void> postgres_store::ping() {
  postgres::pqxx_session session(connection_text_, setup_, options_.limits.call_timeout, watchdog_);
  return session.call([](pqxx::transaction_base& work) -> result<void> {
    work.exec("select 1");
    return {};
  });
}

result<std::optional<time_point>> postgres_store::shared_time() {
  postgres::pqxx_session session(connection_text_, setup_, options_.limits.call_timeout, watchdog_);
  return session.call([](pqxx::transaction_base& work) -> result<std::optional<time_point>> {
    // The way to there and back is a few milliseconds: less than what a clock is judged by.
    const auto at = work.exec1("select (extract(epoch from clock_timestamp()) * 1000000)::bigint");
    return std::optional(from_micros(at[0].as<int64_t>()));
  });
}

result<std::string> postgres_store::identity() {
  postgres::pqxx_session session(connection_text_, setup_, options_.limits.call_timeout, watchdog_);
  return session.call([](pqxx::transaction_base& work) -> result<std::string> {
    return work.exec1("select identity from system")[0].as<std::string>();
  });
}

}  // namespace orrery
