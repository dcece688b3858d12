#include "actors/journal_writer.hpp"

#include "actors/messages.hpp"
#include "base/log.hpp"
#include "base/worker.hpp"

#include <algorithm>

namespace orrery::actors {

namespace {

using steady = std::chrono::steady_clock;

/// Refusals of contents by a store that answers, before the culprit is looked for.
constexpr int failures_before_narrowing = 4;

void erase_at(auto& list, size_t index) {
  list.erase(list.begin() + static_cast<std::ptrdiff_t>(index));
}

}  // namespace

journal_writer::journal_writer(store& where, const clock& time, writer_options options)
    : session_(where.open_journal()), where_(where), time_(time), options_(std::move(options)) {
  thread_ = std::jthread([this] {
    name_this_thread("journal");
    run();
  });
}

journal_writer::~journal_writer() { stop(); }

void journal_writer::stop() {
  {
    const std::lock_guard lock(guard_);
    stopping_ = true;
  }
  wake_.notify_all();
  if (thread_.joinable())
    thread_.join();
}

void journal_writer::enlist(std::shared_ptr<pending_commit> pending) {
  {
    const std::lock_guard lock(guard_);
    enlisted_.push_back(std::move(pending));
  }
  wake_.notify_one();
}

void journal_writer::acquire(shard_id shard, std::function<void(result<shard_tenure>)> done) {
  bool refused = false;
  {
    const std::lock_guard lock(guard_);
    refused = stopping_;
    if (!refused)
      jobs_.emplace_back([this, shard, done] {
        auto tenure = session_->acquire(shard, options_.node, time_.now());
        {
          const std::lock_guard inner(guard_);
          healthy_ = tenure.has_value();
        }
        done(std::move(tenure));
      });
  }
  if (refused)
    done(failure{errc::unavailable, "the node is stopping"});
  wake_.notify_one();
}

void journal_writer::mark_published(shard_id shard, epoch_t epoch, position_t upto) {
  // Only the newest mark of a shard matters; it rides along with the next pause between commits.
  const std::lock_guard lock(guard_);
  published_[shard] = {epoch, upto};
}

writer_figures journal_writer::figures() const {
  const std::lock_guard lock(guard_);
  return figures_;
}

bool journal_writer::healthy() const {
  const std::lock_guard lock(guard_);
  return healthy_;
}

void journal_writer::run() {
  std::unique_lock lock(guard_);
  for (;;) {
    const auto work = [this] { return stopping_ || !enlisted_.empty() || !jobs_.empty(); };
    if (!work() && !wake_.wait_for(lock, std::chrono::seconds{1}, work)) {
      run_jobs(lock);  // nothing else to do: store the marks of what is published
      continue;
    }
    run_jobs(lock);
    if (enlisted_.empty()) {
      if (stopping_)
        return;
      continue;
    }
    wait_for_pace(lock);
    auto group = take(lock);
    lock.unlock();
    commit(std::move(group));
    lock.lock();
  }
}

void journal_writer::run_jobs(std::unique_lock<std::mutex>& lock) {
  while (!jobs_.empty()) {
    auto job = std::move(jobs_.front());
    jobs_.pop_front();
    lock.unlock();
    job();
    lock.lock();
  }
  const auto now = steady::now();
  if (!enlisted_.empty() && !stopping_ && now < marks_due_)
    return;
  marks_due_ = now + std::chrono::seconds{1};
  const auto marks = std::exchange(published_, {});
  lock.unlock();
  for (const auto& [shard, mark] : marks)
    if (auto ok = session_->mark_published(shard, mark.first, mark.second); !ok)
      log::debug("journal.mark_failed", {{"shard", shard.value}, {"detail", ok.error().detail}});
  lock.lock();
}

void journal_writer::wait_for_pace(std::unique_lock<std::mutex>& lock) {
  const auto start = last_start_ + options_.pace;
  if (stopping_ || steady::now() >= start)
    return;
  const auto waiting = [this] {
    size_t n = 0;
    for (const auto& pending : enlisted_)
      n += pending->size();
    return n;
  };
  wake_.wait_until(lock, start, [&] { return stopping_ || waiting() >= options_.rush; });
}

journal_writer::sealed_group journal_writer::take(std::unique_lock<std::mutex>&) {
  sealed_group group;
  size_t entities = 0;
  while (!enlisted_.empty() && entities < options_.entities_max) {
    auto pending = std::move(enlisted_.front());
    enlisted_.pop_front();
    auto sealed = pending->seal();
    entities += sealed.batch.writes.size();
    group.who.push_back(std::move(pending));
    group.batches.push_back(std::move(sealed.batch));
    group.ordinals.push_back(sealed.ordinal);
  }
  figures_.entities += entities;
  last_start_ = steady::now();
  return group;
}

void journal_writer::settle(sealed_group& group, size_t index, const commit_note& note) {
  auto pending = std::move(group.who[index]);
  auto told = note;
  told.ordinal = group.ordinals[index];
  erase_at(group.who, index);
  erase_at(group.batches, index);
  erase_at(group.ordinals, index);
  pending->notify(told);
  if (note.outcome == commit_note::kind::done && pending->finish())
    enlist(std::move(pending));
}

bool journal_writer::pause(duration length) {
  std::unique_lock lock(guard_);
  return !wake_.wait_for(lock, length, [this] { return stopping_; });
}

void journal_writer::commit(sealed_group group) {
  auto delay = options_.retry_min;
  bool in_doubt = false;
  for (int failures = 0; !group.who.empty();) {
    // Not tried again before it is known: a batch without events would pass the fence a second time.
    if (in_doubt && !read_back(group)) {
      if (!pause(delay))
        break;
      delay = std::min(delay * 2, options_.retry_max);
      continue;
    }
    in_doubt = false;
    if (group.who.empty())
      return;
    const auto begun = steady::now();
    const auto report = session_->commit(group.batches);
    {
      const std::lock_guard lock(guard_);
      ++figures_.commits;
      figures_.busy += std::chrono::duration_cast<duration>(steady::now() - begun);
      figures_.failures += report.outcome == commit_outcome::failed;
      figures_.refusals += report.outcome == commit_outcome::refused;
      figures_.unknowns += report.outcome == commit_outcome::unknown;
      healthy_ =
          report.outcome == commit_outcome::done || report.outcome == commit_outcome::refused;
    }
    switch (report.outcome) {
      case commit_outcome::done:
        while (!group.who.empty())
          settle(group, group.who.size() - 1, {});
        return;
      case commit_outcome::refused:
        // A refusal may be of our own earlier try whose answer was lost: the store knows.
        if (!read_back(group))
          break;
        for (size_t i = group.who.size(); i-- > 0;)
          if (std::find(report.refused.begin(), report.refused.end(), group.batches[i].shard) !=
              report.refused.end())
            settle(group, i, {commit_note::kind::lost, 0, false, report.detail});
        continue;
      case commit_outcome::unknown:
        log::warning("journal.commit_unknown", {{"detail", report.detail}});
        in_doubt = true;
        continue;
      case commit_outcome::failed:
        log::warning("journal.commit_failed",
                     {{"detail", report.detail}, {"shards", group.who.size()}});
        if (++failures >= failures_before_narrowing && where_.ping()) {
          narrow_down(group);
          return;
        }
        break;
    }
    if (!pause(delay))
      break;
    delay = std::min(delay * 2, options_.retry_max);
  }
  // What is not durable was never promised; the intake still holds it.
  if (!group.who.empty())
    log::warning("journal.stopped_with_unwritten", {{"shards", group.who.size()}});
}

bool journal_writer::read_back(sealed_group& group) {
  for (size_t i = group.who.size(); i-- > 0;) {
    const auto& batch = group.batches[i];
    const auto now = session_->inspect(batch.shard);
    if (!now)
      return false;  // Still away: the caller waits and tries the same commit; the fence decides.
    const bool same_epoch = now->epoch == batch.epoch;
    if (same_epoch && now->position == batch.last() && now->next == batch.next)
      settle(group, i, {});
    else if (!same_epoch || now->position != batch.expected)
      settle(group, i, {commit_note::kind::lost, 0, false, "owned by another now"});
  }
  return true;
}

void journal_writer::narrow_down(sealed_group& group) {
  for (size_t i = group.who.size(); i-- > 0;) {
    const auto report = session_->commit(std::span(&group.batches[i], 1));
    if (report.outcome == commit_outcome::done) {
      settle(group, i, {});
    } else {
      log::error("journal.contents_refused",
                 {{"shard", group.batches[i].shard.value}, {"detail", report.detail}});
      settle(group, i, {commit_note::kind::lost, 0, true, report.detail});
    }
  }
}

}  // namespace orrery::actors
