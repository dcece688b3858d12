#include "app/feed_hub.hpp"

#include "app/feed_reader.hpp"
#include "codec/messages.hpp"

#include <algorithm>

namespace orrery::app {

feed_item make_feed_item(const event_record& record, feed_positions& seen) {
  feed_item item;
  item.id = record.id;
  item.kind = kind_of(record.event);
  item.position = record.position.value;
  item.name = name_of(record.event);
  codec::append_view(item.json, record);
  item.json.insert(1, "\"shard\":" + std::to_string(record.id.shard().value) + ",");
  seen[record.id.shard().value] = item.position;
  item.place = write_feed_cursor(seen);
  return item;
}

void append_feed_frame(std::string& out, std::string_view place, const feed_item& item) {
  out.append("id: ").append(place).append("\nevent: ").append(item.name);
  out.append("\ndata: ").append(item.json).append("\n\n");
}

bool feed_hub::add(feed_reader& reader) {
  const std::lock_guard lock(guard_);
  if (stopping_ || readers_.size() >= options.readers_max) {
    ++figures_.refused;
    return false;
  }
  readers_.insert(&reader);
  ++figures_.opened;
  changed_.notify_all();
  return true;
}

void feed_hub::remove(feed_reader& reader) {
  const std::lock_guard lock(guard_);
  readers_.erase(&reader);
}

void feed_hub::count_refused() {
  const std::lock_guard lock(guard_);
  ++figures_.refused;
}

void feed_hub::count_cut() {
  const std::lock_guard lock(guard_);
  ++figures_.cut;
}

std::optional<feed_hub::head_place> feed_hub::head() const {
  const std::lock_guard lock(guard_);
  return head_;
}

void feed_hub::begin(feed_positions seen) {
  const std::lock_guard lock(guard_);
  if (!head_)
    head_ = head_place{ring_.empty() ? 0 : ring_.back()->number, std::move(seen)};
}

void feed_hub::push(feed_batch batch) {
  const std::lock_guard lock(guard_);
  batch.number = ++head_->number;
  head_->seen = batch.after;
  figures_.events += batch.items.size();
  ring_bytes_ += batch.text.size();
  ring_.push_back(std::make_shared<const feed_batch>(std::move(batch)));
  while (ring_.size() > 1 && ring_bytes_ > options.ring_bytes) {
    ring_bytes_ -= ring_.front()->text.size();
    ring_.pop_front();
  }
  for (auto* reader : readers_)
    reader->wake();
}

feed_hub::found feed_hub::batch(uint64_t number, feed_batch_ptr& out) const {
  const std::lock_guard lock(guard_);
  if (!head_ || (ring_.empty() && number <= head_->number))
    return found::gone;
  if (number > head_->number)
    return found::not_yet;
  if (number < ring_.front()->number)
    return found::gone;
  out = ring_[number - ring_.front()->number];
  return found::here;
}

bool feed_hub::wait() {
  std::unique_lock lock(guard_);
  if (readers_.empty()) {
    // Nobody reads: the next one begins with a fresh look.
    head_.reset();
    ring_.clear();
    ring_bytes_ = 0;
    changed_.wait(lock, [this] { return stopping_ || !readers_.empty(); });
  }
  // A look wakes every reader, and a write to each of 5,000 takes a core for about 45 ms. Looking more
  // seldom than that only makes everybody wait; looking more often costs nothing more, as whoever has not
  // been written to yet gets both at once.
  const auto pace =
      std::min<duration>(options.pace + std::chrono::microseconds{readers_.size() * 2},
                         std::max<duration>(options.pace, 40ms));
  changed_.wait_until(lock, looked_at_ + pace, [this] { return stopping_; });
  looked_at_ = std::chrono::steady_clock::now();
  return !stopping_;
}

void feed_hub::stop() {
  const std::lock_guard lock(guard_);
  stopping_ = true;
  changed_.notify_all();
  for (auto* reader : readers_)
    reader->wake();
}

bool feed_hub::stopping() const {
  const std::lock_guard lock(guard_);
  return stopping_;
}

feed_figures feed_hub::figures() const {
  const std::lock_guard lock(guard_);
  auto out = figures_;
  out.readers = readers_.size();
  return out;
}

}  // namespace orrery::app
