#pragma once
/// The reading half of the embedded log.

#include "domain/ports/intake_log.hpp"
#include "persistence/sqlite/sqlite_writer.hpp"

#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>

namespace orrery {

/// Per shard, the offset after its last durable record of each topic.
using embedded_ends = std::vector<intake_offsets>;

/// Where the partitions of the embedded log end. Retention may have emptied one: the offset up to
/// which the shard has read counts too.
result<embedded_ends> read_ends(sqlite_writer& writer, uint32_t shards);

/// Records of one partition that have just become durable.
struct appended_run {
  intake topic = intake::tasks;
  shard_id shard;
  std::vector<log_record> records;
};

class embedded_consumer final : public intake_consumer {
public:
  explicit embedded_consumer(std::shared_ptr<sqlite_writer> writer);
  ~embedded_consumer() override;

  /// Told by the producer, which knows first.
  void prepared(uint32_t shards, const embedded_ends& ends);
  void append(std::vector<appended_run> runs);

  result<void> open(intake_listener& listener) override;
  void start(shard_id shard, const intake_offsets& next, epoch_t tenure) override;
  void pause(shard_id shard) override;
  void resume(shard_id shard) override;
  result<intake_offsets> end(shard_id shard, duration timeout) override;
  void close() override;

private:
  /// One partition as its reader sees it.
  struct seat {
    int64_t end = 0;               ///< After the last durable record.
    int64_t next = 0;              ///< To be delivered next.
    std::deque<log_record> fresh;  ///< The newest records, without a gap; spares reading.
  };
  struct place {
    std::array<seat, intakes> seats;
    bool started = false;
    bool paused = false;
    epoch_t tenure;
    uint64_t starts = 0;  ///< Tells a read that began before the last `start`.
  };

  void run();
  bool deliver_one(std::unique_lock<std::mutex>& lock);
  std::vector<log_record> take_fresh(seat& from);
  result<std::vector<log_record>> read(intake topic, shard_id shard, int64_t from);
  void forget_fresh(seat& from, int64_t before);
  void give_up(std::unique_lock<std::mutex>& lock, const failure& why);

  const std::shared_ptr<sqlite_writer> writer_;
  std::mutex guard_;
  std::condition_variable wake_;
  std::vector<place> places_;  ///< By shard; empty = not prepared.
  size_t fresh_records_ = 0;   ///< In all seats together.
  size_t fresh_bytes_ = 0;
  size_t turn_ = 0;  ///< Whose batch is next, so that no shard starves the others.
  intake_listener* listener_ = nullptr;
  bool closing_ = false;
  std::optional<sqlite::database> db_;  ///< The delivery thread's own.
  std::thread thread_;
};

}  // namespace orrery
