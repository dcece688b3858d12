#pragma once
/// What the actors of a node measure, for /metrics. Written on the hot path, so: relaxed, without locks, by
/// stripe or by the one actor a gauge belongs to (base/meter.hpp).

#include "base/meter.hpp"
#include "domain/order.hpp"
#include "domain/schedule.hpp"
#include "domain/task.hpp"

#include <algorithm>
#include <chrono>
#include <map>
#include <mutex>

namespace orrery::actors {

/// The mailbox of one actor, as it was when a sample came to it. `asked` and `waited` in microseconds of the
/// steady clock.
struct mailbox_meter {
  std::atomic<uint64_t> size{0};
  std::atomic<int64_t> waited{0};  ///< What the last sample that was answered waited.
  std::atomic<int64_t> asked{0};   ///< When the sample was sent that is under way; 0 = none is.

  /// A sample is under way from now on; one at a time. False: the last one still waits.
  bool ask(int64_t now) noexcept {
    int64_t none = 0;
    return asked.compare_exchange_strong(none, now);
  }
  void answer(size_t messages, int64_t now) noexcept {
    size = messages;
    waited = now - asked;
    asked = 0;
  }
  /// The actor of the last sample is gone, and with it the sample.
  void forget() noexcept { asked = 0; }
  /// What a message waits now: that of the last sample, or of the one that still waits.
  int64_t delay(int64_t now) const noexcept {
    const auto since = asked.load();
    return since == 0 ? waited.load() : std::max<int64_t>(0, now - since);
  }
};

inline int64_t steady_micros() noexcept {
  return std::chrono::duration_cast<std::chrono::microseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

/// One shard that lives here, or did.
struct shard_meter {
  std::atomic<bool> here{false};
  std::atomic<int64_t> epoch{0};
  std::atomic<int64_t> committed{0};  ///< Position.
  std::atomic<int64_t> published{0};  ///< Position.
  /// When the oldest committed event that is not published was committed, by the steady clock; 0 = none.
  std::atomic<int64_t> unpublished_since{0};
  std::atomic<uint64_t> live{0};
  std::atomic<uint64_t> in_gate{0};    ///< Intake records whose effects are not released.
  std::atomic<uint64_t> in_flight{0};  ///< Effects released and not durable.
  mailbox_meter mailbox;
};

/// By number; made at first use. Thread-safe.
class shard_meters {
public:
  shard_meters() = default;
  ~shard_meters() {
    for (auto& one : all_)
      delete one.load();
  }
  shard_meters(const shard_meters&) = delete;
  shard_meters& operator=(const shard_meters&) = delete;

  shard_meter& of(shard_id shard) {
    auto& place = all_[shard.value % shards_max];
    auto* known = place.load(std::memory_order_acquire);
    if (known == nullptr) {
      auto made = std::make_unique<shard_meter>();
      if (place.compare_exchange_strong(known, made.get(), std::memory_order_acq_rel))
        known = made.release();
    }
    return *known;
  }
  /// Those that were ever used, by number.
  std::vector<std::pair<uint16_t, const shard_meter*>> all() const {
    std::vector<std::pair<uint16_t, const shard_meter*>> out;
    for (size_t i = 0; i < all_.size(); ++i)
      if (const auto* one = all_[i].load(std::memory_order_acquire); one != nullptr)
        out.emplace_back(static_cast<uint16_t>(i), one);
    return out;
  }

private:
  std::array<std::atomic<shard_meter*>, shards_max> all_{};
};

/// The tasks of a queue and shard that wait for a slot.
struct queue_depth {
  uint64_t waiting = 0;
  duration oldest{};  ///< How long the one that waits longest has waited.
};
/// By queue and shard. At most `rows_max`; what is beyond is summed up, by shard, under the queue `other`.
class depth_board {
public:
  static constexpr size_t rows_max = 1000;
  using table = std::map<std::pair<std::string, uint16_t>, queue_depth>;
  void set(table all);
  table read() const {
    const std::lock_guard lock(guard_);
    return all_;
  }

private:
  mutable std::mutex guard_;
  table all_;
};

struct node_meters {
  /// Attempts that ended, by kind; runs that ended, by kind, from submission (or rerun) to the end.
  labelled_histograms attempt_time{work_bounds()};
  labelled_histograms task_life{work_bounds()};
  histogram order_life{work_bounds()};
  histogram ttl_lateness{latency_bounds()};
  counters<task_statuses> tasks_entered;  ///< Committed changes of status, by the new one.
  counters<order_statuses> orders_entered;
  counters<schedule_statuses> schedules_entered;
  std::atomic<uint64_t> rebalances{0};
  std::atomic<uint64_t> shards_gained{0};
  std::atomic<uint64_t> shards_given_up{0};
  std::atomic<uint64_t> shards_lost{0};
  shard_meters shards;
  depth_board depths;
  mailbox_meter dispatcher;
  mailbox_meter ttl;
  mailbox_meter tick;
  mailbox_meter outbox;
  mailbox_meter exchange;
  mailbox_meter desk;
  mailbox_meter bridge;
};

}  // namespace orrery::actors
