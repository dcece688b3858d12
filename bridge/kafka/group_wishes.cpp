/// What other threads ask of the consumer, carried out by its poll thread.

#include "base/log.hpp"
#include "bridge/kafka/group_consumer.hpp"

namespace orrery::kafka {

namespace {

using steady = std::chrono::steady_clock;

// The poll thread stands still for so long at most, for all shards together and for one alone.
constexpr duration start_timeout = 2s;
constexpr duration start_one_timeout = 500ms;
constexpr auto start_again_after = 250ms;
constexpr auto commit_every = 1s;

/// Where reading begins: where the store says, unless the log does not hold that any more.
int64_t within(const offset_range& there, int64_t wanted, const std::string& topic,
               shard_id shard) {
  if (wanted >= there.first && wanted <= there.end)
    return wanted;
  const bool beyond = wanted > there.end;
  log::warning("kafka.offset_not_there",
               {{"topic", topic},
                {"shard", shard.value},
                {"wanted", wanted},
                {"first", there.first},
                {"end", there.end},
                {"records_missed", beyond ? 0 : there.first - wanted},
                {"why", beyond ? "the log ends before the stored offset: was the topic created "
                                 "anew? going on at its first record"
                               : "records were deleted by retention before they were read"}});
  return there.first;
}

}  // namespace

void group_consumer::fulfil_pauses() {
  std::map<shard_id, bool> now;
  {
    const std::lock_guard lock(guard_);
    now.swap(wishes_.pause);
  }
  for (const auto& [shard, paused] : now) {
    const auto found = owned_.find(shard);
    if (found == owned_.end() || found->second.paused == paused)
      continue;
    found->second.paused = paused;
    route(found->second);
  }
}

void group_consumer::fulfil_starts() {
  std::map<shard_id, beginning> now;
  {
    const std::lock_guard lock(guard_);
    now.swap(wishes_.start);
  }
  for (const auto& [shard, next] : now)
    if (owned_.contains(shard))
      starting_[shard] = next;
  if (!starting_.empty() && steady::now() >= start_again_)
    start_what_waits();
}

/// All together, which is two requests per broker; where that fails each alone, so that a partition
/// without a leader holds up nobody but itself.
void group_consumer::start_what_waits() {
  auto done = start_shards(starting_, start_timeout);
  if (done) {
    starting_.clear();
    return;
  }
  if (starting_.size() > 1)
    std::erase_if(starting_, [&](const auto& one) {
      return !stopping_ && start_shards({one}, start_one_timeout).has_value();
    });
  if (starting_.empty())
    return;
  // Kafka is away for a moment, or the assignment is still settling.
  log::info("kafka.start_again", {{"shards", starting_.size()}, {"why", done.error().detail}});
  start_again_ = steady::now() + start_again_after;
}

/// A paused shard's queues are cut off from the one that we poll: they fill up to the prefetch limit
/// and wait; what had reached us before is held in `waiting`, which so has the same limit. The library's own pause would throw away what was fetched and fetch it again, which under
/// back-pressure, with its many short pauses, is most of the work.
void group_consumer::route(const owned_shard& shard) const {
  for (const auto& p : shard.partitions)
    rd_kafka_queue_forward(p.queue.get(), shard.paused ? nullptr : queue_.get());
}

result<void> group_consumer::start_shards(const std::map<shard_id, beginning>& from,
                                          duration timeout) {
  const partitions_ptr list(
      rd_kafka_topic_partition_list_new(static_cast<int>(from.size() * intakes)));
  for (const auto& [shard, next] : from)
    for (const auto& topic : topics_)
      rd_kafka_topic_partition_list_add(list.get(), topic.c_str(), shard.value);
  const auto ranges = ranges_of(client_.get(), *list, timeout);
  if (!ranges)
    return ranges.error();
  size_t i = 0;
  for (const auto& [shard, next] : from) {
    auto& mine = owned_.at(shard);
    mine.started = true;
    mine.tenure = next.tenure;
    for (size_t t = 0; t < intakes; ++t, ++i) {
      mine.partitions[t].next = within((*ranges)[i], next.next[t], topics_[t], shard);
      mine.partitions[t].waiting.clear();
    }
  }
  return assign_started();
}

/// Tells the library to read what is started, each partition from our own count on. Partitions that are
/// not started are not given to it at all. The alternative was everything assigned and paused, and at
/// `start` sought and resumed; with librdkafka 2.0.2 a partition then now and then delivered nothing,
/// without an error (seen with a broker of Kafka 3.9.1; the cause was not found). What was read ahead
/// of the others is fetched again, which happens only after a rebalance.
result<void> group_consumer::assign_started() {
  const partitions_ptr list(
      rd_kafka_topic_partition_list_new(static_cast<int>(owned_.size() * intakes)));
  for (const auto& [shard, mine] : owned_)
    for (size_t t = 0; t < intakes && mine.started; ++t)
      rd_kafka_topic_partition_list_add(list.get(), topics_[t].c_str(), shard.value)->offset =
          mine.partitions[t].next;
  if (const auto code = rd_kafka_assign(client_.get(), list.get());
      code != RD_KAFKA_RESP_ERR_NO_ERROR)
    return failure_of(code, "beginning to read");
  for (auto& [shard, mine] : owned_)
    if (mine.paused)
      route(mine);
  return {};
}

void group_consumer::commit_progress() {
  const auto now = steady::now();
  if (now - committed_ < commit_every)
    return;
  std::map<shard_id, intake_offsets> told;
  {
    const std::lock_guard lock(guard_);
    told.swap(progress_);
  }
  const partitions_ptr list(
      rd_kafka_topic_partition_list_new(static_cast<int>(told.size() * intakes)));
  for (const auto& [shard, next] : told)
    for (size_t t = 0; t < intakes && owned_.contains(shard); ++t)
      rd_kafka_topic_partition_list_add(list.get(), topics_[t].c_str(), shard.value)->offset =
          next[t];
  if (list->cnt == 0)
    return;
  committed_ = now;
  // Whether it succeeds is of no interest: it is for people who look at the group's lag.
  (void)rd_kafka_commit(client_.get(), list.get(), 1);
}

}  // namespace orrery::kafka
