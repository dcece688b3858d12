#include "bridge/kafka/group_member.hpp"

#include "base/check.hpp"
#include "base/crash_point.hpp"
#include "base/log.hpp"
#include "base/worker.hpp"
#include "bridge/kafka/topics.hpp"

#include <algorithm>

namespace orrery::kafka {

namespace {

constexpr int poll_ms = 500;
constexpr auto commit_every = 1s;

shard_id shard_of(const rd_kafka_topic_partition_t& one) {
  return shard_id{static_cast<uint16_t>(one.partition)};
}

/// What the library makes of our answer to a rebalance; where it is closing it may refuse it.
void note(rd_kafka_error_t* raw, const char* doing) {
  const error_ptr error(raw);
  if (error)
    log::debug("kafka.rebalance", {{"doing", doing}, {"text", rd_kafka_error_string(error.get())}});
}

}  // namespace

group_member::group_member(const kafka_options& options) : options_(options) {}

group_member::~group_member() { close(); }

result<client_ptr> group_member::make_client() {
  config settings(options_);
  const auto session = milliseconds_of(options_.session_timeout);
  // Others notice by their next heartbeat that somebody came or went.
  const auto heartbeat = std::clamp(session / 10, 100, 300);
  settings.set("group.id", options_.prefix + options_.group)
      .set("partition.assignment.strategy", "cooperative-sticky")
      .set("session.timeout.ms", session)
      .set("heartbeat.interval.ms", heartbeat)
      // The library looks whether a heartbeat is due when something wakes its main thread, which in a
      // client that reads nothing was twice a second, too seldom for short sessions. This timer wakes
      // it, and does nothing else: nobody listens to statistics.
      .set("statistics.interval.ms", heartbeat)
      .set("max.poll.interval.ms", std::max(session, 300'000))
      .set("enable.auto.commit", "false")
      .set("enable.auto.offset.store", "false");
  rd_kafka_conf_set_opaque(settings.raw(), this);
  rd_kafka_conf_set_rebalance_cb(settings.raw(), &group_member::on_rebalance);
  return std::move(settings).build(RD_KAFKA_CONSUMER);
}

result<void> group_member::open(events told) {
  CHECK(!client_, "a member joins once");
  auto client = make_client();
  if (!client)
    return std::move(client).error();
  rd_kafka_poll_set_consumer(client->get());
  const partitions_ptr list(rd_kafka_topic_partition_list_new(1));
  rd_kafka_topic_partition_list_add(list.get(), intake_topic(options_, intake::orders).c_str(),
                                    RD_KAFKA_PARTITION_UA);
  if (const auto code = rd_kafka_subscribe(client->get(), list.get());
      code != RD_KAFKA_RESP_ERR_NO_ERROR)
    return failure_of(code, "joining the group of nodes");
  told_ = std::move(told);
  client_ = std::move(*client);
  queue_.reset(rd_kafka_queue_get_consumer(client_.get()));
  thread_ = std::thread([this] { run(); });
  return {};
}

void group_member::close() {
  stopping_ = true;
  if (!thread_.joinable())
    return;
  rd_kafka_queue_yield(queue_.get());
  thread_.join();
  queue_.reset();
  client_.reset();
}

void group_member::report_progress(shard_id shard, const intake_offsets& next) {
  const std::lock_guard lock(guard_);
  progress_[shard] = next;
}

void group_member::run() {
  name_this_thread("kafka-group");
  consumer_troubles troubles(told_.failed);
  while (!stopping_) {
    // Rebalances are told inside this call.
    const message_ptr message(rd_kafka_consume_queue(queue_.get(), poll_ms));
    if (message && message->err != RD_KAFKA_RESP_ERR_NO_ERROR)
      troubles.take(*message);
    commit_progress();
  }
  rd_kafka_consumer_close(client_.get());   // revokes, and so tells
  give_up({owned_.begin(), owned_.end()});  // where the broker was away and no rebalance came
}

void group_member::on_rebalance(rd_kafka_t* client, rd_kafka_resp_err_t code,
                                rd_kafka_topic_partition_list_t* list, void* self) {
  auto& member = *static_cast<group_member*>(self);
  reach(crash_point::rebalance);
  const partitions_ptr nothing(rd_kafka_topic_partition_list_new(0));
  if (code == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS) {
    note(rd_kafka_incremental_assign(client, nothing.get()), "taking on");
    if (!member.stopping_)
      member.take_on(*list);
    return;
  }
  const auto all = std::vector<shard_id>(member.owned_.begin(), member.owned_.end());
  const bool some = code == RD_KAFKA_RESP_ERR__REVOKE_PARTITIONS;
  member.give_up(some ? member.ours_of(*list) : all);
  // Only this lets the group deal them to others.
  note(rd_kafka_incremental_unassign(client, nothing.get()), "giving up");
}

std::vector<shard_id> group_member::ours_of(const rd_kafka_topic_partition_list_t& list) const {
  std::vector<shard_id> shards;
  for (int i = 0; i < list.cnt; ++i)
    if (const auto shard = shard_of(list.elems[i]); owned_.contains(shard))
      shards.push_back(shard);
  return shards;
}

void group_member::take_on(const rd_kafka_topic_partition_list_t& list) {
  std::vector<shard_id> shards;
  for (int i = 0; i < list.cnt; ++i)
    if (const auto shard = shard_of(list.elems[i]); owned_.insert(shard).second)
      shards.push_back(shard);
  if (shards.empty())
    return;
  log::info("kafka.assigned", {{"shards", shards.size()}, {"owned", owned_.size()}});
  told_.assigned(shards);
}

void group_member::give_up(const std::vector<shard_id>& shards) {
  if (shards.empty())
    return;
  const bool lost = rd_kafka_assignment_lost(client_.get()) != 0;
  told_.revoked(shards, lost);
  const std::lock_guard lock(guard_);
  for (const auto shard : shards) {
    owned_.erase(shard);
    progress_.erase(shard);
  }
  log::info("kafka.revoked", {{"shards", shards.size()}, {"owned", owned_.size()}, {"lost", lost}});
}

void group_member::commit_progress() {
  const auto now = std::chrono::steady_clock::now();
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
    for (const auto topic : {intake::orders, intake::tasks})
      if (owned_.contains(shard))
        rd_kafka_topic_partition_list_add(list.get(), intake_topic(options_, topic).c_str(),
                                          shard.value)
            ->offset = next[static_cast<size_t>(topic)];
  if (list->cnt == 0)
    return;
  committed_ = now;
  // Whether it succeeds is of no interest: it is for people who look at the group's lag.
  (void)rd_kafka_commit(client_.get(), list.get(), 1);
}

}  // namespace orrery::kafka
