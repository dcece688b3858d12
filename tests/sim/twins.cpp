#include "tests/sim/twins.hpp"

#include "tests/sim/world.hpp"

#include <algorithm>

namespace orrery::sim {

namespace {

constexpr int failures_before_narrowing = 4;

void erase_at(auto& list, size_t index) {
  list.erase(list.begin() + static_cast<std::ptrdiff_t>(index));
}

auto take_at(auto& list, size_t index) {
  auto one = std::move(list[index]);
  erase_at(list, index);
  return one;
}

}  // namespace

// Commits.

writer_twin::writer_twin(world& around, const clock& time, std::string node)
    : world_(around),
      time_(time),
      node_(std::move(node)),
      store_(around.truth.open_again()),
      session_(store_->open_journal()) {}

void writer_twin::enlist(std::shared_ptr<actors::pending_commit> pending) {
  if (!gone_)
    enlisted_.push_back(std::move(pending));
}

void writer_twin::acquire(shard_id shard, std::function<void(result<shard_tenure>)> done) {
  if (!gone_)
    jobs_.push_back({shard, std::move(done)});
}

void writer_twin::mark_copied(shard_id shard, std::vector<int64_t> numbers) {
  if (!gone_)
    (void)session_->mark_copied(shard, numbers);
}

void writer_twin::mark_published(shard_id shard, epoch_t epoch, position_t upto) {
  marks_[shard] = {epoch, upto};
}

void writer_twin::gone() {
  gone_ = true;
  enlisted_.clear();
  jobs_.clear();
  group_.clear();
}

bool writer_twin::step() {
  if (gone_ || time_.now() < not_before_)
    return false;
  if (!group_.empty()) {
    try_commit();
    return true;
  }
  if (!jobs_.empty()) {
    run_job();
    return true;
  }
  if (!enlisted_.empty()) {
    take();
    return true;
  }
  return store_marks();
}

void writer_twin::run_job() {
  auto next = std::move(jobs_.front());
  jobs_.pop_front();
  if (world_.strikes(world_.how.acquire_fails, "acquire failed"))
    return next.done(failure{errc::unavailable, "the store is away"});
  const bool in_doubt = world_.strikes(world_.how.acquire_fails, "acquire in doubt");
  auto tenure = session_->acquire(next.shard, node_, time_.now());
  if (tenure)
    world_.acquired(next.shard, tenure->epoch, node_);
  if (in_doubt)
    return next.done(failure{errc::in_doubt, "the answer was lost"});
  next.done(std::move(tenure));
}

void writer_twin::take() {
  const auto n = 1 + world_.chance.below(enlisted_.size());
  for (size_t i = 0; i < n; ++i) {
    auto who = std::move(enlisted_.front());
    enlisted_.pop_front();
    auto sealed = who->seal();
    group_.push_back({std::move(who), std::move(sealed.batch), sealed.ordinal});
  }
  failures_ = 0;
  delay_ = 50ms;
  if (world_.strikes(world_.how.commit_slow, "slow commit"))
    not_before_ = time_.now() + world_.chance.between(5ms, 4s);
}

void writer_twin::plan_fault() {
  if (world_.strikes(world_.how.commit_failed, "commit failed"))
    store_->fail_commits(1, commit_outcome::failed);
  else if (world_.strikes(world_.how.commit_unknown, "commit unknown, applied"))
    store_->fail_commits(1, commit_outcome::unknown, true);
  else if (world_.strikes(world_.how.commit_unknown, "commit unknown, not applied"))
    store_->fail_commits(1, commit_outcome::unknown, false);
  else if (world_.strikes(world_.how.commit_refused, "commit refused"))
    store_->fail_commits(1, commit_outcome::refused);
}

void writer_twin::try_commit() {
  if (std::exchange(in_doubt_, false) && !read_back()) {
    in_doubt_ = true;
    return wait_to_retry();
  }
  if (group_.empty())
    return;
  plan_fault();
  const auto planted = world_.how.planted;
  if (planted == mistake::offset_before_record)
    for (auto& one : group_)
      if (auto& next = one.batch.next[static_cast<size_t>(intake::tasks)];
          next < static_cast<int64_t>(world_.kafka.contents(intake::tasks, one.batch.shard).size()))
        ++next;
  std::vector<shard_batch> batches;
  for (const auto& one : group_)
    batches.push_back(one.batch);
  auto report = session_->commit(batches);
  world_.committed(node_, report);
  if ((planted == mistake::told_before_commit && report.outcome == commit_outcome::failed) ||
      (planted == mistake::unknown_is_done && report.outcome == commit_outcome::unknown))
    report.outcome = commit_outcome::done;
  if (planted == mistake::unknown_is_failed && report.outcome == commit_outcome::unknown)
    report.outcome = commit_outcome::failed;
  switch (report.outcome) {
    case commit_outcome::done:
      while (!group_.empty())
        settle(group_.size() - 1, {});
      return;
    case commit_outcome::refused:
      if (!read_back())
        return wait_to_retry();
      for (size_t i = group_.size(); i-- > 0;)
        if (std::find(report.refused.begin(), report.refused.end(), group_[i].batch.shard) !=
            report.refused.end())
          settle(i, {actors::commit_note::kind::lost, 0, false, "refused"});
      return;
    case commit_outcome::unknown: in_doubt_ = true; return;
    case commit_outcome::failed:
      if (++failures_ >= failures_before_narrowing)
        return narrow_down();
      return wait_to_retry();
  }
}

void writer_twin::wait_to_retry() {
  not_before_ = time_.now() + delay_;
  delay_ = std::min<duration>(delay_ * 2, 2s);
}

void writer_twin::settle(size_t index, actors::commit_note note) {
  auto one = take_at(group_, index);
  note.ordinal = one.ordinal;
  if (note.outcome == actors::commit_note::kind::lost)
    world_.excuse(one.batch.shard);
  one.who->notify(note);
  if (note.outcome == actors::commit_note::kind::done && one.who->finish())
    enlist(std::move(one.who));
}

bool writer_twin::read_back() {
  for (size_t i = group_.size(); i-- > 0;) {
    const auto& batch = group_[i].batch;
    if (world_.strikes(world_.how.acquire_fails, "inspect failed"))
      return false;
    const auto now = session_->inspect(batch.shard);
    if (!now)
      return false;
    const bool same_epoch = now->epoch == batch.epoch;
    if (same_epoch && now->position == batch.last() && now->next == batch.next)
      settle(i, {});
    else if (!same_epoch || now->position != batch.expected)
      settle(i, {actors::commit_note::kind::lost, 0, false, "owned by another now"});
  }
  return true;
}

void writer_twin::narrow_down() {
  world_.note(node_ + ": narrowing down");
  for (size_t i = group_.size(); i-- > 0;) {
    const auto report = session_->commit(std::span(&group_[i].batch, 1));
    if (report.outcome == commit_outcome::done)
      settle(i, {});
    else
      settle(i, {actors::commit_note::kind::lost, 0, true, "contents refused"});
  }
}

bool writer_twin::store_marks() {
  const auto marks = std::exchange(marks_, {});
  for (const auto& [shard, mark] : marks)
    (void)session_->mark_published(shard, mark.first, mark.second);
  return !marks.empty();
}

// Reads.

reads_twin::reads_twin(world& around, const memory_store& truth)
    : world_(around), store_(truth.open_again()), session_(store_->open_reader()) {}

void reads_twin::run(std::function<void(entity_store&)> job, std::function<void()> refused) {
  if (!gone_)
    waiting_.push_back({std::move(job), std::move(refused)});
}

bool reads_twin::step() {
  if (gone_ || waiting_.empty())
    return false;
  const auto next = take_at(waiting_, world_.chance.below(waiting_.size()));
  if (world_.strikes(world_.how.read_fails, "read refused as busy")) {
    next.refused();
    return true;
  }
  world_.reads_fail = world_.strikes(world_.how.read_fails, "read failed");
  next.job(*session_);
  world_.reads_fail = false;
  return true;
}

void reads_twin::gone() {
  gone_ = true;
  waiting_.clear();
}

// Publishing.

struct sink_twin::on_its_way {
  shard_id shard;
  publication call;
  std::function<void(result<void>)> done;
};

sink_twin::~sink_twin() = default;

sink_twin::sink_twin(world& around, memory_topics& topics, std::string node)
    : world_(around),
      node_(std::move(node)),
      topics_(topics),
      inner_(std::make_unique<memory_sink>(topics, memory_sink::drive::stepped)) {}

void sink_twin::plan_fault(std::optional<shard_id> shard) {
  topics_.fail_next(0, {});
  if (!world_.strikes(world_.how.publish_fails, "publish failed"))
    return;
  if (shard)
    world_.excuse(*shard);
  topics_.fail_next(1, {errc::unavailable, "the topic is away"}, world_.chance.hits(500));
}

void sink_twin::publish(shard_id shard, std::vector<status_event> events,
                        std::function<void(result<void>)> done) {
  if (gone_)
    return;
  auto call = world_.publishing(node_, shard, events);
  on_their_way_.push_back({shard, std::move(call), std::move(done)});
}

void sink_twin::land() {
  auto next = std::move(on_their_way_.front());
  on_their_way_.pop_front();
  if (world_.how.planted == mistake::marked_before_sent && world_.chance.hits(50))
    return next.done({});
  if (world_.how.planted == mistake::outbox_without_order)
    std::reverse(next.call.events.begin(), next.call.events.end());
  const auto before = topics_.events(next.shard).size();
  plan_fault(next.shard);
  inner_->publish(next.shard, next.call.events, std::move(next.done));
  if (topics_.events(next.shard).size() > before)
    world_.published(next.shard, std::move(next.call));
}

result<event_sink::tails> sink_twin::last_published(shard_id shard, duration timeout) {
  if (gone_ || world_.strikes(world_.how.publish_fails, "tail not read"))
    return failure{errc::unavailable, "the topic is away"};
  return inner_->last_published(shard, timeout);
}

void sink_twin::publish_dead_letters(std::vector<dead_letter> letters,
                                     std::function<void(result<void>)> done) {
  if (gone_)
    return;
  plan_fault(std::nullopt);
  inner_->publish_dead_letters(std::move(letters), std::move(done));
}

bool sink_twin::step() {
  if (gone_ || world_.strikes(world_.how.sink_holds, ""))
    return false;
  if (on_their_way_.empty() || world_.chance.hits(300)) {
    if (inner_->step())
      return true;
    if (on_their_way_.empty())
      return false;
  }
  land();
  return true;
}

/// Of what was handed to the topics' client, a part still arrives.
void sink_twin::gone() {
  gone_ = true;
  while (inner_ && !on_their_way_.empty() && world_.chance.hits(700))
    land();
  on_their_way_.clear();
  inner_.reset();
}

// Work.

work_twin::work_twin(world& around, const clock& time) : world_(around), time_(time) {}

void work_twin::start(work_item item, std::function<void(work_outcome)> done) {
  if (gone_)
    return;
  world_.work_started(item);
  if (world_.strikes(world_.how.work_throws, "work threw"))
    throw std::runtime_error("the executor broke");
  job one{
      std::move(item), std::move(done), time_.now() + world_.chance.between(0ms, 3s), {}, false};
  switch (world_.chance.below(8)) {
    case 0: one.outcome = {.error = "failed", .error_code = "exit-1"}; break;
    case 1: one.outcome = {.error = "for good", .error_code = "bad", .retryable = false}; break;
    default: one.outcome = {.succeeded = true, .result = R"({"done":true})"};
  }
  if (world_.strikes(world_.how.work_hangs, "work hangs"))
    one.ends_at = time_point::max();
  running_.push_back(std::move(one));
}

void work_twin::stop(entity_id task, attempt_token token, stop_mode mode) {
  for (auto& one : running_) {
    if (one.item.task != task || one.item.token != token || one.stopped)
      continue;
    one.stopped = true;
    const auto grace = mode == stop_mode::now ? 10ms : 2s;
    one.ends_at = std::min(one.ends_at, time_.now() + world_.chance.between(0ms, grace));
    one.outcome = {.error = "stopped", .error_code = "stopped"};
  }
}

bool work_twin::step() {
  for (size_t i = 0; i < running_.size(); ++i) {
    if (running_[i].ends_at > time_.now())
      continue;
    auto one = take_at(running_, i);
    one.done(std::move(one.outcome));
    return true;
  }
  return false;
}

void work_twin::gone() {
  gone_ = true;
  running_.clear();
}

}  // namespace orrery::sim
