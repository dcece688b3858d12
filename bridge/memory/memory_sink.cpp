#include "bridge/memory/memory_sink.hpp"

#include "base/check.hpp"
#include "base/worker.hpp"

namespace orrery {

std::vector<status_event> memory_topics::events(shard_id shard) const {
  const std::lock_guard lock(guard_);
  const auto found = events_.find(shard);
  return found == events_.end() ? std::vector<status_event>{} : found->second;
}

std::vector<status_event> memory_topics::take_events(shard_id shard) {
  const std::lock_guard lock(guard_);
  auto& all = events_[shard];
  auto taken = std::exchange(all, {});
  // What stays is the tail of each topic, by which a new owner goes on.
  std::map<size_t, const status_event*> tails;
  for (const auto& event : taken)
    tails[event.index()] = &event;
  for (const auto& [topic, last] : tails)
    all.push_back(*last);
  return taken;
}

std::vector<dead_letter> memory_topics::dead_letters() const {
  const std::lock_guard lock(guard_);
  return letters_;
}

void memory_topics::fail_next(size_t calls, failure why, bool stored) {
  const std::lock_guard lock(guard_);
  failing_ = calls;
  why_ = std::move(why);
  stored_ = stored;
}

result<void> memory_topics::store(shard_id shard, const std::vector<status_event>& events) {
  const std::lock_guard lock(guard_);
  const bool fails = failing_ > 0;
  if (!fails || stored_) {
    auto& all = events_[shard];
    all.insert(all.end(), events.begin(), events.end());
  }
  if (!fails)
    return {};
  --failing_;
  return why_;
}

result<void> memory_topics::store(const std::vector<dead_letter>& letters) {
  const std::lock_guard lock(guard_);
  const bool fails = failing_ > 0;
  if (!fails || stored_)
    letters_.insert(letters_.end(), letters.begin(), letters.end());
  if (!fails)
    return {};
  --failing_;
  return why_;
}

memory_sink::memory_sink(memory_topics& topics, drive how) : topics_(topics), how_(how) {
  if (how_ == drive::threaded)
    thread_ = std::thread([this] { run(); });
}

memory_sink::~memory_sink() {
  {
    const std::lock_guard lock(guard_);
    stopping_ = true;
  }
  wake_.notify_all();
  if (thread_.joinable())
    thread_.join();
  for (auto& pending : answers_)
    pending.done(failure{errc::unavailable, "the sink was closed"});
}

void memory_sink::publish(shard_id shard, std::vector<status_event> events,
                          std::function<void(result<void>)> done) {
  answer(std::move(done), topics_.store(shard, events));
}

void memory_sink::publish_dead_letters(std::vector<dead_letter> letters,
                                       std::function<void(result<void>)> done) {
  answer(std::move(done), topics_.store(letters));
}

result<event_sink::tails> memory_sink::last_published(shard_id shard,
                                                      const publishing_state& /*known*/, duration) {
  tails last{};
  for (const auto& event : topics_.events(shard))
    last[event.index()] = std::visit([](const auto& e) { return e.position; }, event);
  return last;
}

void memory_sink::hold(bool hold) {
  {
    const std::lock_guard lock(guard_);
    held_ = hold;
  }
  wake_.notify_all();
}

bool memory_sink::step() {
  CHECK(how_ == drive::stepped, "only a stepped sink is driven from outside");
  std::unique_lock lock(guard_);
  if (held_ || answers_.empty())
    return false;
  auto next = std::move(answers_.front());
  answers_.pop_front();
  lock.unlock();
  next.done(std::move(next.outcome));
  return true;
}

void memory_sink::answer(std::function<void(result<void>)> done, result<void> outcome) {
  {
    const std::lock_guard lock(guard_);
    answers_.push_back({std::move(done), std::move(outcome)});
  }
  wake_.notify_all();
}

void memory_sink::run() {
  name_this_thread("sink");
  std::unique_lock lock(guard_);
  for (;;) {
    wake_.wait(lock, [this] { return stopping_ || (!held_ && !answers_.empty()); });
    if (stopping_)
      return;
    auto next = std::move(answers_.front());
    answers_.pop_front();
    lock.unlock();
    next.done(std::move(next.outcome));
    lock.lock();
  }
}

}  // namespace orrery
