#include "bridge/kafka/steady_waits.hpp"

#include <cerrno>
#include <cstdint>
#include <ctime>
#include <pthread.h>
#include <threads.h>

namespace {

constexpr int64_t nanoseconds = 1'000'000'000;
/// No wait of the library, and none of ours in it, is as long: an instant further away is one of a clock
/// that was set back since, and its wait is over.
constexpr int64_t longest = 120 * nanoseconds;

int64_t now(clockid_t clock) {
  timespec t{};
  ::clock_gettime(clock, &t);
  return int64_t{t.tv_sec} * nanoseconds + t.tv_nsec;
}

}  // namespace

/// Replaces the C library's (ISO C 7.26.3.5) for the whole program. What the C library calls a `cnd_t` is
/// its `pthread_cond_t`, and a `mtx_t` its `pthread_mutex_t`.
extern "C" __attribute__((visibility("default"))) int cnd_timedwait(cnd_t* condition, mtx_t* mutex,
                                                                    const timespec* until) {
  const int64_t left = int64_t{until->tv_sec} * nanoseconds + until->tv_nsec - now(CLOCK_REALTIME);
  const int64_t end = now(CLOCK_MONOTONIC) + (left > 0 && left < longest ? left : 0);
  const timespec steady{end / nanoseconds, end % nanoseconds};
  const int code =
      ::pthread_cond_clockwait(reinterpret_cast<pthread_cond_t*>(condition),
                               reinterpret_cast<pthread_mutex_t*>(mutex), CLOCK_MONOTONIC, &steady);
  return code == 0 ? thrd_success : code == ETIMEDOUT ? thrd_timedout : thrd_error;
}

namespace orrery::kafka {

void wait_by_the_steady_clock() {}

}  // namespace orrery::kafka
