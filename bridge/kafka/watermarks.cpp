#include "bridge/kafka/watermarks.hpp"

#include <algorithm>

namespace orrery::kafka {

namespace {

constexpr int64_t no_offset = RD_KAFKA_OFFSET_INVALID;

failure refusal(const publishing_facts& facts, const std::string& what) {
  return {
      errc::conflict,
      "publish: shard " + std::to_string(facts.shard.value) + ": " + what +
          " Nothing is published, as events could come twice or be left out. Where readers can "
          "live with that once, start with publish_resume = \"store\"; otherwise publish to new "
          "topics (topic_prefix)."};
}

}  // namespace

std::string control_topic(const kafka_options& options) {
  return options.prefix + "outbox_control_topic";
}

std::string watermark_group(const kafka_options& options) {
  return options.prefix + "orrery-outbox";
}

result<std::optional<watermark>> watermarks::read(shard_id shard, duration timeout) {
  const deadline until(timeout);
  const std::lock_guard lock(guard_);
  if (!client_) {
    config settings(options_);
    settings.set("group.id", watermark_group(options_))
        .set("isolation.level", how_ == pending::awaited ? "read_committed" : "read_uncommitted")
        .set("enable.auto.commit", "false");
    auto client = std::move(settings).build(RD_KAFKA_CONSUMER);
    if (!client)
      return std::move(client).error();
    client_ = std::move(*client);
  }
  const partitions_ptr list(rd_kafka_topic_partition_list_new(1));
  auto* one =
      rd_kafka_topic_partition_list_add(list.get(), control_topic(options_).c_str(), shard.value);
  auto code = rd_kafka_committed(client_.get(), list.get(), milliseconds_of(until.left()));
  if (code == RD_KAFKA_RESP_ERR_NO_ERROR)
    code = one->err;
  if (code != RD_KAFKA_RESP_ERR_NO_ERROR)
    return failure{errc::unavailable, std::string("reading the watermark of shard ") +
                                          std::to_string(shard.value) + ": " +
                                          rd_kafka_err2str(code)};
  if (one->offset == no_offset)
    return std::optional<watermark>{};
  return std::optional(
      watermark{position_t{one->offset}, text_of(one->metadata, one->metadata_size)});
}

result<event_sink::tails> resume_after(const publishing_facts& facts, const std::string& store) {
  const auto& [shard, known, mark, tails] = facts;
  auto after = tails;
  after[message_stream].reset();  // said by the watermark, else by the store: no topic can be asked
  if (mark && mark->store != store)
    return refusal(facts, "what was published is of another store (" + mark->store +
                              "), this one is " + store + ".");
  if (mark)
    for (auto& one : after)
      one = std::max(one.value_or(position_t{}), mark->position);
  bool any = false;
  for (const auto& one : after) {
    any = any || one;
    if (one && *one > known.committed)
      return refusal(facts, "events up to position " + std::to_string(one->value) +
                                " were published, but the store ends at " +
                                std::to_string(known.committed.value) +
                                ": it was restored from a backup, or has lost commits.");
  }
  if (!any && known.published.value > 0)
    return refusal(facts, "the store says that events up to position " +
                              std::to_string(known.published.value) +
                              " were published, but the status topics are empty and the watermark "
                              "is gone.");
  if (known.published.value > 0)
    after[message_stream] = std::max(after[message_stream].value_or(position_t{}), known.published);
  return after;
}

}  // namespace orrery::kafka
