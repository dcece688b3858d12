#include "actors/commit_steps.hpp"

#include "actors/messages.hpp"
#include "base/crash_point.hpp"
#include "base/log.hpp"

#include <algorithm>

namespace orrery::actors {

namespace {

/// Refusals of contents by a store that answers, before the culprit is looked for.
constexpr int failures_before_narrowing = 4;
constexpr auto marks_pause = std::chrono::seconds{1};
constexpr auto unhealthy_for = std::chrono::seconds{10};
constexpr auto aside_pause = std::chrono::milliseconds{200};
/// Then the shard begins again from the store: its reservations are tried again as its tasks say, and what
/// needs no stock goes on.
constexpr auto aside_max = std::chrono::seconds{3};

void erase_at(auto& list, size_t index) {
  list.erase(list.begin() + static_cast<std::ptrdiff_t>(index));
}

}  // namespace

commit_steps::commit_steps(store& where, std::unique_ptr<journal_store> session, const clock& time,
                           writer_options options)
    : where_(where), session_(std::move(session)), time_(time), options_(std::move(options)) {}

void commit_steps::enlist(std::shared_ptr<pending_commit> pending) {
  const std::lock_guard lock(guard_);
  enlisted_.push_back(std::move(pending));
}

void commit_steps::acquire(shard_id shard, std::function<void(result<shard_tenure>)> done) {
  {
    const std::lock_guard lock(guard_);
    if (!stopping_) {
      acquisitions_.push_back({shard, std::move(done)});
      return;
    }
  }
  done(failure{errc::unavailable, "the node is stopping"});
}

void commit_steps::withdraw(shard_id shard) {
  std::vector<acquisition> given_up;
  {
    const std::lock_guard lock(guard_);
    for (auto& one : acquisitions_)
      if (one.shard == shard)
        given_up.push_back(std::move(one));
    std::erase_if(acquisitions_, [&](const acquisition& one) { return one.shard == shard; });
  }
  for (auto& one : given_up)
    one.done(failure{errc::rejected, "the shard is no longer ours to take"});
}

void commit_steps::mark_published(shard_id shard, epoch_t epoch, position_t upto) {
  // Only the newest mark of a shard matters; it rides along with the next pause between commits.
  const std::lock_guard lock(guard_);
  published_[shard] = {epoch, upto};
}

void commit_steps::mark_copied(shard_id shard, std::vector<int64_t> numbers) {
  const std::lock_guard lock(guard_);
  auto& all = copied_[shard];
  all.insert(all.end(), numbers.begin(), numbers.end());
}

void commit_steps::stop() {
  const std::lock_guard lock(guard_);
  stopping_ = true;
}

bool commit_steps::stopping() const {
  const std::lock_guard lock(guard_);
  return stopping_;
}

writer_figures commit_steps::figures() const {
  writer_figures out;
  {
    const std::lock_guard lock(guard_);
    out = figures_;
  }
  out.batch_sizes = batch_sizes_.read();
  out.latencies = latencies_.read();
  return out;
}

bool commit_steps::healthy() const {
  const std::lock_guard lock(guard_);
  return !failed_ || instant::clock::now() - *failed_ > unhealthy_for;
}

bool commit_steps::ended() const {
  const std::lock_guard lock(guard_);
  return stopping_ && group_.empty() && aside_.empty() && !acquired_ && enlisted_.empty() &&
         acquisitions_.empty() && published_.empty() && copied_.empty();
}

commit_steps::instant commit_steps::step(instant now) {
  if (report_) {
    react(now);
    return now;
  }
  if (acquired_) {
    auto [asked, tenure] = *std::exchange(acquired_, std::nullopt);
    asked.done(std::move(tenure));
    return now;
  }
  if (!group_.empty()) {
    if (now < not_before_ && !stopping())
      return not_before_;
    step_commit(now);
    return now;
  }
  if (step_acquisition() || step_marks(now))
    return now;
  auto next = now + marks_pause;  // then what is published meanwhile is stored
  if (bring_back(now, next))
    return now;
  return step_take(now, next) ? now : next;
}

bool commit_steps::step_acquisition() {
  acquisition next;
  {
    const std::lock_guard lock(guard_);
    if (acquisitions_.empty())
      return false;
    next = std::move(acquisitions_.front());
    acquisitions_.pop_front();
  }
  auto tenure = session_->acquire(next.shard, options_.node, time_.now());
  {
    const std::lock_guard lock(guard_);
    note(tenure.has_value());
  }
  acquired_.emplace(std::move(next), std::move(tenure));
  return true;
}

bool commit_steps::step_marks(instant now) {
  std::map<shard_id, std::pair<epoch_t, position_t>> marks;
  std::map<shard_id, std::vector<int64_t>> copied;
  {
    const std::lock_guard lock(guard_);
    if ((published_.empty() && copied_.empty()) ||
        (!enlisted_.empty() && !stopping_ && now < marks_due_))
      return false;
    marks = std::exchange(published_, {});
    copied = std::exchange(copied_, {});
  }
  marks_due_ = now + marks_pause;
  for (const auto& [shard, mark] : marks) {
    if (auto ok = session_->mark_published(shard, mark.first, mark.second); !ok)
      log::debug("journal.mark_failed", {{"shard", shard.value}, {"detail", ok.error().detail}});
    else
      reach(crash_point::publish_marked);
  }
  for (const auto& [shard, numbers] : copied)  // A lost mark: copied once more by the next owner.
    if (auto ok = session_->mark_copied(shard, numbers); !ok)
      log::debug("journal.mark_failed", {{"shard", shard.value}, {"detail", ok.error().detail}});
  return true;
}

bool commit_steps::step_take(instant now, instant& next) {
  const std::lock_guard lock(guard_);
  if (enlisted_.empty())
    return false;
  if (const auto start = last_start_ + options_.pace; !stopping_ && now < start) {
    size_t waiting = 0;
    for (const auto& pending : enlisted_)
      waiting += pending->size();
    if (waiting < options_.rush) {
      next = std::min(next, start);
      return false;
    }
  }
  size_t entities = 0;
  for (auto next_in = enlisted_.begin();
       next_in != enlisted_.end() && entities < options_.entities_max;) {
    // One batch per shard: of a shard that was lost and taken again at once, two tenures may be here.
    const auto shard = (*next_in)->shard();
    if (std::any_of(batches_.begin(), batches_.end(),
                    [&](const shard_batch& batch) { return batch.shard == shard; })) {
      ++next_in;
      continue;
    }
    auto pending = std::move(*next_in);
    next_in = enlisted_.erase(next_in);
    auto sealed = pending->seal();
    entities += sealed.batch.writes.size();
    group_.push_back({std::move(pending), sealed.ordinal});
    batches_.push_back(std::move(sealed.batch));
  }
  figures_.entities += entities;
  last_start_ = now;
  delay_ = options_.retry_min;
  failures_ = 0;
  retrying_ = in_doubt_ = false;
  return true;
}

void commit_steps::step_commit(instant now) {
  if (retrying_ && stopping()) {
    // What is not durable was never promised; the intake still holds it.
    log::warning("journal.stopped_with_unwritten", {{"shards", group_.size()}});
    group_.clear();
    batches_.clear();
    return;
  }
  // Not tried again before it is known, so that a refusal can be told from our own success.
  if (in_doubt_) {
    if (!read_back())
      return retry_later(now);
    in_doubt_ = false;
    return;
  }
  const auto begun = std::chrono::steady_clock::now();
  report_ = session_->commit(batches_);
  count(*report_, std::chrono::duration_cast<duration>(std::chrono::steady_clock::now() - begun));
}

void commit_steps::count(const commit_report& report, duration busy) {
  size_t entities = 0;
  for (const auto& batch : batches_)
    entities += batch.writes.size();
  batch_sizes_.observe(static_cast<int64_t>(entities));
  latencies_.observe(busy.count());
  const std::lock_guard lock(guard_);
  ++figures_.commits;
  figures_.busy += busy;
  figures_.failures += report.outcome == commit_outcome::failed;
  figures_.refusals += report.outcome == commit_outcome::refused;
  figures_.unknowns += report.outcome == commit_outcome::unknown;
  note(report.outcome == commit_outcome::done || report.outcome == commit_outcome::refused);
}

void commit_steps::note(bool reached) {
  if (reached)
    failed_.reset();
  else
    failed_ = instant::clock::now();
}

void commit_steps::react(instant now) {
  const auto report = *std::exchange(report_, std::nullopt);
  switch (report.outcome) {
    case commit_outcome::done:
      reach(crash_point::commit_after);
      while (!group_.empty())
        settle(group_.size() - 1, {});
      return;
    case commit_outcome::refused:
      // A refusal may be of our own earlier try whose answer was lost: the store knows.
      if (!read_back())
        return retry_later(now);
      for (size_t i = group_.size(); i-- > 0;)
        if (std::find(report.refused.begin(), report.refused.end(), batches_[i].shard) !=
            report.refused.end())
          settle(i, {commit_note::kind::lost, 0, false, report.detail});
      return;
    case commit_outcome::unknown:
      log::warning("journal.commit_unknown", {{"detail", report.detail}});
      in_doubt_ = true;
      return;
    case commit_outcome::failed:
      if (!report.unprepared.empty())
        return hold_back(report, now);
      log::warning("journal.commit_failed", {{"detail", report.detail}, {"shards", group_.size()}});
      if (++failures_ >= failures_before_narrowing && where_.ping())
        return narrow_down();
      return retry_later(now);
  }
}

void commit_steps::retry_later(instant now) {
  retrying_ = true;
  not_before_ = now + delay_;
  delay_ = std::min(delay_ * 2, options_.retry_max);
}

/// A stock that is away stops only the shards that need it.
void commit_steps::hold_back(const commit_report& report, instant now) {
  const bool last_try = stopping();
  for (size_t i = group_.size(); i-- > 0;) {
    const auto shard = batches_[i].shard;
    if (std::find(report.unprepared.begin(), report.unprepared.end(), shard) ==
        report.unprepared.end())
      continue;
    const auto since = since_.try_emplace(shard, now).first->second;
    if (last_try || now - since > aside_max) {
      log::warning("journal.stock_away", {{"shard", shard.value}, {"detail", report.detail}});
      since_.erase(shard);
      settle(i, {commit_note::kind::lost, 0, false, report.detail});
      continue;
    }
    aside_.push_back({std::move(group_[i]), std::move(batches_[i]), since});
    erase_at(group_, i);
    erase_at(batches_, i);
  }
  aside_due_ = now + aside_pause;
}

/// Those that were held back, once more.
bool commit_steps::bring_back(instant now, instant& next) {
  if (aside_.empty())
    return false;
  if (now < aside_due_ && !stopping()) {
    next = std::min(next, aside_due_);
    return false;
  }
  std::vector<held_back> later;  // of two tenures of a shard, one at a time
  for (auto& one : aside_) {
    if (std::any_of(batches_.begin(), batches_.end(),
                    [&](const shard_batch& batch) { return batch.shard == one.batch.shard; })) {
      later.push_back(std::move(one));
      continue;
    }
    group_.push_back(std::move(one.one));
    batches_.push_back(std::move(one.batch));
  }
  aside_ = std::move(later);
  delay_ = options_.retry_min;
  failures_ = 0;
  retrying_ = in_doubt_ = false;
  return true;
}

void commit_steps::settle(size_t index, commit_note note) {
  auto one = std::move(group_[index]);
  since_.erase(batches_[index].shard);
  erase_at(group_, index);
  erase_at(batches_, index);
  note.ordinal = one.ordinal;
  one.who->notify(note);
  if (note.outcome == commit_note::kind::done && one.who->finish())
    enlist(std::move(one.who));
}

bool commit_steps::read_back() {
  for (size_t i = group_.size(); i-- > 0;) {
    const auto& batch = batches_[i];
    const auto now = session_->inspect(batch.shard);
    if (!now)
      return false;  // Still away: the caller waits and tries the same commit; the fence decides.
    const bool same_epoch = now->epoch == batch.epoch;
    if (same_epoch && now->position == batch.last() && now->next == batch.next)
      settle(i, {});
    else if (!same_epoch || now->position != batch.expected || now->next != batch.expected_next)
      settle(i, {commit_note::kind::lost, 0, false, "owned by another now"});
  }
  return true;
}

void commit_steps::narrow_down() {
  for (size_t i = group_.size(); i-- > 0;) {
    const auto report = session_->commit(std::span(&batches_[i], 1));
    if (report.outcome == commit_outcome::done) {
      settle(i, {});
    } else {
      log::error("journal.contents_refused",
                 {{"shard", batches_[i].shard.value}, {"detail", report.detail}});
      settle(i, {commit_note::kind::lost, 0, true, report.detail});
    }
  }
}

}  // namespace orrery::actors
