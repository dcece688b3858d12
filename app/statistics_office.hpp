#pragma once
/// Keeps the statistics of orders behind the journal, and answers questions about them.

#include "base/worker.hpp"
#include "domain/ports/statistics.hpp"
#include "domain/ports/store.hpp"

#include <atomic>
#include <condition_variable>
#include <thread>
#include <unordered_map>

namespace orrery::app {

/// What orders are of, by id; kept from page to page.
using known_specs = std::unordered_map<entity_id, shared_value<order_spec>>;

/// Folds order events of `shard` from after `from` on, one page. Answers the position of the page's last
/// event; `from` where there was none. Where births must be looked for in the whole journal, `stop` ends it.
result<position_t> fold_page(entity_store& reader, shard_id shard, position_t from,
                             order_statistics_fold& fold, known_specs& specs,
                             const std::stop_token& stop = {});

struct statistics_options {
  std::string node;     ///< Its shards are counted here; those of others where they live.
  duration pause = 1s;  ///< Between looks at the journal: how far the figures are behind.
};

/// Thread-safe. One thread counts, another answers.
class statistics_office final : public statistics_desk {
public:
  /// All outlive it.
  statistics_office(statistics_source& where, store& truth, statistics_options how);
  ~statistics_office() override;

  void start();
  /// Idempotent.
  void stop();
  void find(statistics_query query,
            std::function<void(result<std::vector<order_statistic>>)> done) override;

private:
  void run(const std::stop_token& stop);
  void count_shard(const shard_row& row, const std::stop_token& stop);

  const std::unique_ptr<statistics_store> counting_;   ///< Of the thread that counts.
  const std::unique_ptr<entity_store> reader_;         ///< The same.
  const std::unique_ptr<statistics_store> answering_;  ///< Of the worker's thread.
  const statistics_options how_;
  std::mutex guard_;
  std::condition_variable_any wake_;
  worker worker_{"statistics", 256};
  std::jthread counts_;
};

}  // namespace orrery::app
