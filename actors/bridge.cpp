#include "actors/bridge.hpp"

#include "actors/retention_messages.hpp"
#include "actors/shard_actor.hpp"
#include "base/log.hpp"

#include <algorithm>
#include <future>

namespace orrery::actors {

namespace {

/// How long a shard that was given up may still publish what it committed.
constexpr auto outbox_patience = std::chrono::seconds{4};

/// Between two looks whether the shards are still ours by the store.
constexpr auto tenure_check_pace = std::chrono::seconds{5};

}  // namespace

bridge::bridge(caf::actor_config& config, node_context& context)
    : caf::event_based_actor(config), context_(context) {
  set_down_handler([this](caf::down_msg& news) { shard_down(news); });
}

caf::behavior bridge::make_behavior() {
  context_.probe.meters.bridge.forget();
  check_tenures_later();
  return {
      [this](shard_records& news) {
        const auto found = owned_.find(news.shard);
        if (found != owned_.end() && found->second.shard)
          send(found->second.shard, intake_batch{news.tenure, std::move(news.records)});
      },
      [this](const shards_assigned& news) {
        context_.probe.meters.rebalances.fetch_add(1, std::memory_order_relaxed);
        context_.probe.meters.shards_gained.fetch_add(news.shards.size(),
                                                      std::memory_order_relaxed);
        for (const auto number : news.shards) {
          if (owned_.try_emplace(number).second)
            acquire(number);
        }
        context_.probe.shards_assigned = owned_.size();
      },
      [this](shards_revoked& wish) { revoke(wish); },
      [this](shard_acquired& news) { acquired(news); },
      [this](const restart_shard& wish) {
        const auto found = owned_.find(wish.shard);
        if (found != owned_.end() && !found->second.shard)
          acquire(wish.shard);
      },
      [this](const sample_mailbox& wish) { wish.into->answer(mailbox().size(), steady_micros()); },
      [this](sample_mailboxes) { sample(); },
      [](run_here& wish) { wish.what(); },
      [this](const list_owned& wish) {
        list_owned::answer all;
        for (const auto& [number, one] : owned_)
          if (one.shard)
            all.emplace_back(number, one.shard);
        wish.done(std::move(all));
      },
      [this](const route_to_shard& wish) {
        const auto found = owned_.find(wish.shard);
        wish.found(found == owned_.end() ? caf::actor{} : found->second.shard);
      },
  };
}

void bridge::sample() {
  auto& meters = context_.probe.meters;
  const auto ask = [this, now = steady_micros()](const caf::actor& who, mailbox_meter& into) {
    if (who && into.ask(now))
      send(who, sample_mailbox{&into});
  };
  for (const auto& [number, one] : owned_)
    ask(one.shard, meters.shards.of(number).mailbox);
  ask(context_.dispatcher, meters.dispatcher);
  ask(context_.ttl, meters.ttl);
  ask(context_.tick, meters.tick);
  ask(context_.outbox, meters.outbox);
  ask(context_.exchange, meters.exchange);
  ask(context_.desk, meters.desk);
}

void bridge::acquire(shard_id number) {
  if (leaving_.contains(number))
    return;  // when it has left
  ++acquiring_[number];
  context_.commits.acquire(
      number, [self = caf::actor_cast<caf::actor>(this), number](result<shard_tenure> tenure) {
        caf::anon_send(self, shard_acquired{number, std::move(tenure)});
      });
}

void bridge::acquired(shard_acquired& news) {
  if (--acquiring_[news.shard] > 0)
    return;  // a later one is under way, and raises the epoch again
  const auto found = owned_.find(news.shard);
  if (found == owned_.end() || found->second.shard)
    return;  // revoked meanwhile
  auto& one = found->second;
  if (!news.tenure) {
    log::warning("shard.acquire_failed",
                 {{"shard", news.shard.value}, {"detail", news.tenure.error().detail}});
    return again_later(news.shard, one);
  }
  const auto& tenure = *news.tenure;
  log::info("shard.acquired", {{"shard", tenure.shard.value},
                               {"epoch", tenure.epoch.value},
                               {"position", tenure.position.value}});
  send(context_.outbox, open_outbox{tenure.shard, tenure.epoch, tenure.position, tenure.published});
  one.epoch = tenure.epoch;
  one.shard = spawn<shard_actor>(context_, tenure, one.careful);
  monitor(one.shard);
  context_.probe.shards_owned.fetch_add(1, std::memory_order_relaxed);
}

void bridge::check_tenures_later() {
  delayed_send(this, tenure_check_pace, run_here{[this] { check_tenures(); }});
}

void bridge::check_tenures() {
  if (owned_.empty())
    return check_tenures_later();
  const auto self = caf::actor_cast<caf::actor>(this);
  context_.reads.run(
      [this, self](entity_store& store) {
        caf::anon_send(self, run_here{[this, rows = store.shards()] { tenures_are(rows); }});
      },
      [this, self] { caf::anon_send(self, run_here{[this] { check_tenures_later(); }}); });
}

/// What was begun under a later epoch ended with its owner, and is taken up by who acquires the shard anew.
void bridge::tenures_are(const result<std::vector<shard_row>>& rows) {
  check_tenures_later();
  if (!rows)
    return;
  for (const auto& row : *rows) {
    const auto found = owned_.find(row.shard);
    if (found != owned_.end() && found->second.shard && row.epoch > found->second.epoch)
      send(found->second.shard,
           commit_note{commit_note::kind::lost, 0, false, "owned by another now; seen at rest"});
  }
}

void bridge::again_later(shard_id number, owned& one) {
  const auto pause = std::min(50ms * (1 << std::min(one.failures, 6U)), 2000ms);
  ++one.failures;
  delayed_send(this, pause, restart_shard{number});
}

void bridge::has_left(shard_id number) {
  const auto which = leaving_.at(number).which;
  leaving_.erase(number);
  if (which)
    drained(which);
  if (owned_.contains(number))
    acquire(number);
}

void bridge::shard_down(const caf::down_msg& news) {
  for (const auto& [number, one] : leaving_)
    if (one.shard == news.source)
      return has_left(number);
  for (auto& [number, one] : owned_) {
    if (!one.shard || one.shard.address() != news.source)
      continue;
    one.shard = nullptr;
    one.careful = caf::to_string(news.reason).find("careful") != std::string::npos;
    context_.probe.shards_owned.fetch_sub(1, std::memory_order_relaxed);
    context_.probe.shards_restarted.fetch_add(1, std::memory_order_relaxed);
    send(context_.outbox, close_outbox{number, one.epoch});
    log::warning("shard.restarting", {{"shard", number.value},
                                      {"reason", caf::to_string(news.reason)},
                                      {"restart", "from the journal"}});
    return again_later(number, one);
  }
}

void bridge::revoke(shards_revoked& wish) {
  auto which = std::make_shared<revocation>();
  which->done = std::move(wish.done);
  which->left = 1;  // ours, given up at the end
  auto& meters = context_.probe.meters;
  meters.rebalances.fetch_add(1, std::memory_order_relaxed);
  (wish.lost ? meters.shards_lost : meters.shards_given_up)
      .fetch_add(wish.shards.size(), std::memory_order_relaxed);
  for (const auto number : wish.shards) {
    const auto found = owned_.find(number);
    if (found == owned_.end())
      continue;
    if (const auto shard = found->second.shard) {
      context_.probe.shards_owned.fetch_sub(1, std::memory_order_relaxed);
      if (wish.lost) {
        leaving_[number] = {shard.address(), nullptr};
        send(shard, abandon_shard{});
        send(context_.outbox, close_outbox{number, found->second.epoch});
      } else {
        ++which->left;
        which->outboxes.push_back({number, found->second.epoch});
        leaving_[number] = {shard.address(), which};
        send(shard, drain_shard{});
      }
    } else {
      context_.commits.withdraw(number);  // or it would fence the rightful owner, after an outage
    }
    owned_.erase(found);
  }
  context_.probe.shards_assigned = owned_.size();
  drained(which);
}

void bridge::drained(const std::shared_ptr<revocation>& which) {
  if (--which->left > 0)
    return;
  // What is committed is published before the next owner begins, where the topics are reachable.
  send(context_.outbox, flush_outbox{which->outboxes, [which, outbox = context_.outbox] {
                                       for (const auto& one : which->outboxes)
                                         caf::anon_send(outbox, one);
                                       which->done();
                                     }});
  // And where they are not: the next owner reads where the topics end, we must not go on beside it.
  for (const auto& one : which->outboxes)
    delayed_send(context_.outbox, outbox_patience, one);
}

bridge_listener::bridge_listener(caf::actor bridge, duration revoke_limit,
                                 std::function<void(failure)> fatal)
    : bridge_(std::move(bridge)), revoke_limit_(revoke_limit), fatal_(std::move(fatal)) {}

void bridge_listener::assigned(const std::vector<shard_id>& shards) {
  caf::anon_send(bridge_, shards_assigned{shards});
}

void bridge_listener::revoked(const std::vector<shard_id>& shards, bool lost) {
  auto done = std::make_shared<std::promise<void>>();
  auto answered = std::make_shared<std::atomic<bool>>(false);
  auto future = done->get_future();
  caf::anon_send(bridge_, shards_revoked{shards, lost, [done, answered] {
                                           if (!answered->exchange(true))
                                             done->set_value();
                                         }});
  if (future.wait_for(revoke_limit_) != std::future_status::ready)
    log::warning("bridge.revoke_cut", {{"shards", shards.size()}});
}

void bridge_listener::records(shard_id shard, epoch_t tenure, std::vector<log_record> batch) {
  caf::anon_send(bridge_, shard_records{shard, tenure, std::move(batch)});
}

void bridge_listener::failed(const failure& why) { fatal_(why); }

}  // namespace orrery::actors
