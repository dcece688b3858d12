/// Status events through both sinks of Kafka, in one run: how many, and how soon they are out.
///
///     publish_bench HOST:PORT [SECONDS]

#include "bridge/kafka/kafka_log.hpp"
#include "bridge/kafka/transactional_sink.hpp"

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <thread>

namespace {

using namespace orrery;
using clock_type = std::chrono::steady_clock;

constexpr uint32_t shards = 16;
constexpr int64_t batch = 1000;

status_event event_at(shard_id shard, int64_t position) {
  task_status_event e;
  e.task_id = new_entity_id(from_micros(1'790'000'000'000'000 + position), shard,
                            static_cast<uint64_t>(position));
  e.kind = "noop";
  e.queue = "default";
  e.status = task_status::succeeded;
  e.previous = task_status::running;
  e.attempt = 1;
  e.shard = shard;
  e.position = position_t{position};
  e.at = from_micros(1'790'000'000'000'000 + position);
  return e;
}

/// Every shard hands over its next batch when the last one is out.
class pump {
public:
  pump(event_sink& sink, std::vector<int64_t>& positions) : sink_(sink), next_(positions) {}

  double run(std::chrono::seconds length) {
    const auto begun = clock_type::now();
    end_ = begun + length;
    for (uint16_t shard = 0; shard < shards; ++shard)
      hand_over(shard);
    while (open_ > 0)
      std::this_thread::sleep_for(std::chrono::milliseconds{1});
    const std::chrono::duration<double> took = clock_type::now() - begun;
    return static_cast<double>(done_) / took.count();
  }
  size_t failures() const { return failures_; }

private:
  void hand_over(uint16_t shard) {
    std::vector<status_event> events;
    for (int64_t i = 0; i < batch; ++i)
      events.push_back(event_at(shard_id{shard}, next_[shard]++));
    ++open_;
    sink_.publish(shard_id{shard}, std::move(events), [this, shard](result<void> outcome) {
      if (outcome)
        done_ += batch;
      else
        ++failures_;
      if (outcome && clock_type::now() < end_)
        hand_over(shard);
      --open_;
    });
  }

  event_sink& sink_;
  std::vector<int64_t>& next_;
  clock_type::time_point end_;
  std::atomic<int64_t> open_{0};
  std::atomic<int64_t> done_{0};
  std::atomic<size_t> failures_{0};
};

/// One event every ten milliseconds, the shards in turn.
std::vector<double> paced(event_sink& sink, std::vector<int64_t>& positions,
                          std::chrono::seconds length) {
  const auto count = static_cast<size_t>(length.count()) * 100;
  std::vector<double> ms(count, -1);
  std::atomic<size_t> answered{0};
  const auto begun = clock_type::now();
  for (size_t i = 0; i < count; ++i) {
    const auto due = begun + std::chrono::milliseconds{10 * i};
    std::this_thread::sleep_until(due);
    const auto shard = static_cast<uint16_t>(i % shards);
    sink.publish(shard_id{shard}, {event_at(shard_id{shard}, positions[shard]++)},
                 [&, i, due](const result<void>& outcome) {
                   const std::chrono::duration<double, std::milli> took = clock_type::now() - due;
                   if (outcome)
                     ms[i] = took.count();
                   ++answered;
                 });
  }
  while (answered < count)
    std::this_thread::sleep_for(std::chrono::milliseconds{1});
  std::sort(ms.begin(), ms.end());
  return ms;
}

void measure(const char* name, event_sink& sink, std::chrono::seconds length) {
  std::vector<int64_t> positions(shards, 1);
  (void)paced(sink, positions, std::chrono::seconds{1});  // connections, metadata, producer ids
  const auto ms = paced(sink, positions, length);
  pump all(sink, positions);
  const auto rate = all.run(length);
  std::printf("%-14s %10.0f events/s   p50 %7.2f ms   p99 %7.2f ms   failures %zu\n", name, rate,
              ms[ms.size() / 2], ms[ms.size() * 99 / 100], all.failures());
  std::fflush(stdout);
}

}  // namespace

int main(int count, char** words) {
  if (count < 2) {
    std::fprintf(stderr, "usage: publish_bench HOST:PORT [SECONDS]\n");
    return 2;
  }
  const std::chrono::seconds length{count > 2 ? std::atoi(words[2]) : 5};
  kafka_options options;
  options.bootstrap = words[1];
  for (int round = 0; round < 3; ++round) {
    const auto prefix = "bench" + std::to_string(clock_type::now().time_since_epoch().count());
    options.prefix = prefix + "i-";
    const auto plain_log = kafka_log::make(options);
    const auto plain = kafka_sink::make(options);
    auto other = options;
    other.prefix = prefix + "t-";
    const auto other_log = kafka_log::make(other);
    const auto sure = transactional_sink::make(other, {"bench"});
    if (!plain_log || !plain || !other_log || !sure || !(*plain_log)->prepare(shards) ||
        !(*other_log)->prepare(shards)) {
      std::fprintf(stderr, "Kafka cannot be used at %s\n", words[1]);
      return 1;
    }
    measure("idempotent", **plain, length);
    measure("transactional", **sure, length);
  }
  return 0;
}
