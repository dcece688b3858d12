#include "app/read_pool.hpp"

namespace orrery::app {

void read_pool::run(std::function<void(entity_store&)> job, std::function<void()> refused) {
  const bool taken = worker_.submit([this, job = std::move(job)] {
    std::unique_ptr<entity_store> session;
    {
      const std::lock_guard lock(guard_);
      if (!idle_.empty()) {
        session = std::move(idle_.back());
        idle_.pop_back();
      }
    }
    if (!session)
      session = where_.open_reader();
    job(*session);
    const std::lock_guard lock(guard_);
    idle_.push_back(std::move(session));
  });
  if (!taken)
    refused();
}

}  // namespace orrery::app
