#pragma once
/// The reader threads: each job borrows a store session of its own.

#include "actors/services.hpp"
#include "base/worker.hpp"

#include <mutex>
#include <vector>

namespace orrery::app {

class read_pool final : public actors::read_service {
public:
  read_pool(store& where, size_t threads, size_t queue_max, std::string name = "reader")
      : where_(where), worker_(std::move(name), queue_max, threads) {}

  void run(std::function<void(entity_store&)> job, std::function<void()> refused) override;
  void stop() { worker_.stop(); }

private:
  store& where_;
  std::mutex guard_;
  std::vector<std::unique_ptr<entity_store>> idle_;
  worker worker_;  // last: joins before the sessions go
};

}  // namespace orrery::app
