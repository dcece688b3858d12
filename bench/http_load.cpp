/// Reads from a running node as fast as it answers, and prints what came of it as one line of JSON.
///
///     http_load get    ADDRESS TARGETS [seconds=5] [connections=64] [token=…]
///     http_load events ADDRESS [readers=5000] [rate=200] [seconds=20] [token=…]
///
/// `get`: the file TARGETS names a target a line, asked for in turn; one request at a time per connection. Any
/// answer but 200 ends the run.
/// `events`: every reader follows GET /api/events while no-op tasks make `rate` events a second. A reader must
/// see each event once, in order within its shard, without a gap; lateness counts from the time that the event
/// itself tells (before its commit) to the read that brought it.
/// Latencies are in milliseconds.

#include "bench/event_readers.hpp"
#include "bench/http_client.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <fstream>
#include <map>
#include <memory>
#include <sys/epoll.h>
#include <unistd.h>
#include <vector>

namespace orrery::bench {

namespace {

using namespace std::chrono_literals;

double seconds(steady::duration span) { return std::chrono::duration<double>(span).count(); }

double own_cpu() {
  timespec now{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

using options = std::map<std::string, std::string>;

double number(const options& given, const std::string& name, double otherwise) {
  const auto found = given.find(name);
  return found == given.end() ? otherwise : std::atof(found->second.c_str());
}

std::string authorization(const options& given) {
  const auto found = given.find("token");
  return found == given.end() ? "" : "Authorization: Bearer " + found->second + "\r\n";
}

double percentile(std::vector<double>& sorted, double part) {
  return sorted.empty()
             ? 0
             : sorted[std::min(sorted.size() - 1,
                               static_cast<size_t>(part * static_cast<double>(sorted.size())))];
}

std::vector<std::string> requests_of(const std::string& file, const std::string& headers) {
  std::ifstream in(file);
  std::vector<std::string> out;
  for (std::string target; std::getline(in, target);)
    out.push_back("GET " + target + " HTTP/1.1\r\nHost: bench\r\nAccept: application/json\r\n" +
                  headers + "\r\n");
  if (out.empty())
    give_up("no targets in " + file);
  return out;
}

int run_get(const std::string& address, const std::string& file, const options& given) {
  const auto requests = requests_of(file, authorization(given));
  const auto span = std::chrono::duration<double>(number(given, "seconds", 5));
  std::vector<std::unique_ptr<connection>> lines;
  const int waiting = ::epoll_create1(EPOLL_CLOEXEC);
  size_t next = 0;
  const auto ask = [&](connection& line) {
    line.began = steady::now();
    line.start(requests[next++ % requests.size()]);
  };
  const auto count = static_cast<size_t>(number(given, "connections", 64));
  const auto begun = steady::now();
  const auto end = begun + std::chrono::duration_cast<steady::duration>(span);
  const auto cpu = own_cpu();
  for (size_t i = 0; i < count; ++i) {
    lines.push_back(std::make_unique<connection>(address, false));
    epoll_event wish{EPOLLIN, {.u64 = i}};
    ::epoll_ctl(waiting, EPOLL_CTL_ADD, lines.back()->socket(), &wish);
    ask(*lines.back());
  }
  std::vector<double> took;
  epoll_event ready[64];
  for (auto now = begun; now < end;) {
    const int n = ::epoll_wait(waiting, ready, 64, 1000);
    for (int i = 0; i < n; ++i) {
      auto& line = *lines[ready[i].data.u64];
      if (!line.go_on())
        continue;
      if (line.status() != 200)
        give_up("an answer of status " + std::to_string(line.status()));
      took.push_back(seconds(steady::now() - line.began) * 1e3);
      ask(line);
    }
    now = steady::now();
    if (n == 0)
      give_up("no answer for a second");
  }
  const auto passed = seconds(steady::now() - begun);
  ::close(waiting);
  std::sort(took.begin(), took.end());
  std::printf(
      "{\"requests\": %zu, \"rate\": %.0f, \"p50\": %.3f, \"p99\": %.3f, \"load_cpu\": %.2f}\n",
      took.size(), static_cast<double>(took.size()) / passed, percentile(took, 0.5),
      percentile(took, 0.99), own_cpu() - cpu);
  return 0;
}

int run_events(const std::string& address, const options& given) {
  const auto headers = authorization(given);
  const double rate = number(given, "rate", 200);
  const auto tasks = static_cast<size_t>(rate * number(given, "seconds", 20) / events_of_noop);
  event_readers readers(address, static_cast<size_t>(number(given, "readers", 5000)), headers);
  const auto cpu = own_cpu();
  connection line(address, false);
  const auto submit = post("/api/tasks", R"({"kind":"noop"})", headers);
  const auto pace = std::chrono::duration_cast<steady::duration>(
      std::chrono::duration<double>(events_of_noop / rate));
  const auto begun = steady::now();
  size_t sent = 0;
  const auto patience = begun + pace * static_cast<long>(tasks) + 30s;
  while (readers.least() < tasks * events_of_noop && steady::now() < patience) {
    const bool due = sent < tasks && begun + pace * static_cast<long>(sent) <= steady::now();
    if (!line.busy() && due) {
      line.start(submit);
      ++sent;
    }
    if (line.busy() && line.go_on() && line.status() != 200)
      give_up("a submission was answered " + std::to_string(line.status()));
    readers.read(1ms);
  }
  auto& late = readers.lateness();
  std::printf(
      "{\"readers\": %zu, \"tasks\": %zu, \"events\": %zu, \"least\": %zu, \"most\": %zu, "
      "\"gaps\": %zu, \"p50\": %.1f, \"p99\": %.1f, \"max\": %.1f, \"seconds\": %.1f, "
      "\"load_cpu\": %.2f}\n",
      readers.size(), tasks, tasks * events_of_noop, readers.least(), readers.most(),
      readers.gaps(), late.at(0.5), late.at(0.99), late.at(1), seconds(steady::now() - begun),
      own_cpu() - cpu);
  return readers.gaps() == 0 && readers.least() == tasks * events_of_noop ? 0 : 1;
}

}  // namespace
}  // namespace orrery::bench

int main(int count, char** words) {
  const std::string verb = count > 1 ? words[1] : "";
  const int fixed = verb == "get" ? 4 : 3;
  if ((verb != "get" && verb != "events") || count < fixed) {
    std::fprintf(stderr, "http_load get ADDRESS TARGETS | events ADDRESS  [name=value…]\n");
    return 2;
  }
  orrery::bench::options given;
  for (int i = fixed; i < count; ++i) {
    const std::string word = words[i];
    const auto equals = word.find('=');
    given[word.substr(0, equals)] = equals == std::string::npos ? "" : word.substr(equals + 1);
  }
  return verb == "get" ? orrery::bench::run_get(words[2], words[3], given)
                       : orrery::bench::run_events(words[2], given);
}
