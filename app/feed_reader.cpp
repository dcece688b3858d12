#include "app/feed_reader.hpp"

#include "base/log.hpp"

#include <algorithm>

namespace orrery::app {

namespace {

/// Of what was read ahead for a reader that does not take it.
constexpr size_t pending_max = 256 * 1024;

}  // namespace

feed_reader::feed_reader(std::shared_ptr<feed_hub> hub, std::shared_ptr<read_pool> reads,
                         feed_wish wish, std::function<void()> wake)
    : hub_(std::move(hub)),
      reads_(std::move(reads)),
      wish_(std::move(wish)),
      everything_(!wish_.kind && !wish_.id && wish_.events.empty()),
      wake_(std::move(wake)) {}

feed_reader::~feed_reader() {
  if (counted_)
    hub_->remove(*this);
}

void feed_reader::begin(std::function<void(result<void>)> done) {
  counted_ = hub_->add(*this);
  if (!counted_)
    return done(failure{errc::busy, "too many readers of events"});
  auto self = shared_from_this();
  auto shared = std::make_shared<decltype(done)>(std::move(done));
  auto look = [self, shared](entity_store& store) {
    if (!self->hub_->head()) {
      const auto rows = store.shards();
      if (!rows)
        return (*shared)(rows.error());
      feed_positions seen(self->hub_->options.shards);
      for (const auto& row : *rows)
        if (row.shard.value < seen.size())
          seen[row.shard.value] = row.position.value;
      self->hub_->begin(std::move(seen));
    }
    {
      const std::lock_guard lock(self->guard_);
      self->target_ = *self->hub_->head();
      self->seen_ = self->target_.seen;
      if (self->wish_.id && !self->wish_.after.empty())
        self->entity_seen_ = *read_feed_position(self->wish_.after);
      else if (!self->wish_.after.empty())
        self->seen_ = *read_feed_cursor(self->wish_.after, self->hub_->options.shards);
      self->live_ = !self->wish_.id && self->wish_.after.empty();
      self->next_batch_ = self->target_.number + 1;
      self->reading_ = !self->live_;
    }
    (*shared)(result<void>{});
    if (!self->live_)
      self->lead_up();
  };
  reads_->run(std::move(look), [shared] {
    (*shared)(failure{errc::busy, "too many reads are waiting"});
  });
}

void feed_reader::lead_up() {
  auto self = shared_from_this();
  reads_->run(
      [self](entity_store& store) {
        const auto there = self->read_page(store);
        if (!there) {
          log::warning("feed.read_failed", {{"detail", there.error().detail}});
          self->finish(feed_end::failed);
        } else {
          const std::lock_guard lock(self->guard_);
          self->live_ = self->fresh_ = *there;
          self->reading_ = false;
        }
        self->wake();
      },
      [self] {
        self->finish(feed_end::failed);
        self->wake();
      });
}

/// True once the place is that of `target_`.
result<bool> feed_reader::read_page(entity_store& store) {
  if (wish_.id)
    return read_history(store);
  for (size_t shard = 0; shard < seen_.size(); ++shard) {
    const auto done = read_shard(store, static_cast<uint16_t>(shard));
    if (!done)
      return done;
    if (!*done)
      return false;
  }
  return true;
}

result<bool> feed_reader::read_shard(entity_store& store, uint16_t shard) {
  while (seen_[shard] < target_.seen[shard]) {
    const auto page =
        store.journal(shard_id{shard}, position_t{seen_[shard] + 1}, hub_->options.page_events);
    if (!page)
      return page.error();
    const std::lock_guard lock(guard_);
    if (page->empty()) {
      // What stood there has been deleted since: nothing more to tell of this shard up to the head.
      seen_[shard] = target_.seen[shard];
      break;
    }
    for (const auto& record : *page)
      if (record.position.value > seen_[shard] && record.position.value <= target_.seen[shard])
        emit(record);
    if (pending_.size() >= pending_max)
      return seen_[shard] == target_.seen[shard] && shard + 1u == seen_.size();
  }
  return true;
}

result<bool> feed_reader::read_history(entity_store& store) {
  const auto events = store.history(*wish_.id);
  if (!events && events.error().code != errc::not_found)
    return events.error();
  const auto upto = target_.seen[wish_.id->shard().value];
  const std::lock_guard lock(guard_);
  if (events)
    for (const auto& record : *events)
      if (record.position.value > entity_seen_ && record.position.value <= upto)
        emit(record);
  return true;
}

/// With the guard held.
void feed_reader::emit(const event_record& record) {
  const auto item = make_feed_item(record, seen_);
  entity_seen_ = std::max(entity_seen_, wish_.id ? item.position : 0);
  if (wants(item))
    append_feed_frame(pending_, wish_.id ? std::to_string(item.position) : item.place, item);
}

bool feed_reader::wants(const feed_item& item) const {
  if (wish_.id && item.id != *wish_.id)
    return false;
  if (wish_.kind && item.kind != *wish_.kind)
    return false;
  return wish_.events.empty() ||
         std::find(wish_.events.begin(), wish_.events.end(), item.name) != wish_.events.end();
}

void feed_reader::take(std::string& out, size_t bytes_max) {
  if (hub_->stopping())
    return finish(feed_end::stopping);
  std::unique_lock lock(guard_);
  if (!pending_.empty()) {
    out += pending_;
    pending_.clear();
  }
  if (ended_ != feed_end::none || reading_)
    return;
  if (live_)
    return take_from_ring(out, bytes_max);
  reading_ = true;
  lock.unlock();
  lead_up();
}

/// With the guard held.
void feed_reader::take_from_ring(std::string& out, size_t bytes_max) {
  const auto before = out.size();
  for (feed_batch_ptr batch; out.size() - before < bytes_max; ++next_batch_) {
    const auto found = hub_->batch(next_batch_, batch);
    if (found == feed_hub::found::not_yet)
      return;
    if (found == feed_hub::found::gone)
      return fell_out();
    fresh_ = false;
    seen_ = batch->after;
    if (everything_) {
      out += batch->text;
      continue;
    }
    for (const auto& item : batch->items) {
      if (!wants(item) || (wish_.id && item.position <= entity_seen_))
        continue;
      append_feed_frame(out, wish_.id ? std::to_string(item.position) : item.place, item);
      entity_seen_ = wish_.id ? item.position : 0;
    }
  }
  // More is there: come again when this is written.
  wake_();
}

/// With the guard held. Whoever was still being led up is led on; whoever was there was too slow.
void feed_reader::fell_out() {
  if (!fresh_) {
    ended_ = feed_end::slow;
    hub_->count_cut();
    return;
  }
  if (auto head = hub_->head()) {
    target_ = std::move(*head);
    next_batch_ = target_.number + 1;
    live_ = false;
  }
  wake_();
}

std::string feed_reader::place() const {
  const std::lock_guard lock(guard_);
  return wish_.id ? std::to_string(entity_seen_) : write_feed_cursor(seen_);
}

feed_end feed_reader::ended() const {
  const std::lock_guard lock(guard_);
  return pending_.empty() ? ended_ : feed_end::none;
}

void feed_reader::finish(feed_end why) {
  const std::lock_guard lock(guard_);
  if (ended_ == feed_end::none)
    ended_ = why;
  reading_ = false;
}

}  // namespace orrery::app
