/// The dispatcher and external workers: their tasks wait in the same lanes, and desks take them.

#include "actors/dispatcher.hpp"
#include "actors/worker_desk.hpp"

#include <algorithm>

namespace orrery::actors {

namespace {

/// A desk that was not heard of for so long waits for nothing any more.
constexpr auto interest_life = std::chrono::seconds{10};
/// Of work that waits on, desks are told so often at most.
constexpr auto hint_pause = std::chrono::milliseconds{20};

bool has_labels(const lease_wish& wish, const std::string& needed) {
  for (size_t at = 0; at < needed.size();) {
    const auto end = needed.find('\n', at);
    const auto label = std::string_view(needed).substr(at, end - at);
    if (std::find(wish.labels.begin(), wish.labels.end(), label) == wish.labels.end())
      return false;
    at = end + 1;
  }
  return true;
}

}  // namespace

void dispatcher::claim(const claim_work& wish) {
  grants granted;
  uint32_t count = 0;
  const auto most = std::min(wish.wish.max, leases_max);
  while (count < most) {
    auto best = lanes_.end();
    std::string best_key;
    for (auto it = lanes_.begin(); it != lanes_.end(); ++it) {
      auto& [key, lines] = *it;
      if (lines.empty() || !context_.is_external(key.kind) ||
          !suits(wish.wish, key.queue, key.kind) || !has_labels(wish.wish, key.labels))
        continue;
      const auto* next = ready_key(key, lines);
      if (next != nullptr &&
          (best == lanes_.end() || best->second.front(best_key) < lines.front(*next))) {
        best = it;
        best_key = *next;
      }
    }
    if (best == lanes_.end())
      break;
    give_from(best->first, best->second, best_key, worker_outside, wish.claim, granted);
    ++count;
  }
  to_desk(wish.claim->desk, {wish.claim->desk, wish.claim->number, count});
  tell(std::move(granted));
  settle_quotas();
}

void dispatcher::to_desk(const std::string& desk, work_claimed news) {
  send<caf::message_priority::high>(desk == context_.node ? context_.desk : context_.exchange,
                                    std::move(news));
}

void dispatcher::want(const want_work& news) {
  if (news.wishes.empty()) {
    interests_.erase(news.desk);
    return;
  }
  auto& one = interests_[news.desk];
  one.wishes = news.wishes;
  one.until = clock().now() + interest_life;
  told_of_.clear();  // it hears of what waits already
  tell_of_work();
}

/// Desks at which somebody waits for such work hear of it once. Those with enough workers come and claim.
void dispatcher::tell_of_work() {
  if (interests_.empty())
    return new_work_.clear();
  const auto now = clock().now();
  // What may begin again, as a limit has room or a pause is over.
  for (auto& [key, lines] : lanes_) {
    if (lines.empty() || !context_.is_external(key.kind) || ready_key(key, lines) == nullptr)
      continue;
    auto& told = told_of_[{key.queue, key.kind}];
    if (now - told < hint_pause)
      continue;
    told = now;
    new_work_.try_emplace({key.queue, key.kind}, static_cast<uint32_t>(lines.size()));
  }
  if (told_of_.size() > 10'000)
    told_of_.clear();
  std::erase_if(interests_, [&](const auto& entry) { return entry.second.until <= now; });
  for (const auto& [what, tasks] : std::exchange(new_work_, {}))
    for (const auto& [desk, there] : interests_) {
      const bool wanted = std::any_of(
          there.wishes.begin(), there.wishes.end(),
          [&, &key = what](const lease_wish& wish) { return suits(wish, key.first, key.second); });
      if (wanted)
        send<caf::message_priority::high>(desk == context_.node ? context_.desk : context_.exchange,
                                          work_available{desk, {}, what.first, what.second, tasks});
    }
}

}  // namespace orrery::actors
