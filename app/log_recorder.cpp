#include "app/log_recorder.hpp"

#include "base/log.hpp"
#include "base/worker.hpp"

#include <algorithm>

namespace orrery::app {

namespace {

/// Longer ones are cut into several.
constexpr size_t line_bytes_max = 16 * 1024;
/// What a line costs beside its text.
constexpr size_t line_overhead = 64;
/// Stored in one transaction.
constexpr size_t round_bytes = 1 << 20;
constexpr size_t round_batches = 256;
constexpr int64_t trim_after = 8 << 20;

size_t size_of(const log_line& line) { return line.text.size() + line_overhead; }

}  // namespace

log_recorder::log_recorder(task_log_source& where, const clock& time, log_options how)
    : logs_(where.open_logs()), time_(time), how_(std::move(how)) {
  thread_ = std::jthread([this] { run(); });
}

log_recorder::~log_recorder() { stop(); }

void log_recorder::stop() {
  {
    const std::lock_guard lock(guard_);
    stopping_ = true;
  }
  wake_.notify_all();
  if (thread_.joinable())
    thread_.join();
}

log_figures log_recorder::figures() const {
  const std::lock_guard lock(guard_);
  auto out = figures_;
  out.waiting = static_cast<int64_t>(bytes_);
  return out;
}

void log_recorder::write(entity_id task, attempt_token token, log_source source,
                         std::string_view bytes) {
  if (bytes.empty())
    return;
  const auto now = time_.now();
  const auto which = source == log_source::standard_error ? 1u : 0u;
  const std::lock_guard lock(guard_);
  auto& to = entries_[{task, token}];
  auto& open = to.open[which];
  while (!bytes.empty()) {
    if (open.text.empty())
      open.since = now;
    const auto line_break = bytes.find('\n');
    const auto room = line_bytes_max - open.text.size();
    const auto length = std::min(line_break, bytes.size());
    if (length > room) {
      open.text.append(bytes.substr(0, room));
      bytes.remove_prefix(room);
      end_open_line(to, which);
      continue;
    }
    open.text.append(bytes.substr(0, length));
    bytes.remove_prefix(std::min(bytes.size(), length + 1));
    if (line_break == std::string_view::npos)
      break;
    if (open.text.ends_with('\r'))
      open.text.pop_back();
    add(to, {open.since, source, false, std::exchange(open.text, {}), 0});
  }
  keep_within_limits(to);
  wake_.notify_one();
}

void log_recorder::write(entity_id task, attempt_token token, std::vector<log_line> lines) {
  if (lines.empty())
    return;
  const auto now = time_.now();
  const std::lock_guard lock(guard_);
  auto& to = entries_[{task, token}];
  for (auto& line : lines) {
    if (line.at == never)
      line.at = now;
    add(to, std::move(line));
  }
  keep_within_limits(to);
  wake_.notify_one();
}

void log_recorder::close(entity_id task, attempt_token token) {
  const std::lock_guard lock(guard_);
  if (const auto found = entries_.find({task, token}); found != entries_.end())
    found->second.closed = true;
  wake_.notify_one();
}

void log_recorder::add(entry& to, log_line line) {
  const auto size = size_of(line);
  to.bytes += size;
  bytes_ += size;
  to.lines.push_back(std::move(line));
}

void log_recorder::end_open_line(entry& of, size_t which) {
  auto& open = of.open[which];
  const auto source = which == 1 ? log_source::standard_error : log_source::standard_output;
  add(of, {open.since, source, true, std::exchange(open.text, {}), 0});
}

void log_recorder::drop_oldest(entry& from, size_t bytes_left) {
  while (from.bytes > bytes_left && !from.lines.empty()) {
    const auto size = size_of(from.lines.front());
    from.bytes -= size;
    bytes_ -= size;
    ++from.lost.lines;
    from.lost.bytes += static_cast<int64_t>(size);
    ++figures_.dropped;
    from.lines.pop_front();
  }
}

void log_recorder::keep_within_limits(entry& latest) {
  const auto most = static_cast<size_t>(how_.attempt_bytes) * 2;
  if (latest.bytes > most)
    drop_oldest(latest, most / 2);
  // Whoever writes most loses first.
  while (bytes_ > how_.buffer_bytes) {
    auto& largest = std::ranges::max_element(entries_, {}, [](const auto& one) {
                      return one.second.bytes;
                    })->second;
    drop_oldest(largest, largest.bytes / 2);
  }
}

void log_recorder::run() {
  name_this_thread("logs");
  std::vector<log_batch> in_hand;
  bool failed = false;
  for (;;) {
    bool last = false;
    {
      std::unique_lock lock(guard_);
      if (in_hand.empty())
        wake_.wait(lock, [this] { return stopping_ || !entries_.empty(); });
      wake_.wait_for(lock, failed ? how_.pause : how_.pace, [this] { return stopping_; });
      last = stopping_;
      if (in_hand.empty())
        in_hand = take();
    }
    failed = !store(in_hand, *logs_);
    if (last) {
      if (!failed) {
        const std::lock_guard lock(guard_);
        in_hand = take();
      }
      if (!failed && !in_hand.empty())
        store(in_hand, *logs_);
      return;
    }
    trim(*logs_);
  }
}

/// What can be stored now, as much as fits into a round or two; the lock is held.
std::vector<log_batch> log_recorder::take() {
  std::vector<log_batch> batches;
  const auto now = time_.now();
  last_stamp_ = std::max(last_stamp_ + 1, micros(now));
  for (auto one = entries_.begin(); one != entries_.end();) {
    auto& [of, what] = *one;
    for (size_t which = 0; which < what.open.size(); ++which)
      if (auto& open = what.open[which];
          !open.text.empty() && (what.closed || stopping_ || now - open.since >= how_.hold))
        end_open_line(what, which);
    if (!what.lines.empty() || what.lost.lines > 0) {
      batches.push_back({of.first, of.second, last_stamp_, {}, std::exchange(what.lost, {})});
      batches.back().lines.assign(std::move_iterator(what.lines.begin()),
                                  std::move_iterator(what.lines.end()));
      if (!what.lines.empty())
        batches.back().lines.front().lost_before = batches.back().lost.lines;
      bytes_ -= what.bytes;
      what.bytes = 0;
      what.lines.clear();
    }
    const bool open = std::ranges::any_of(what.open, [](const auto& x) { return !x.text.empty(); });
    one = open ? std::next(one) : entries_.erase(one);
  }
  return batches;
}

/// Stores from the front and takes off what is stored; false where the rest must be tried again.
bool log_recorder::store(std::vector<log_batch>& batches, task_log_store& logs) {
  while (!batches.empty()) {
    size_t count = 0;
    size_t bytes = 0;
    int64_t lines = 0;
    for (; count < batches.size() && count < round_batches && bytes < round_bytes; ++count) {
      for (const auto& line : batches[count].lines)
        bytes += size_of(line);
      lines += static_cast<int64_t>(batches[count].lines.size());
    }
    untrimmed_ += static_cast<int64_t>(bytes);
    const auto round = std::span(batches).first(count);
    const auto stored = logs.append(how_.node, round, how_.attempt_bytes, time_.now());
    const bool again =
        !stored && (stored.error().code == errc::unavailable || stored.error().code == errc::busy ||
                    stored.error().code == errc::in_doubt);
    const std::lock_guard lock(guard_);
    if (!stored) {
      ++figures_.failures;
      log::warning("logs.not_stored", {{"detail", stored.error().detail}, {"lines", lines}});
      if (again)
        return false;
    }
    (stored ? figures_.lines : figures_.dropped) += lines;
    batches.erase(batches.begin(), batches.begin() + static_cast<std::ptrdiff_t>(count));
  }
  return true;
}

void log_recorder::trim(task_log_store& logs) {
  if (untrimmed_ < std::min(trim_after, how_.node_bytes / 8))
    return;
  untrimmed_ = 0;
  // A few steps at a time: what is left comes with the next round.
  for (int step = 0; step < 10; ++step) {
    const auto gone = logs.trim(how_.node, how_.node_bytes);
    if (!gone || *gone == 0)
      return;
    log::info("logs.trimmed", {{"bytes", *gone}});
  }
}

}  // namespace orrery::app
