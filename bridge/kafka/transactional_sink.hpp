#pragma once
/// The event sink on Kafka's transactions: a `read_committed` reader of the status topics gets each event
/// exactly once, whatever crashes (docs/decisions/0012).
///
/// Each shard has a transactional producer. One transaction carries events and, as an offset of a
/// consumer group that has no members, the position of the last of them: the watermark. Who begins with a
/// shard first fences whoever had it before (`init_transactions` ends an open transaction), then reads the
/// watermark, and goes on behind it. So neither a lost answer nor a zombie can publish an event twice.
///
/// The watermark's metadata names the store. Where the two do not fit together – another store, a store
/// that is behind what was published, no watermark though something was published – nothing is published:
/// `conflict`, in a sentence that says what to do.

#include "base/worker.hpp"
#include "bridge/kafka/kafka_sink.hpp"

#include <condition_variable>
#include <map>
#include <mutex>
#include <thread>

namespace orrery {

namespace kafka {
class refused_messages;
class shard_publisher;
class watermarks;
}  // namespace kafka

struct transactional_options {
  std::string store_identity;  ///< What tells the store from every other.
  bool trust_store = false;    ///< Go on after the store's mark where the watermark does not fit.
  duration refresh = 24h;      ///< Idle watermarks are committed again, or Kafka forgets them.
  duration transaction_limit = 10s;  ///< After which the broker ends an open one by itself.
  size_t threads = 8;                ///< Shards that publish at the same time.
};

class transactional_sink final : public event_sink {
public:
  /// `invalid` where the library refuses a setting.
  static result<std::unique_ptr<transactional_sink>> make(kafka_options options,
                                                          transactional_options how);
  /// Ends what is under way; what has not begun fails.
  ~transactional_sink() override;

  void publish(shard_id shard, std::vector<status_event> events,
               std::function<void(result<void>)> done) override;
  /// Fences every other publisher of the shard. Neither tail lies before the watermark.
  result<tails> last_published(shard_id shard, const publishing_state& known,
                               duration timeout) override;
  void publish_dead_letters(std::vector<dead_letter> letters,
                            std::function<void(result<void>)> done) override;

  /// For the start: whether all watermarks fit the store, without fencing anybody. `rows` reads the
  /// store's shards.
  result<void> check(uint32_t shards, const std::function<result<std::vector<shard_row>>()>& rows);
  /// Whether Kafka answers. Cheap.
  result<void> ready() const { return plain_->ready(); }

private:
  transactional_sink(kafka_options options, transactional_options how);
  std::shared_ptr<kafka::shard_publisher> publisher_of(shard_id shard);
  void refresh_idle();
  bool stopping();

  const kafka_options options_;
  const transactional_options how_;
  std::unique_ptr<kafka::refused_messages> refusals_;
  std::unique_ptr<kafka_sink> plain_;  ///< Dead letters, and the ends of the topics.
  std::unique_ptr<kafka::watermarks> marks_;
  std::mutex guard_;
  std::map<shard_id, std::shared_ptr<kafka::shard_publisher>> publishers_;  // shared with jobs
  bool stopping_ = false;
  std::condition_variable wake_;
  std::thread refresher_;
  worker worker_;  // last: joins before the publishers go
};

}  // namespace orrery
