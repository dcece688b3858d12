#pragma once
/// An idempotent producer that answers per call: the outgoing side of both the intake log and the sink.

#include "bridge/kafka/handles.hpp"

#include <atomic>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>

namespace orrery::kafka {

inline constexpr int32_t partition_by_key = -1;  ///< As Java's producers choose it.

/// One message on its way. `topic` is an index into the sender's topics.
struct outgoing {
  size_t topic = 0;
  int32_t partition = 0;
  std::string key;
  std::string value;
  std::vector<log_header> headers;
  std::string other_topic = {};  ///< The full name of a topic that is not ours, instead of `topic`.
};

/// Thread-safe. One owned thread serves delivery reports, runs all answers, watches whether Kafka is
/// there, and builds the producer anew after a fatal error.
class sender {
public:
  struct settings {
    std::string role;                 ///< For thread and log: `log`, `sink`.
    std::vector<std::string> topics;  ///< Full names.
    duration linger{};
    size_t message_bytes_max = 0;
    /// Told of each message for `other_topic` that failed, on any thread; empty: nobody is.
    std::function<void(const outgoing&, rd_kafka_resp_err_t)> refused{};
  };
  /// Offsets in the order of the messages. Must not throw.
  using answer = std::function<void(result<std::vector<int64_t>>)>;

  static result<std::unique_ptr<sender>> open(const kafka_options& options, settings how);
  /// Waits a little for what is on its way, fails the rest; every answer has run when it returns.
  ~sender();
  sender(const sender&) = delete;
  sender& operator=(const sender&) = delete;

  /// Never blocks. `busy` and `invalid` mean that nothing was taken.
  void send(std::vector<outgoing> messages, answer done);
  /// Answers a call that is not sent at all, on the sender's thread like all others.
  void refuse(answer done, result<std::vector<int64_t>> outcome);
  /// Somebody else heard from Kafka: it is there, before the first question of our own.
  void answered();
  /// What was last learned about Kafka; no question is asked.
  result<void> ready() const;

  /// The present producer, for questions (offsets, metadata, creating topics). Shared, because a fatal
  /// error may replace it while a question is still open.
  std::shared_ptr<rd_kafka_t> client() const;

private:
  struct call;
  struct slot {
    call* owner = nullptr;
    size_t index = 0;
  };
  /// One call, owned by its slots: the last one reported deletes it.
  struct call {
    std::vector<outgoing> messages;
    std::vector<slot> slots;
    std::vector<int64_t> offsets;
    std::atomic<size_t> open{0};
    std::atomic<bool> perhaps_there{false};  ///< Kafka has, or may have, one of the messages.
    size_t bytes = 0;
    std::mutex guard;
    result<void> outcome;
    answer done;
  };
  /// A producer with its topics; the topics go first.
  struct producer {
    client_ptr client;
    std::vector<topic_ptr> topics;
    std::atomic<bool> fatal{false};
  };
  struct ended_call {
    answer done;
    result<std::vector<int64_t>> outcome;
  };

  sender(const kafka_options& options, settings how);
  result<std::shared_ptr<producer>> make_producer();
  result<void> admit(const std::vector<outgoing>& messages, size_t& bytes);
  rd_kafka_resp_err_t hand_over(producer& to, slot& one);
  void tell_refused(const slot& one, rd_kafka_resp_err_t code) const;
  void report(slot& one, rd_kafka_resp_err_t code, int64_t offset, bool perhaps_there);
  ended_call finish(call& whole);

  void run();
  void answer_refused();
  void probe();
  void replace_producer();
  void drain(producer& from, duration grace);
  void set_up();
  void set_down(const std::string& why);

  static void on_report(rd_kafka_t* client, const rd_kafka_message_t* message, void* self);
  static void on_error(rd_kafka_t* client, int code, const char* text, void* self);

  const kafka_options options_;
  const settings how_;

  mutable std::mutex guard_;
  std::shared_ptr<producer> producer_;  // shared, see client()
  std::deque<ended_call> refused_;      // bounded by what callers keep open themselves
  std::string down_reason_ = "Kafka has not answered yet";

  std::atomic<bool> up_{false};
  std::atomic<bool> stopping_{false};
  std::atomic<size_t> in_flight_{0};
  std::atomic<size_t> in_flight_bytes_{0};

  // Only the thread's.
  std::chrono::steady_clock::time_point heard_{};   // last sign of life from Kafka
  std::chrono::steady_clock::time_point asked_{};   // last question
  std::chrono::steady_clock::time_point failed_{};  // last message that was not delivered
  int silent_ = 0;                                  // questions without an answer
  std::thread thread_;
};

}  // namespace orrery::kafka
