/// The dispatcher and the question why a task does not run.

#include "actors/dispatcher.hpp"
#include "actors/worker_desk.hpp"

#include <algorithm>

namespace orrery::actors {

lane_view dispatcher::explain(const lane_question& of) const {
  lane_view view;
  view.node = context_.node;
  view.known_kind = context_.takes_kind(of.kind);
  view.external = context_.is_external(of.kind);
  for (const auto& [lane, lines] : lanes_)
    if (lane.queue == of.queue && lane.kind == of.kind)
      view.waiting += lines.size();
  if (const auto found = used_by_kind_.find(of.kind); found != used_by_kind_.end())
    view.used_by_kind = found->second;
  if (const auto found = used_by_queue_.find(of.queue); found != used_by_queue_.end())
    view.used_by_queue = found->second;
  view.limit_of_kind = limit_of_kind(of.kind);
  view.limit_of_queue = context_.limits.slots_per_queue;
  view.pause = rules_->pause_of(of.queue, of.kind);
  explain_limits(of, view);
  if (view.external)
    explain_workers(of, view);
  return view;
}

void dispatcher::explain_limits(const lane_question& of, lane_view& view) const {
  const auto* rule = rules_->of_queue(of.queue);
  if (rule == nullptr)
    return;
  const auto now = ticks();
  const auto wait_for = [&](double rate, bool of_key, duration next) {
    view.rate = rate;
    view.rate_of_key = of_key;
    view.rate_until = context_.time.now() + std::max(next - now, duration{});
  };
  const auto share = shares_.find(of.queue);
  view.rule_limit = rule->whole.concurrency;
  view.rule_reached = rule->whole.concurrency > 0 &&
                      (share == shares_.end() || !share->second.has_room(true, false, now));
  if (rule->whole.rate > 0 &&
      (share == shares_.end() || !share->second.has_room(false, true, now))) {
    // The keeper knows when; who is not it knows only how long it can take.
    const auto keeper = keepers_.find(of.queue);
    const bool here = keeper != keepers_.end() && home_of(of.queue) == context_.node;
    wait_for(rule->whole.rate, false,
             here ? keeper->second.next_start(now)
                  : now + duration{static_cast<int64_t>(1e6 / rule->whole.rate)});
  }
  const auto key = keys_.find({of.queue, of.limit_key});
  if (of.limit_key.empty() || rule->each_key.none())
    return;
  view.key_limit = rule->each_key.concurrency;
  if (key == keys_.end())
    return;
  view.key_running = key->second.running;
  if (rule->each_key.rate > 0 && view.rate == 0 && key->second.version == rule->version)
    if (const auto next = key->second.bucket.next(now); next > now)
      wait_for(rule->each_key.rate, true, next);
}

/// Workers are known here as long as they wait for work.
void dispatcher::explain_workers(const lane_question& of, lane_view& view) const {
  const auto now = const_cast<dispatcher*>(this)->clock().now();
  std::vector<std::string> missing = of.labels;
  bool asked = false;
  for (const auto& [desk, there] : interests_) {
    if (there.until <= now)
      continue;
    for (const auto& wish : there.wishes) {
      if (!suits(wish, of.queue, of.kind))
        continue;
      asked = true;
      const auto has = [&](const std::string& label) {
        return std::find(wish.labels.begin(), wish.labels.end(), label) != wish.labels.end();
      };
      view.worker_asks |= std::all_of(of.labels.begin(), of.labels.end(), has);
      std::vector<std::string> lacks;
      std::copy_if(of.labels.begin(), of.labels.end(), std::back_inserter(lacks),
                   [&](const auto& label) { return !has(label); });
      if (lacks.size() < missing.size())
        missing = std::move(lacks);
    }
  }
  if (asked && !view.worker_asks)
    view.missing_labels = std::move(missing);
}

}  // namespace orrery::actors
