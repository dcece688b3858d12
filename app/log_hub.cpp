#include "app/log_hub.hpp"

#include <algorithm>

namespace orrery::app {

log_hub::log_hub(options how) : how_(std::move(how)), memory_(how_.run, how_.memory_bytes) {}

template <class F>
void log_hub::each(F&& what) {
  for (const auto& one : followers_)
    if (const auto alive = one.stream.lock())
      what(*alive);
}

void log_hub::forget_gone() {
  std::erase_if(followers_, [](const auto& one) { return one.stream.expired(); });
  followers_count_ = followers_.size();
}

void log_hub::take(log::level lvl, std::string_view line) noexcept {
  if (followers_count_ == 0 && how_.memory_bytes == 0)
    return;
  try {
    const auto now = std::chrono::steady_clock::now();
    const std::lock_guard lock(guard_);
    if (how_.memory_bytes > 0)
      memory_.add(lvl, line, now);
    each([&](line_stream& one) { one.offer(line, now); });
    forget_gone();
  } catch (...) {
    // No memory: the line is missing from the stream; it is in the file.
  }
}

log_news log_hub::answer(const log_question& question) const {
  const std::lock_guard lock(guard_);
  return memory_.after(question, std::chrono::steady_clock::now(), how_.answer_bytes);
}

std::shared_ptr<line_stream> log_hub::open(node_log_wish wish, duration settle,
                                           std::function<void()> wake) {
  auto made = std::make_shared<line_stream>(std::move(wish), settle, std::move(wake));
  {
    const std::lock_guard lock(guard_);
    forget_gone();
    if (followers_.size() >= how_.streams_max)
      return nullptr;
    followers_.push_back({made, std::chrono::steady_clock::now()});
    followers_count_ = followers_.size();
    if (ended_)
      made->end(feed_end::stopping);
  }
  begun_.notify_all();
  return made;
}

void log_hub::end() {
  const std::lock_guard lock(guard_);
  ended_ = true;
  each([](line_stream& one) { one.end(feed_end::stopping); });
}

log_hub::interest log_hub::interest_now() {
  interest out;
  for (const auto& one : followers_) {
    const auto alive = one.stream.lock();
    if (!alive || alive->wish().node == how_.node)
      continue;
    out.since = out.any ? std::min(out.since, one.since) : one.since;
    out.any = true;
    out.least = std::min(out.least, alive->wish().least);
    if (alive->wish().node.empty())
      out.all = true;
    else
      out.nodes.insert(alive->wish().node);
  }
  return out;
}

log_hub::interest log_hub::wanted() {
  const std::lock_guard lock(guard_);
  forget_gone();
  return interest_now();
}

void log_hub::await_interest(std::stop_token stop) {
  std::unique_lock lock(guard_);
  begun_.wait(lock, stop, [this] { return interest_now().any; });
}

void log_hub::bring(const std::vector<std::string>& lines) {
  const auto now = std::chrono::steady_clock::now();
  std::vector<std::shared_ptr<line_stream>> streams;
  {
    const std::lock_guard lock(guard_);
    for (const auto& one : followers_)
      if (auto alive = one.stream.lock())
        streams.push_back(std::move(alive));
  }
  // Outside the lock: who logs does not wait while many lines are compared with many wishes.
  for (const auto& one : streams)
    for (const auto& line : lines)
      one->offer(line, now);
}

void log_hub::tell_loss(const std::string& node, uint64_t lines) {
  const std::lock_guard lock(guard_);
  each([&](line_stream& one) { one.tell_loss(node, lines); });
}

void log_hub::tell_nodes(const std::vector<std::string>& heard,
                         const std::vector<std::string>& missing) {
  const std::lock_guard lock(guard_);
  each([&](line_stream& one) {
    if (one.wish().node != how_.node)
      one.tell_nodes(heard, missing);
  });
}

void log_hub::look() {
  const auto now = std::chrono::steady_clock::now();
  const std::lock_guard lock(guard_);
  each([&](line_stream& one) { one.look(now); });
}

}  // namespace orrery::app
