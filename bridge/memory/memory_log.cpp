#include "bridge/memory/memory_log.hpp"

#include "base/check.hpp"
#include "base/worker.hpp"

#include <algorithm>

namespace orrery {

namespace {

size_t index_of(intake topic) { return static_cast<size_t>(topic); }

failure not_ready(bool busy) {
  return busy ? failure{errc::busy, "the intake log is full"}
              : failure{errc::unavailable, "the intake log is away"};
}

}  // namespace

// The cluster.

memory_cluster::memory_cluster(ownership how, const clock* time) : how_(how), time_(time) {}

memory_cluster::~memory_cluster() { CHECK(logs_.empty(), "a memory cluster outlives its logs"); }

memory_cluster::partition* memory_cluster::find(intake topic, shard_id shard) {
  auto& partitions = topics_[index_of(topic)];
  return shard.value < partitions.size() ? &partitions[shard.value] : nullptr;
}

const memory_cluster::partition* memory_cluster::find(intake topic, shard_id shard) const {
  const auto& partitions = topics_[index_of(topic)];
  return shard.value < partitions.size() ? &partitions[shard.value] : nullptr;
}

void memory_cluster::assign(const std::string& node, const std::vector<shard_id>& shards) {
  const std::lock_guard lock(guard_);
  for (auto* log : consumers_)
    if (log->node_ == node)
      log->post({shards, true, false});
}

void memory_cluster::revoke(const std::string& node, const std::vector<shard_id>& shards,
                            bool lost) {
  const std::lock_guard lock(guard_);
  for (auto* log : consumers_)
    if (log->node_ == node)
      log->post({shards, false, lost});
}

void memory_cluster::fail_next(size_t calls, failure why, bool stored) {
  const std::lock_guard lock(guard_);
  fault_ = {calls, std::move(why), stored};
}

void memory_cluster::refuse_as_busy(bool refuse) {
  const std::lock_guard lock(guard_);
  busy_ = refuse;
}

void memory_cluster::go_away(bool away) {
  const std::lock_guard lock(guard_);
  away_ = away;
  wake_all();
}

void memory_cluster::hold_acknowledgements(bool hold) {
  const std::lock_guard lock(guard_);
  held_ = hold;
  wake_all();
}

std::vector<log_record> memory_cluster::contents(intake topic, shard_id shard, int64_t from,
                                                 int64_t to) const {
  const std::lock_guard lock(guard_);
  const auto* p = find(topic, shard);
  if (p == nullptr)
    return {};
  const auto place = [p](int64_t offset) {
    return p->records.begin() + (std::clamp(offset, p->base, p->end()) - p->base);
  };
  return {place(from), place(std::max(from, to))};
}

int64_t memory_cluster::end_of(intake topic, shard_id shard) const {
  const std::lock_guard lock(guard_);
  const auto* p = find(topic, shard);
  return p == nullptr ? 0 : p->end();
}

void memory_cluster::expire_before(intake topic, shard_id shard, int64_t offset) {
  const std::lock_guard lock(guard_);
  auto* p = find(topic, shard);
  while (p != nullptr && !p->records.empty() && p->base < offset) {
    p->records.pop_front();
    ++p->base;
  }
}

result<std::vector<log_place>> memory_cluster::store(std::vector<log_message>& messages) {
  for (const auto& m : messages) {
    if (find(m.topic, m.shard) == nullptr)
      return failure{errc::invalid, "no such shard: " + std::to_string(m.shard.value)};
    if (m.key.size() + m.value.size() > memory_log::message_bytes_max)
      return failure{errc::invalid, "a message is larger than " +
                                        std::to_string(memory_log::message_bytes_max) + " bytes"};
  }
  // Kafka stamps in milliseconds; rising stamps keep derived ids in the order of arrival.
  const auto now = time_ != nullptr ? time_->now() : system_clock{}.now();
  last_stamp_ = std::max(last_stamp_, micros(now) / 1000 * 1000);
  std::vector<log_place> places;
  places.reserve(messages.size());
  for (auto& m : messages) {
    auto& p = *find(m.topic, m.shard);
    places.push_back({m.topic, m.shard, p.end()});
    p.records.push_back({m.topic, m.shard, p.end(), from_micros(last_stamp_), std::move(m.key),
                         std::move(m.value), std::move(m.headers)});
  }
  return places;
}

void memory_cluster::join(memory_log& log) {
  consumers_.push_back(&log);
  if (how_ == ownership::automatic)
    rebalance();
}

void memory_cluster::leave(memory_log& log) {
  std::erase(consumers_, &log);
  if (how_ == ownership::automatic)
    rebalance();
}

/// Eager, as Kafka's range assignor is: everybody gives everything back, then each takes its part.
void memory_cluster::rebalance() {
  const auto shards = topics_[0].size();
  for (size_t i = 0; i < consumers_.size(); ++i) {
    std::vector<shard_id> every;
    std::vector<shard_id> mine;
    for (size_t s = 0; s < shards; ++s) {
      every.emplace_back(static_cast<uint16_t>(s));
      if (s * consumers_.size() / shards == i)
        mine.emplace_back(static_cast<uint16_t>(s));
    }
    consumers_[i]->post({every, false, false});
    consumers_[i]->post({mine, true, false});
  }
}

void memory_cluster::wake_all() {
  for (auto* log : logs_)
    log->wake_.notify_all();
}

// One node's end: construction, the log and the producer.

memory_log::memory_log(memory_cluster& cluster, std::string node, drive how)
    : cluster_(cluster), node_(std::move(node)), how_(how) {
  {
    const std::lock_guard lock(cluster_.guard_);
    cluster_.logs_.push_back(this);
  }
  if (how_ == drive::threaded)
    thread_ = std::thread([this] { run(); });
}

memory_log::~memory_log() {
  close();
  {
    const std::lock_guard lock(cluster_.guard_);
    stopping_ = true;
  }
  wake_.notify_all();
  if (thread_.joinable())
    thread_.join();
  std::deque<pending_answer> rest;
  {
    const std::lock_guard lock(cluster_.guard_);
    std::erase(cluster_.logs_, this);
    rest.swap(answers_);
  }
  for (auto& pending : rest)
    pending.done(failure{errc::unavailable, "the intake log was closed"});
}

result<void> memory_log::prepare(uint32_t shards) {
  CHECK(shards >= 1 && shards <= shards_max, "a sensible number of shards");
  const std::lock_guard lock(cluster_.guard_);
  for (const auto topic : {intake::orders, intake::tasks}) {
    auto& partitions = cluster_.topics_[index_of(topic)];
    if (partitions.empty())
      partitions.resize(shards);
    else if (partitions.size() != shards)
      return failure{errc::conflict, "topic " + topic_name(topic) + " has " +
                                         std::to_string(partitions.size()) + " partitions, not " +
                                         std::to_string(shards)};
  }
  return {};
}

std::string memory_log::topic_name(intake topic) const {
  return topic == intake::orders ? "order_topic" : "task_topic";
}

void memory_log::produce(std::vector<log_message> messages, answer done) {
  const std::lock_guard lock(cluster_.guard_);
  auto& fault = cluster_.fault_;
  result<std::vector<log_place>> outcome = std::vector<log_place>{};
  if (cluster_.busy_ || cluster_.away_) {
    outcome = not_ready(cluster_.busy_);
  } else if (fault.calls > 0) {
    --fault.calls;
    if (fault.stored)
      (void)cluster_.store(messages);
    outcome = fault.why;
  } else {
    outcome = cluster_.store(messages);
  }
  answers_.push_back({std::move(done), std::move(outcome)});
  cluster_.wake_all();
}

result<void> memory_log::ready() const {
  const std::lock_guard lock(cluster_.guard_);
  if (cluster_.busy_ || cluster_.away_)
    return not_ready(cluster_.busy_);
  return {};
}

// The consumer.

result<void> memory_log::open(intake_listener& listener) {
  const std::lock_guard lock(cluster_.guard_);
  CHECK(listener_ == nullptr, "a consumer is opened once");
  listener_ = &listener;
  cluster_.join(*this);
  return {};
}

void memory_log::start(shard_id shard, const intake_offsets& next, epoch_t tenure) {
  const std::lock_guard lock(cluster_.guard_);
  const auto found = owned_.find(shard);
  if (found == owned_.end())
    return;
  found->second.started = true;
  found->second.next = next;
  found->second.tenure = tenure;
  wake_.notify_all();
}

void memory_log::pause(shard_id shard) {
  const std::lock_guard lock(cluster_.guard_);
  if (const auto found = owned_.find(shard); found != owned_.end())
    found->second.paused = true;
}

void memory_log::resume(shard_id shard) {
  const std::lock_guard lock(cluster_.guard_);
  if (const auto found = owned_.find(shard); found != owned_.end())
    found->second.paused = false;
  wake_.notify_all();
}

result<intake_offsets> memory_log::end(shard_id shard, duration) {
  const std::lock_guard lock(cluster_.guard_);
  if (cluster_.away_)
    return not_ready(false);
  intake_offsets ends{};
  for (const auto topic : {intake::orders, intake::tasks}) {
    const auto* p = cluster_.find(topic, shard);
    if (p == nullptr)
      return failure{errc::invalid, "no such shard: " + std::to_string(shard.value)};
    ends[index_of(topic)] = p->end();
  }
  return ends;
}

void memory_log::close() {
  std::unique_lock lock(cluster_.guard_);
  if (listener_ == nullptr)
    return;
  // A callback that runs just now ends first: after close the listener may be destroyed.
  wake_.wait(lock, [this] { return !calling_; });
  changes_.clear();
  std::vector<shard_id> all;
  for (const auto& [shard, ignored] : owned_)
    all.push_back(shard);
  auto* listener = std::exchange(listener_, nullptr);
  lock.unlock();
  if (!all.empty())
    listener->revoked(all, false);
  lock.lock();
  owned_.clear();
  cluster_.leave(*this);
}

void memory_log::post(ownership_change change) {
  changes_.push_back(std::move(change));
  wake_.notify_all();
}

// Who does what when.

void memory_log::run() {
  name_this_thread("log-" + node_);
  std::unique_lock lock(cluster_.guard_);
  while (!stopping_) {
    const auto job = next_job();
    if (!job) {
      wake_.wait(lock);
      continue;
    }
    calling_ = true;
    lock.unlock();
    job();
    lock.lock();
    calling_ = false;
    wake_.notify_all();
  }
}

bool memory_log::step() {
  CHECK(how_ == drive::stepped, "only a stepped log is driven from outside");
  std::function<void()> job;
  {
    const std::lock_guard lock(cluster_.guard_);
    job = next_job();
  }
  if (job)
    job();
  return static_cast<bool>(job);
}

std::function<void()> memory_log::next_job() {
  if (auto job = next_change())
    return job;
  if (auto job = next_answer())
    return job;
  return next_batch();
}

std::function<void()> memory_log::next_change() {
  while (listener_ != nullptr && !changes_.empty()) {
    auto change = std::move(changes_.front());
    changes_.pop_front();
    std::erase_if(change.shards, [&](shard_id s) { return owned_.contains(s) == change.gained; });
    if (change.shards.empty())
      continue;
    for (const auto shard : change.shards) {
      if (change.gained)
        owned_.emplace(shard, delivery{});
      else
        owned_.erase(shard);
    }
    return [listener = listener_, change = std::move(change)] {
      if (change.gained)
        listener->assigned(change.shards);
      else
        listener->revoked(change.shards, change.lost);
    };
  }
  return {};
}

std::function<void()> memory_log::next_answer() {
  if (cluster_.held_ || answers_.empty())
    return {};
  auto next = std::make_shared<pending_answer>(std::move(answers_.front()));
  answers_.pop_front();
  return [next] { next->done(std::move(next->outcome)); };
}

std::function<void()> memory_log::next_batch() {
  if (listener_ == nullptr || cluster_.away_ || owned_.empty())
    return {};
  const auto seats = owned_.size() * intakes;
  for (size_t tried = 0; tried < seats; ++tried) {
    const auto seat = turn_++ % seats;
    auto& [shard, mine] = *std::next(owned_.begin(), static_cast<ptrdiff_t>(seat / intakes));
    const auto topic = static_cast<intake>(seat % intakes);
    if (!mine.started || mine.paused)
      continue;
    const auto& p = *cluster_.find(topic, shard);
    auto& next = mine.next[index_of(topic)];
    if (next < p.base || next > p.end())
      next = p.base;  // as Kafka's adapter does: the earliest that is left
    const auto count = std::min(batch_records, static_cast<size_t>(p.end() - next));
    if (count == 0)
      continue;
    const auto first = p.records.begin() + static_cast<ptrdiff_t>(next - p.base);
    std::vector<log_record> batch(first, first + static_cast<ptrdiff_t>(count));
    next += static_cast<int64_t>(count);
    return
        [listener = listener_, at = shard, tenure = mine.tenure,
         batch = std::move(batch)]() mutable { listener->records(at, tenure, std::move(batch)); };
  }
  return {};
}

}  // namespace orrery
