#include "app/entity_loader.hpp"

#include <algorithm>
#include <unordered_map>
#include <utility>

namespace orrery::app {

void entity_loader::load(entity_id id, told done, std::function<void()> refused) {
  {
    const std::lock_guard lock(guard_);
    if (waiting_.size() < waiting_max) {
      waiting_.push_back({id, std::move(done), std::move(refused)});
      if (running_ == at_once_)
        return;
      ++running_;
      refused = nullptr;
    }
  }
  if (refused)
    return refused();
  start();
}

void entity_loader::start() {
  reads_.run([this](entity_store& store) { work(store); }, [this] { give_up(); });
}

void entity_loader::work(entity_store& store) {
  std::vector<asker> batch;
  {
    const std::lock_guard lock(guard_);
    const auto count = std::min(waiting_.size(), batch_max);
    const auto end = waiting_.begin() + static_cast<std::ptrdiff_t>(count);
    batch.assign(std::make_move_iterator(waiting_.begin()), std::make_move_iterator(end));
    waiting_.erase(waiting_.begin(), end);
  }
  read(store, std::move(batch));
  {
    const std::lock_guard lock(guard_);
    if (waiting_.empty()) {
      --running_;
      return;
    }
  }
  start();  // by the pool again, so that other reads have their turn
}

void entity_loader::read(entity_store& store, std::vector<asker> askers) {
  std::unordered_map<entity_id, std::pair<size_t, std::optional<entity>>> wanted;
  std::vector<entity_id> ids;
  for (const auto& one : askers)
    if (++wanted[one.id].first == 1)
      ids.push_back(one.id);
  if (ids.empty())
    return;
  auto found = store.load(ids);
  if (!found && ids.size() > 1 && found.error().code != errc::unavailable) {
    // One row that cannot be read must not be the trouble of those who asked for others.
    for (auto& one : askers) {
      std::vector<asker> alone;
      alone.push_back(std::move(one));
      read(store, std::move(alone));
    }
    return;
  }
  if (!found) {
    for (auto& one : askers)
      one.done(store, found.error());
    return;
  }
  for (auto& state : *found) {
    const auto id = id_of(state);
    wanted[id].second = std::move(state);
  }
  // Those that are there first: what is missing is looked for in other ways, which takes longer.
  const auto missing = std::stable_partition(askers.begin(), askers.end(), [&](const asker& one) {
    return wanted[one.id].second.has_value();
  });
  for (auto one = askers.begin(); one != missing; ++one) {
    auto& [uses, state] = wanted[one->id];
    one->done(store, --uses == 0 ? std::move(state) : state);
  }
  for (auto one = missing; one != askers.end(); ++one)
    one->done(store, std::optional<entity>{});
}

void entity_loader::give_up() {
  std::vector<asker> left;
  {
    const std::lock_guard lock(guard_);
    if (--running_ > 0)
      return;  // who is still at work takes them
    left.swap(waiting_);
  }
  for (auto& one : left)
    one.refused();
}

}  // namespace orrery::app
