#pragma once
/// The store on PostgreSQL: shared by many nodes, fenced by epoch.
///
/// Sessions connect when first used and again after a loss. `done` means written to the server's
/// disk: `synchronous_commit` is switched on where it is off. Needs a database in UTF8; the tables
/// are made by `migrate` in a schema that may be shared by nothing else.

#include "domain/ports/dead_letters.hpp"
#include "domain/ports/flows.hpp"
#include "domain/ports/identity_store.hpp"
#include "domain/ports/operations.hpp"
#include "domain/ports/settings.hpp"
#include "domain/ports/statistics.hpp"
#include "domain/ports/store.hpp"
#include "domain/ports/task_logs.hpp"
#include "persistence/postgres/connection_settings.hpp"

#include <memory>
#include <string>

namespace orrery {

class inventory_database;
class two_phase;

namespace postgres {
class watchdog;
}

struct postgres_options {
  std::string schema = "public";
  postgres::session_limits limits;
};

class postgres_store final : public store, public identity_source, public settings_source {
public:
  /// `url` as `postgres://user:password@host:port/database?…`, several hosts allowed. `invalid`
  /// where it is not one; nothing is connected yet.
  static result<std::unique_ptr<postgres_store>> open(const std::string& url,
                                                      postgres_options options = {});
  ~postgres_store() override;

  result<void> migrate(uint32_t shards) override;
  std::unique_ptr<journal_store> open_journal() override;
  std::unique_ptr<entity_store> open_reader() override;
  std::unique_ptr<node_registry> open_registry() override;
  std::unique_ptr<settings_store> open_settings() override;
  std::unique_ptr<letter_store> open_letters() override;
  /// The flows of this database; independent of the store's life.
  std::unique_ptr<flow_source> flows() const;
  /// What attempts wrote; independent of the store's life.
  std::unique_ptr<task_log_source> logs() const;
  /// The statistics of this database; the same.
  std::unique_ptr<statistics_source> statistics() const;
  std::unique_ptr<identity_store> open_identity() override;
  std::unique_ptr<operation_store> open_operations() override;
  result<void> ping() override;
  result<std::optional<time_point>> shared_time() override;
  /// From now on, journals move stock in `stock` with what they commit. Both outlive the sessions.
  void join_stock(const inventory_database& stock, two_phase& phases);
  /// A coordinator for `stock`, with the journal of this store. After `migrate`.
  result<std::unique_ptr<two_phase>> open_two_phase(const inventory_database& stock);
  /// What tells this store from every other: a short text, the same for its life. After `migrate`.
  result<std::string> identity();

private:
  postgres_store(std::string connection_text, postgres_options options);

  std::string connection_text_;
  postgres_options options_;
  std::string setup_;
  // Shared with the sessions, which may outlive the store.
  std::shared_ptr<postgres::watchdog> watchdog_;
  const inventory_database* stock_ = nullptr;
  two_phase* phases_ = nullptr;
};

}  // namespace orrery
