/// A library to be put before a program (LD_PRELOAD): its wall clock goes wrong by what a file says, which
/// LEAPING_CLOCK names: nanoseconds, as eight bytes in the machine's order, written in place. The steady clock
/// is left alone. It takes no memory and calls nobody but the kernel, so that an allocator may ask it the time.

#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <ctime>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

namespace {

constexpr int64_t nanoseconds = 1'000'000'000;

const int64_t* open_file() {
  const char* path = ::getenv("LEAPING_CLOCK");  // NOLINT: nobody changes the environment
  const long file =
      path == nullptr ? -1 : ::syscall(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC);
  if (file < 0)
    return nullptr;
  void* at = ::mmap(nullptr, sizeof(int64_t), PROT_READ, MAP_SHARED, static_cast<int>(file), 0);
  ::syscall(SYS_close, file);
  return at == MAP_FAILED ? nullptr : static_cast<const int64_t*>(at);
}

int64_t wrong_by() {
  static std::atomic<const int64_t*> offset{nullptr};
  const auto* at = offset.load();
  if (at == nullptr) {
    at = open_file();
    offset = at;
  }
  return at == nullptr ? 0 : __atomic_load_n(at, __ATOMIC_RELAXED);
}

int read_clock(clockid_t which, timespec* into) {
  if (const long code = ::syscall(SYS_clock_gettime, which, into); code != 0)
    return -1;
  if (which == CLOCK_REALTIME || which == CLOCK_REALTIME_COARSE) {
    const int64_t told = int64_t{into->tv_sec} * nanoseconds + into->tv_nsec + wrong_by();
    *into = {told / nanoseconds, told % nanoseconds};
  }
  return 0;
}

}  // namespace

extern "C" {

int clock_gettime(clockid_t which, timespec* into) noexcept { return read_clock(which, into); }

int timespec_get(timespec* into, int base) noexcept {
  return base == TIME_UTC && read_clock(CLOCK_REALTIME, into) == 0 ? base : 0;
}

int gettimeofday(timeval* into, void*) noexcept {
  timespec now{};
  read_clock(CLOCK_REALTIME, &now);
  *into = {now.tv_sec, now.tv_nsec / 1000};
  return 0;
}

time_t time(time_t* into) noexcept {
  timespec now{};
  read_clock(CLOCK_REALTIME, &now);
  if (into != nullptr)
    *into = now.tv_sec;
  return now.tv_sec;
}
}
