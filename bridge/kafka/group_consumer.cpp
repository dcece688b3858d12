#include "bridge/kafka/group_consumer.hpp"

namespace orrery::kafka {

group_consumer::group_consumer(const kafka_options& options) : reader_(options), member_(options) {}

group_consumer::~group_consumer() { close(); }

result<void> group_consumer::open(intake_listener& listener) {
  auto failed = [this, &listener](const std::string& why) {
    if (!failed_.exchange(true))
      listener.failed({errc::rejected, "the Kafka consumer cannot go on: " + why});
  };
  if (auto opened = reader_.open(listener, failed); !opened)
    return opened;
  auto joined = member_.open({.assigned =
                                  [this, &listener](const auto& shards) {
                                    reader_.hold(shards);
                                    listener.assigned(shards);
                                  },
                              .revoked =
                                  [this, &listener](const auto& shards, bool lost) {
                                    reader_.release(shards);
                                    listener.revoked(shards, lost);
                                  },
                              .failed = failed});
  if (!joined)
    reader_.close();
  return joined;
}

void group_consumer::start(shard_id shard, const intake_offsets& next, epoch_t tenure) {
  reader_.start(shard, next, tenure);
}

void group_consumer::pause(shard_id shard, bool paused) { reader_.pause(shard, paused); }

void group_consumer::report_progress(shard_id shard, const intake_offsets& next) {
  member_.report_progress(shard, next);
}

/// First the shards are given up in order, then reading ends.
void group_consumer::close() {
  member_.close();
  reader_.close();
}

}  // namespace orrery::kafka
