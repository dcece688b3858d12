#pragma once
/// Log lines to Elasticsearch (or OpenSearch), by its bulk API.
///
/// The thread that logs only queues. While the server does not take them, lines wait on disk, up to a limit;
/// then the oldest go, and are counted. Each line has an id of its own, so one that is sent twice is stored
/// once. What the server refuses of a batch is looked at item by item.

#include "base/log_outputs.hpp"
#include "bridge/telemetry/log_spool.hpp"
#include "bridge/telemetry/shipping.hpp"
#include "domain/ports/web_client.hpp"

#include <atomic>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

namespace orrery {

struct elastic_options {
  std::string url;                    ///< `http://host:9200`
  std::string index = "orrery-logs";  ///< An index, an alias or a data stream.
  std::string node;
  std::string start;            ///< Of this process; part of the ids of its lines.
  std::filesystem::path spool;  ///< Folder for what waits.
  uint64_t spool_bytes = 64 * 1024 * 1024;
  size_t queue_max = 10'000;  ///< Lines in memory; beyond it they are dropped.
  size_t batch_max = 500;
  duration pace = 1s;
  duration timeout = 10s;
  duration drain_limit = 3s;
  std::vector<std::pair<std::string, secret>> headers = {};  ///< `Authorization`
};

struct elastic_figures {
  uint64_t stored = 0;
  uint64_t refused = 0;   ///< By the server, for good.
  uint64_t dropped = 0;   ///< For lack of room.
  uint64_t failures = 0;  ///< Posts to be repeated.
  uint64_t spool_bytes = 0;
};

class elastic_log final : public log::tap {
public:
  /// `client` outlives this.
  elastic_log(elastic_options how, web_client& client);
  ~elastic_log() override;

  void take(log::level lvl, std::string_view line) noexcept override;
  elastic_figures figures() const;
  /// Sends what waits, as far as the time goes; the rest stays on disk. Idempotent.
  void stop();

private:
  /// One line of the log as two of a bulk request.
  std::string entry_of(std::string_view line);
  void run();
  bool wait_for_lines(std::vector<std::string>& batch);
  void ship(std::vector<std::string> entries);
  void ship_spool();
  /// What must be sent again. Empty: all are settled.
  std::vector<std::string> send(std::vector<std::string> entries);
  std::vector<std::string> settle(std::vector<std::string> entries, const std::string& body);
  void keep(const std::vector<std::string>& entries);

  const elastic_options how_;
  web_client& client_;
  log_spool spool_;
  back_off back_off_;
  mutable std::mutex guard_;
  std::condition_variable wake_;
  std::deque<std::string> queue_;
  uint64_t number_ = 0;
  bool stopping_ = false;
  std::atomic<uint64_t> stored_{0};
  std::atomic<uint64_t> refused_{0};
  std::atomic<uint64_t> dropped_{0};
  std::atomic<uint64_t> failures_{0};
  std::atomic<uint64_t> spool_bytes_{0};
  std::jthread thread_;
};

}  // namespace orrery
