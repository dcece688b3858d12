#pragma once
/// Time and chance come from outside: whoever needs them is handed these by the composition root.

#include "base/time.hpp"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>

namespace orrery {

/// Wall clock. Thread-safe. May step back or forth; nothing that must be safe rests on it.
class clock {
public:
  virtual ~clock() = default;
  virtual time_point now() const = 0;
};

/// The machine's clock.
class system_clock final : public clock {
public:
  time_point now() const override;
};

/// The machine's clock, as long as nobody sets it. Where it leaps against the steady clock, time goes on by the
/// steady clock until an arbiter (`judge`) has said which of the two is right; so what a clock that is two
/// hours ahead for a moment would have written, nobody waits for two hours. Thread-safe.
///
/// For nodes whose store has a clock of its own. Without an arbiter a leap is never followed.
class judged_clock final : public clock {
public:
  /// Two readings of one moment.
  struct reading {
    time_point wall;
    std::chrono::steady_clock::time_point steady;
  };
  using reader = std::function<reading()>;
  /// More than clocks are corrected by at a time, less than matters.
  static constexpr duration leap = std::chrono::milliseconds{500};

  explicit judged_clock(reader read = read_machine);
  time_point now() const override;
  /// The machine's clock has leapt, or nobody has judged it yet.
  bool wants_judge() const noexcept { return doubt_.load(std::memory_order_relaxed); }
  /// `right`: what an arbiter's clock showed about now. Keeps the time that is nearer to it, and takes the
  /// arbiter's own where both are more than a leap away.
  void judge(time_point right);

  static reading read_machine();

private:
  const reader read_;
  mutable std::atomic<int64_t> offset_;  ///< Microseconds from the steady clock to ours.
  mutable std::atomic<bool> doubt_{true};
};

/// A source of unpredictable bits. Thread-safe.
class random_source {
public:
  virtual ~random_source() = default;
  virtual uint64_t next() = 0;
};

/// The kernel's random numbers, buffered per thread.
class system_random final : public random_source {
public:
  uint64_t next() override;
};

}  // namespace orrery
