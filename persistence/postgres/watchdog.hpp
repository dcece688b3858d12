#pragma once
/// Puts a limit on calls into libpq and libpqxx, which wait for the server without one: a server
/// that is stopped, but whose kernel still acknowledges, would hold the caller for ever.

#include "base/time.hpp"

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <map>
#include <mutex>
#include <thread>

namespace orrery::postgres {

/// One thread that shuts sockets down whose call has taken too long; the call then returns as if
/// the connection had been lost. Thread-safe.
class watchdog {
public:
  /// While it lives the socket is watched. Must end before the socket is closed.
  class guard {
  public:
    guard(watchdog& owner, uint64_t number) : owner_(owner), number_(number) {}
    ~guard() { owner_.forget(number_); }
    guard(const guard&) = delete;
    guard& operator=(const guard&) = delete;

  private:
    watchdog& owner_;
    uint64_t number_;
  };

  watchdog();
  ~watchdog();
  watchdog(const watchdog&) = delete;
  watchdog& operator=(const watchdog&) = delete;

  /// `socket` may be -1: nothing is watched.
  [[nodiscard]] guard watch(int socket, duration limit);

private:
  using instant = std::chrono::steady_clock::time_point;
  struct entry {
    int socket;
    instant until;
  };

  void run(const std::stop_token& stop);
  void forget(uint64_t number);
  instant shut_late(instant now);

  std::mutex guard_;
  std::condition_variable_any wake_;
  std::map<uint64_t, entry> watched_;
  uint64_t next_ = 1;
  instant wakes_at_ = instant::min();  ///< When the thread looks next.
  std::jthread thread_;
};

}  // namespace orrery::postgres
