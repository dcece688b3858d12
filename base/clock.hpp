#pragma once
/// Time and chance come from outside: whoever needs them is handed these by the composition root.

#include "base/time.hpp"

#include <cstdint>

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
