/// What the kernel says of this process, under the names that Prometheus' client libraries use.

#include "app/metrics.hpp"
#include "app/prometheus.hpp"

#include <filesystem>
#include <fstream>
#include <sstream>
#include <sys/resource.h>
#include <unistd.h>

namespace orrery::app {

namespace {

/// Fields of /proc/self/stat after the name of the program, which may hold anything.
struct process_stat {
  double cpu_seconds = 0;
  double started_at = 0;  ///< Seconds since 1970.
  uint64_t threads = 0;
  uint64_t virtual_bytes = 0;
  uint64_t resident_pages = 0;
};

double boot_time() {
  std::ifstream file("/proc/stat");
  for (std::string line; std::getline(file, line);)
    if (line.starts_with("btime "))
      return std::stod(line.substr(6));
  return 0;
}

process_stat read_stat() {
  std::ifstream file("/proc/self/stat");
  std::string text;
  std::getline(file, text);
  std::istringstream rest(text.substr(std::min(text.size(), text.rfind(')') + 1)));
  std::string skipped;
  uint64_t user = 0;
  uint64_t system = 0;
  uint64_t start = 0;
  process_stat out;
  for (int field = 3; field <= 24 && rest; ++field) {
    if (field == 14)
      rest >> user;
    else if (field == 15)
      rest >> system;
    else if (field == 20)
      rest >> out.threads;
    else if (field == 22)
      rest >> start;
    else if (field == 23)
      rest >> out.virtual_bytes;
    else if (field == 24)
      rest >> out.resident_pages;
    else
      rest >> skipped;
  }
  const auto ticks = static_cast<double>(::sysconf(_SC_CLK_TCK));
  out.cpu_seconds = static_cast<double>(user + system) / ticks;
  out.started_at = boot_time() + static_cast<double>(start) / ticks;
  return out;
}

size_t open_files() {
  std::error_code error;
  size_t n = 0;
  for (auto it = std::filesystem::directory_iterator("/proc/self/fd", error);
       !error && it != std::filesystem::directory_iterator(); it.increment(error))
    ++n;
  return n;
}

}  // namespace

void append_process_metrics(std::string& out, std::string_view version) {
  metric_writer to(out);
  const auto stat = read_stat();
  rlimit files{};
  ::getrlimit(RLIMIT_NOFILE, &files);
  to.one("process_cpu_seconds_total", "counter", "Processor time, of users and system.",
         stat.cpu_seconds);
  to.one("process_resident_memory_bytes", "gauge", "Resident memory.",
         stat.resident_pages * static_cast<uint64_t>(::sysconf(_SC_PAGESIZE)));
  to.one("process_virtual_memory_bytes", "gauge", "Virtual memory.", stat.virtual_bytes);
  to.one("process_open_fds", "gauge", "Open files and sockets.", open_files());
  to.one("process_max_fds", "gauge", "How many there may be.",
         static_cast<uint64_t>(files.rlim_cur));
  to.one("process_threads", "gauge", "Threads.", stat.threads);
  to.one("process_start_time_seconds", "gauge", "When it began, since 1970.", stat.started_at);
  to.begin("orrery_build_info", "gauge", "Always 1; the version is its label.");
  to.line({{"version", version}}, 1);
}

}  // namespace orrery::app
