#pragma once
/// The intake log of an embedded node: in the same SQLite file as the store, written by the same
/// connection. There is one consumer, which owns every shard.

#include "domain/ports/intake_log.hpp"
#include "persistence/sqlite/sqlite_store.hpp"

#include <memory>
#include <string>

namespace orrery {

class embedded_consumer;
class embedded_producer;

struct embedded_log_options {
  std::string topic_prefix = {};               ///< Before every topic name.
  size_t queued_messages_max = 20'000;         ///< Beyond, `produce` answers `busy` …
  size_t queued_bytes_max = 64 * 1024 * 1024;  ///< … as here.
  size_t rows_kept = 1'000;                    ///< What is read stays until there are so many.
};

/// Thread-safe. A writer thread commits whatever is queued in one transaction and then answers; a
/// delivery thread hands records to the listener. Both sleep while there is nothing to do.
class embedded_log final : public intake_log {
public:
  /// The store is migrated before `prepare`.
  explicit embedded_log(const sqlite_store& store, embedded_log_options how = {});
  /// Closes the consumer, writes what is queued, joins.
  ~embedded_log() override;

  result<void> prepare(uint32_t shards) override;
  intake_producer& producer() override;
  intake_consumer& consumer() override;
  std::string topic_name(intake topic) const override;

  static constexpr size_t message_bytes_max = 1'000'000;  ///< As Kafka's default.
  static constexpr size_t batch_records_max = 1'000;      ///< Handed to the listener at a time.

private:
  const embedded_log_options how_;
  std::unique_ptr<embedded_consumer> consumer_;
  std::unique_ptr<embedded_producer> producer_;  // goes first: it hands records to the consumer
};

}  // namespace orrery
