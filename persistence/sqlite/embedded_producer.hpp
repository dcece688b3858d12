#pragma once
/// The writing half of the embedded log.

#include "domain/ports/intake_log.hpp"
#include "persistence/sqlite/embedded_consumer.hpp"
#include "persistence/sqlite/embedded_log.hpp"
#include "persistence/sqlite/sqlite_writer.hpp"

#include <condition_variable>
#include <mutex>
#include <thread>

namespace orrery {

class embedded_producer final : public intake_producer {
public:
  embedded_producer(std::shared_ptr<sqlite_writer> writer, embedded_consumer& consumer,
                    const embedded_log_options& how);
  /// Writes what is queued, answers it, joins.
  ~embedded_producer() override;

  /// Compares the number of shards with the store's and reads where each partition ends.
  result<void> prepare(uint32_t shards);

  void produce(std::vector<log_message> messages,
               std::function<void(result<std::vector<log_place>>)> done) override;
  result<void> ready() const override;

private:
  using answer = std::function<void(result<std::vector<log_place>>)>;
  struct call {
    std::vector<log_message> messages;
    answer done;
    failure refused;  ///< Said instead where `is_refused`.
    bool is_refused = false;
  };

  void run();
  void handle(std::vector<call> calls);
  result<void> know_ends();
  result<void> store(const std::vector<appended_run>& runs);
  void answer_all(std::vector<call>& calls, const result<void>& stored,
                  std::vector<std::vector<log_place>>& places);
  void sweep();
  result<void> check(const std::vector<log_message>& messages) const;

  const std::shared_ptr<sqlite_writer> writer_;
  embedded_consumer& consumer_;
  const embedded_log_options how_;

  mutable std::mutex guard_;
  std::condition_variable wake_;
  std::vector<call> queue_;
  size_t queued_messages_ = 0;
  size_t queued_bytes_ = 0;
  uint32_t shards_ = 0;  ///< 0 = not prepared.
  bool stopping_ = false;

  // The writer thread's own.
  embedded_ends ends_;  ///< After the last record that is durable.
  bool ends_known_ = false;
  time_point last_stamp_{};
  size_t rows_ = 0;  ///< In the table, about.
  size_t sweep_at_ = 0;

  std::thread thread_;
};

}  // namespace orrery
