/// What other threads ask of the reader, carried out by its own.

#include "base/check.hpp"
#include "base/log.hpp"
#include "bridge/kafka/shard_reader.hpp"

namespace orrery::kafka {

namespace {

using steady = std::chrono::steady_clock;

// The reader stands still for so long at most, for all shards together and for one alone.
constexpr duration start_timeout = 2s;
constexpr duration start_one_timeout = 500ms;
constexpr auto start_again_after = 250ms;

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

shard_reader::owned_shard* shard_reader::held_as(shard_id id, holding held) {
  const auto found = owned_.find(id);
  return found != owned_.end() && found->second.held == held ? &found->second : nullptr;
}

/// Lets go of what was released, and makes a place for what is new.
void shard_reader::settle() {
  std::map<shard_id, holding> now;
  {
    const std::lock_guard lock(guard_);
    now = held_;
  }
  for (auto one = owned_.begin(); one != owned_.end();) {
    auto& [id, shard] = *one;
    const auto found = now.find(id);
    if (found != now.end() && found->second == shard.held) {
      ++one;
      continue;
    }
    end(id, shard);
    one = owned_.erase(one);
  }
  for (const auto& [id, held] : now) {
    const auto [place, is_new] = owned_.try_emplace(id);
    if (!is_new)
      continue;
    place->second.held = held;
    for (size_t t = 0; t < intakes; ++t)
      place->second.partitions[t].queue.reset(
          rd_kafka_queue_get_partition(client_.get(), names_[t].c_str(), id.value));
  }
  std::erase_if(starting_, [&](const auto& one) { return !held_as(one.first, one.second.held); });
}

void shard_reader::fulfil_pauses() {
  std::map<shard_id, stopping> now;
  {
    const std::lock_guard lock(guard_);
    now.swap(wishes_.pause);
    // What was held since we last settled is paused after the next time.
    for (const auto& [id, wish] : now)
      if (!held_as(id, wish.held))
        wishes_.pause.emplace(id, wish);
  }
  for (const auto& [id, wish] : now)
    if (auto* shard = held_as(id, wish.held); shard != nullptr && shard->paused != wish.paused) {
      shard->paused = wish.paused;
      route(*shard);
    }
}

void shard_reader::fulfil_starts() {
  {
    const std::lock_guard lock(guard_);
    std::erase_if(wishes_.start, [&](const auto& one) {
      const bool settled = held_as(one.first, one.second.held) != nullptr;
      if (settled)
        starting_[one.first] = one.second;
      return settled;
    });
  }
  if (!starting_.empty() && steady::now() >= start_again_)
    start_what_waits();
}

/// All together, which is two requests per broker; where that fails each alone, so that a partition
/// without a leader holds up nobody but itself.
void shard_reader::start_what_waits() {
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
  // Kafka is away for a moment, or partitions change their leader.
  log::info("kafka.start_again", {{"shards", starting_.size()}, {"why", done.error().detail}});
  start_again_ = steady::now() + start_again_after;
}

result<void> shard_reader::start_shards(const std::map<shard_id, beginning>& from,
                                        duration timeout) {
  const partitions_ptr list(
      rd_kafka_topic_partition_list_new(static_cast<int>(from.size() * intakes)));
  for (const auto& [id, next] : from)
    for (const auto& name : names_)
      rd_kafka_topic_partition_list_add(list.get(), name.c_str(), id.value);
  const auto ranges = ranges_of(client_.get(), *list, timeout);
  if (!ranges)
    return ranges.error();
  size_t i = 0;
  for (const auto& [id, next] : from) {
    auto& shard = owned_.at(id);
    end(id, shard);
    shard.tenure = next.tenure;
    for (size_t t = 0; t < intakes; ++t, ++i)
      shard.partitions[t].next = within((*ranges)[i], next.next[t], names_[t], id);
    begin(id, shard);
  }
  return {};
}

/// A restart ends the reading and begins it anew. With librdkafka 2.0.2 a partition that was sought
/// instead, while paused, now and then delivered nothing, without an error (seen with a broker of Kafka
/// 3.9.1; the cause was not found).
void shard_reader::begin(shard_id id, owned_shard& shard) {
  shard.started = true;
  for (size_t t = 0; t < intakes; ++t) {
    const auto done = rd_kafka_consume_start_queue(topics_[t].get(), id.value,
                                                   shard.partitions[t].next, queue_.get());
    CHECK(done == 0, "reading begins at an offset, outside of any group");
  }
  route(shard);
}

void shard_reader::end(shard_id id, owned_shard& shard) {
  if (!std::exchange(shard.started, false))
    return;
  for (size_t t = 0; t < intakes; ++t) {
    (void)rd_kafka_consume_stop(topics_[t].get(), id.value);
    shard.partitions[t].waiting.clear();
    // What was read ahead comes to us, outdated, and is thrown away instead of being kept for nobody.
    rd_kafka_queue_forward(shard.partitions[t].queue.get(), queue_.get());
  }
}

/// A paused shard's queues are cut off from the one that we poll: they fill up to the prefetch limit
/// and wait; what had reached us before is held in `waiting`, which so has the same limit. The
/// library's own pause would throw away what was fetched and fetch it again, which under
/// back-pressure, with its many short pauses, is most of the work.
void shard_reader::route(const owned_shard& shard) const {
  for (const auto& p : shard.partitions)
    rd_kafka_queue_forward(p.queue.get(), shard.paused ? nullptr : queue_.get());
}

}  // namespace orrery::kafka
