#include "actors/outbox.hpp"

#include "actors/status_replay.hpp"
#include "base/crash_point.hpp"
#include "base/log.hpp"

#include <algorithm>

namespace orrery::actors {

namespace {

constexpr size_t publish_max = 2000;
constexpr size_t replay_page = 1000;
constexpr auto retry_after = std::chrono::milliseconds{500};
constexpr auto refused_pause = std::chrono::seconds{10};

/// Whether the store knows of a later owner than `epoch`.
bool is_superseded(entity_store& store, shard_id shard, epoch_t epoch) {
  const auto rows = store.shards();
  return rows && std::any_of(rows->begin(), rows->end(), [&](const shard_row& row) {
           return row.shard == shard && row.epoch > epoch;
         });
}

position_t position_of(const status_event& event) {
  return std::visit([](const auto& e) { return e.position; }, event);
}

}  // namespace

outbox::outbox(caf::actor_config& config, node_context& context)
    : caf::event_based_actor(config), context_(context) {}

caf::behavior outbox::make_behavior() {
  context_.probe.meters.outbox.forget();
  return {
      [this](const open_outbox& wish) { open(wish); },
      [this](publish_events& news) { gather(news); },
      [this](const publish_done& news) { published(news); },
      [this](replay_loaded& news) { replayed_page(news); },
      [this](const retry_outbox& wish) {
        const auto found = channels_.find(wish.shard);
        if (found != channels_.end() && found->second.epoch == wish.epoch)
          replay(wish.shard, found->second, {}, false);
      },
      [this](const close_outbox& wish) {
        const auto found = channels_.find(wish.shard);
        if (found != channels_.end() && found->second.epoch == wish.epoch) {
          refuse(found->second, false);
          channels_.erase(found);
        }
        answer_flushes();
      },
      [this](const letters_loaded& news) { copy(news); },
      [this](const letters_copied& news) { copied(news); },
      [this](const copy_letters& wish) {
        if (auto* one = channel_of(wish.shard, wish.epoch)) {
          one->copying = false;
          copy(wish.shard, *one);
        }
      },
      [this](const sample_mailbox& wish) { wish.into->answer(mailbox().size(), steady_micros()); },
      [this](flush_outbox& wish) {
        flushes_.push_back(std::move(wish));
        answer_flushes();
      },
  };
}

void outbox::open(const open_outbox& wish) {
  refuse(channels_[wish.shard], false);
  auto& one = channels_[wish.shard] = {};
  one.epoch = wish.epoch;
  one.published = wish.published;
  one.committed = wish.committed;
  one.queued_from = wish.committed;
  one.handed_at = steady_micros();
  show(wish.shard, one);
  copy(wish.shard, one);
  if (wish.committed.value == 0)
    one.behind = false;  // nothing was ever committed, so nothing was published
  else
    replay(wish.shard, one, {}, false);
}

void outbox::gather(publish_events& news) {
  const auto found = channels_.find(news.shard);
  if (found == channels_.end() || found->second.epoch != news.epoch)
    return;
  auto& one = found->second;
  if (news.letters) {
    one.letters_due = true;
    copy(news.shard, one);
  }
  one.committed = std::max(one.committed, news.upto);
  if (one.queue.size() + news.events.size() > context_.limits.outbox_backlog) {
    one.queue.clear();
    one.queued_from = one.committed;
    one.behind = true;
  } else {
    // A page of the journal may have been ahead of this news.
    std::copy_if(std::make_move_iterator(news.events.begin()),
                 std::make_move_iterator(news.events.end()), std::back_inserter(one.queue),
                 [&](const status_event& event) { return position_of(event) > one.handed; });
  }
  pump(news.shard, one);
  show(news.shard, one);
}

void outbox::show(shard_id shard, const channel& one) {
  auto& meter = context_.probe.meters.shards.of(shard);
  const auto before = meter.published.exchange(one.published.value, std::memory_order_relaxed);
  if (one.published >= one.committed)
    meter.unpublished_since.store(0, std::memory_order_relaxed);
  else if (meter.unpublished_since.load(std::memory_order_relaxed) == 0)
    meter.unpublished_since.store(steady_micros(), std::memory_order_relaxed);
  else if (before != one.published.value)  // what is left was committed after that batch was taken
    meter.unpublished_since.store(one.handed_at, std::memory_order_relaxed);
}

void outbox::pump(shard_id shard, channel& one) {
  if (one.publishing || one.replaying)
    return;
  if (one.behind)
    return replay(shard, one, {}, false);
  if (one.queue.empty()) {
    one.published = one.committed;
    return;
  }
  const auto n = std::min(one.queue.size(), publish_max);
  std::vector<status_event> events(
      std::make_move_iterator(one.queue.begin()),
      std::make_move_iterator(one.queue.begin() + static_cast<std::ptrdiff_t>(n)));
  one.queue.erase(one.queue.begin(), one.queue.begin() + static_cast<std::ptrdiff_t>(n));
  const auto upto = one.queue.empty() ? one.committed : position_of(events.back());
  hand_over(shard, one, std::move(events), upto);
}

void outbox::hand_over(shard_id shard, channel& one, std::vector<status_event> events,
                       position_t upto) {
  reach(crash_point::publish_before);
  one.publishing = true;
  one.handed = std::max(one.handed, upto);
  one.handed_at = steady_micros();
  const auto n = events.size();
  context_.probe.outbox_backlog.fetch_add(n, std::memory_order_relaxed);
  context_.sink.publish(shard, std::move(events),
                        [shard, upto, n, epoch = one.epoch, &probe = context_.probe,
                         self = caf::actor_cast<caf::actor>(this)](result<void> outcome) {
                          probe.outbox_backlog.fetch_sub(n, std::memory_order_relaxed);
                          if (outcome)
                            probe.events_published.fetch_add(n, std::memory_order_relaxed);
                          publish_done news{shard, epoch, upto, {}};
                          if (!outcome)
                            news.error = outcome.error();
                          caf::anon_send(self, std::move(news));
                        });
}

void outbox::published(const publish_done& news) {
  const auto found = channels_.find(news.shard);
  if (found == channels_.end() || found->second.epoch != news.epoch)
    return;
  auto& one = found->second;
  one.publishing = false;
  if (news.error) {
    context_.probe.publish_failures.fetch_add(1, std::memory_order_relaxed);
    log::warning("outbox.publish_failed",
                 {{"shard", news.shard.value}, {"detail", news.error->detail}});
    one.queue.clear();
    one.queued_from = one.committed;
    one.handed = one.published;
    one.behind = one.replaying = true;  // until the retry
    one.fenced = news.error->code == errc::conflict;
    delayed_send(this, retry_after, retry_outbox{news.shard, news.epoch});
    return;
  }
  reach(crash_point::publish_acked);
  one.published = news.upto;
  context_.commits.mark_published(news.shard, one.epoch, one.published);
  if (one.behind)
    replay(news.shard, one, one.tails, true);
  else
    pump(news.shard, one);
  show(news.shard, one);
  answer_flushes();
}

/// Reads where the topics end (unless this program has just published itself) and one page of the
/// journal behind that.
void outbox::replay(shard_id shard, channel& one, event_sink::tails tails, bool tails_known) {
  one.replaying = true;
  one.behind = true;
  const auto self = caf::actor_cast<caf::actor>(this);
  replay_loaded news;
  news.shard = shard;
  news.epoch = one.epoch;
  news.tails = tails;
  news.tails_known = tails_known;
  const auto from = one.published;
  const auto upto = one.committed;
  const bool fenced = std::exchange(one.fenced, false);
  auto& sink = context_.sink;
  auto& reader = context_.replays != nullptr ? *context_.replays : context_.reads;
  reader.run(
      [self, news, from, upto, fenced, &sink](entity_store& store) mutable {
        // Whoever was fenced by the rightful owner must not fence it in turn.
        if (fenced && is_superseded(store, news.shard, news.epoch)) {
          news.superseded = true;
          caf::anon_send(self, std::move(news));
          return;
        }
        if (!news.tails_known) {
          auto found = sink.last_published(news.shard, {upto, from}, 5s);
          if (!found) {
            news.error = found.error();
            caf::anon_send(self, std::move(news));
            return;
          }
          news.tails = *found;
          news.tails_known = true;
        }
        news.scanned = from;
        // All topics with a tail have everything up to the smallest of them.
        auto known = upto;
        const bool all = std::all_of(news.tails.begin(), news.tails.end(),
                                     [](const auto& tail) { return tail.has_value(); });
        for (const auto& tail : news.tails)
          known = std::min(known, tail.value_or(known));
        if (all)
          news.scanned = std::max(news.scanned, known);
        if (news.scanned < upto) {
          auto page = replay_status_events(store, news.shard, position_t{news.scanned.value + 1},
                                           replay_page);
          if (!page) {
            news.error = page.error();
          } else {
            news.scanned = std::max(news.scanned, page->scanned);
            for (auto& event : page->events) {
              const auto& tail = news.tails[event.index()];
              if (!tail || position_of(event) > *tail)
                news.events.push_back(std::move(event));
            }
          }
        }
        news.at_end = news.scanned >= upto;
        caf::anon_send(self, std::move(news));
      },
      [self, news]() mutable {
        news.error = failure{errc::busy, "too many reads wait for the store"};
        caf::anon_send(self, std::move(news));
      });
}

void outbox::replayed_page(replay_loaded& news) {
  const auto found = channels_.find(news.shard);
  if (found == channels_.end() || found->second.epoch != news.epoch)
    return;
  auto& one = found->second;
  if (news.superseded) {
    channels_.erase(found);
    return answer_flushes();
  }
  if (news.error) {
    const bool refused = news.error->code == errc::conflict;
    log::write(refused ? log::level::error : log::level::warning, "outbox.replay_failed",
               {{"shard", news.shard.value}, {"detail", news.error->detail}});
    refuse(one, refused);
    // Refused: people must decide. Asked again all the same, as another node may have been asked.
    if (refused)
      delayed_send(this, refused_pause, retry_outbox{news.shard, news.epoch});
    else
      delayed_send(this, retry_after, retry_outbox{news.shard, news.epoch});
    return;
  }
  refuse(one, false);
  one.replaying = false;
  one.tails = news.tails;
  // What the queue holds was gathered while we read; what the page covers is dropped from it.
  while (!one.queue.empty() && position_of(one.queue.front()) <= news.scanned)
    one.queue.pop_front();
  if (news.scanned >= one.queued_from)
    one.behind = false;
  if (!news.events.empty())
    return hand_over(news.shard, one, std::move(news.events), news.scanned);
  one.published = std::max(one.published, news.scanned);
  one.handed = std::max(one.handed, news.scanned);
  if (one.behind)
    replay(news.shard, one, news.tails, true);
  else
    pump(news.shard, one);
  show(news.shard, one);
  answer_flushes();
}

void outbox::refuse(channel& one, bool refused) {
  if (one.refused == refused)
    return;
  one.refused = refused;
  if (refused)
    context_.probe.shards_unpublished.fetch_add(1, std::memory_order_relaxed);
  else
    context_.probe.shards_unpublished.fetch_sub(1, std::memory_order_relaxed);
}

void outbox::answer_flushes() {
  const auto busy = [this](const close_outbox& tenure) {
    const auto found = channels_.find(tenure.shard);
    return found != channels_.end() && found->second.epoch == tenure.epoch &&
           (found->second.publishing || found->second.replaying || !found->second.queue.empty());
  };
  std::vector<flush_outbox> kept;
  for (auto& flush : std::exchange(flushes_, {})) {
    if (std::any_of(flush.of.begin(), flush.of.end(), busy))
      kept.push_back(std::move(flush));
    else
      flush.done();
  }
  std::move(kept.begin(), kept.end(), std::back_inserter(flushes_));
}

}  // namespace orrery::actors
