#pragma once
/// Reads the shards that are ours, both topics of each, from offsets of our own.

#include "bridge/kafka/consumer_troubles.hpp"

#include <array>
#include <atomic>
#include <deque>
#include <map>
#include <mutex>
#include <thread>

namespace orrery::kafka {

/// A client that is in no group: each partition is begun and ended by itself, so that nothing which
/// happens to one shard is felt by another. One thread polls and hands records to the listener;
/// everybody else only leaves wishes.
class shard_reader {
public:
  explicit shard_reader(const kafka_options& options);
  ~shard_reader();
  shard_reader(const shard_reader&) = delete;
  shard_reader& operator=(const shard_reader&) = delete;

  /// `failed` is called on the reader's thread.
  result<void> open(intake_listener& listener, std::function<void(const std::string&)> failed);
  /// Ours from now on; read after `start`.
  void hold(const std::vector<shard_id>& shards);
  /// Ours no longer: when this returns, the last record of them has been handed over.
  void release(const std::vector<shard_id>& shards);
  void start(shard_id shard, const intake_offsets& next, epoch_t tenure);
  void pause(shard_id shard, bool paused);
  /// Idempotent.
  void close();

private:
  /// Tells one time of holding a shard from the next, for what is on its way between the threads.
  using holding = uint64_t;
  /// A partition while it is ours.
  struct partition {
    queue_ptr queue;                 ///< Where the library puts what it has fetched.
    int64_t next = 0;                ///< Our own count of what was taken.
    std::deque<log_record> waiting;  ///< Taken, not delivered: of this round, or held by a pause.
  };
  struct owned_shard {
    holding held = 0;
    epoch_t tenure;
    bool started = false;
    bool paused = false;
    std::array<partition, intakes> partitions;
  };
  /// Where a shard's owner wants to begin.
  struct beginning {
    holding held = 0;
    intake_offsets next{};
    epoch_t tenure;
  };
  struct stopping {
    holding held = 0;
    bool paused = false;
  };
  /// What other threads want, until the reader comes round. Bounded by the number of shards.
  struct wishes {
    std::map<shard_id, beginning> start;
    std::map<shard_id, stopping> pause;
  };

  result<client_ptr> make_client();
  void run(std::function<void(const std::string&)> failed);
  void poll(std::vector<rd_kafka_message_t*>& room, consumer_troubles& troubles);
  void take(const rd_kafka_message_t& message);
  void deliver();
  bool hand_over(shard_id id, const owned_shard& shard, std::vector<log_record> batch);

  void settle();
  void fulfil_pauses();
  void fulfil_starts();
  void start_what_waits();
  result<void> start_shards(const std::map<shard_id, beginning>& from, duration timeout);
  void begin(shard_id id, owned_shard& shard);
  void end(shard_id id, owned_shard& shard);
  void route(const owned_shard& shard) const;
  owned_shard* held_as(shard_id id, holding held);
  void wake();

  const kafka_options options_;
  const std::array<std::string, intakes> names_;
  client_ptr client_;
  std::array<topic_ptr, intakes> topics_;
  queue_ptr queue_;
  intake_listener* listener_ = nullptr;

  std::mutex delivery_;  // held while records are handed over; taken before `guard_`
  std::mutex guard_;     // of what follows, up to the blank line
  std::map<shard_id, holding> held_;
  wishes wishes_;
  holding last_ = 0;

  // Only the reader's thread's.
  std::map<shard_id, owned_shard> owned_;
  std::map<shard_id, beginning> starting_;
  std::chrono::steady_clock::time_point start_again_{};

  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

}  // namespace orrery::kafka
