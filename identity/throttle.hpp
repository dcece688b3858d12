#pragma once
/// Delays after failed sign-ins. The counters lie in the store, so that they hold across nodes and
/// restarts; an attempt is counted before its password is looked at, so that many at once do not slip by.
///
/// Three counters: the account as asked from one address (five free failures, then 1 s, doubling to 15
/// minutes), the account from anywhere (twenty free, then 1 s, doubling to one minute only: who guesses must
/// not be able to lock others out), and the address (thirty a minute). Above them, each node checks at most
/// ten passwords a second.

#include "base/clock.hpp"
#include "domain/ports/identity_store.hpp"

#include <mutex>

namespace orrery::identity {

struct throttle_limits {
  uint32_t pair_free = 5;
  duration pair_delay_max = 15min;
  uint32_t account_free = 20;
  duration account_delay_max = 1min;
  uint32_t address_per_minute = 30;
  double checks_per_second = 10;  ///< Of this node.
};

/// Thread-safe, as far as each call has a store session of its own.
class throttle {
public:
  throttle(const clock& time, throttle_limits limits) : time_(time), limits_(limits) {}

  /// Counts an attempt. `busy` with the seconds to wait as `field` where it must not be made now.
  result<void> begin(identity_store& in, const std::string& name, const std::string& address);
  /// The attempt was right: forgets the failures of this account.
  void succeeded(identity_store& in, const std::string& name, const std::string& address);

private:
  result<void> count(identity_store& in, const std::string& key, uint32_t free, duration delay_max);
  result<void> count_minute(identity_store& in, const std::string& key, uint32_t most);
  result<void> take_turn();

  const clock& time_;
  const throttle_limits limits_;
  std::mutex guard_;
  double turns_ = 10;
  time_point turns_at_;
};

}  // namespace orrery::identity
