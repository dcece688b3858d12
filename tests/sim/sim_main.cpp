/// Runs many seeds: `sim --seeds 10000 --first 1`. Prints each failing seed with its trace.

#include "base/log.hpp"
#include "tests/sim/auditor.hpp"

#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <unistd.h>

namespace {

using namespace orrery;

const sim::world* present = nullptr;
uint64_t present_seed = 0;

void print_trace(const sim::world& run) {
  for (const auto& line : run.trace())
    std::printf("  %s\n", line.c_str());
}

/// A CHECK failed: our last words are the seed and the trace.
void aborted(int) {
  std::printf("seed %llu ABORTED\n", static_cast<unsigned long long>(present_seed));
  if (present != nullptr)
    print_trace(*present);
  std::fflush(stdout);
  _exit(1);
}

uint64_t number_after(int argc, char** argv, const char* name, uint64_t otherwise) {
  for (int i = 1; i + 1 < argc; ++i)
    if (std::strcmp(argv[i], name) == 0)
      return std::strtoull(argv[i + 1], nullptr, 10);
  return otherwise;
}

}  // namespace

int main(int argc, char** argv) {
  const auto seeds = number_after(argc, argv, "--seeds", 100);
  const auto first = number_after(argc, argv, "--first", 1);
  const auto stop_after = number_after(argc, argv, "--failures", 1);
  log::options quiet;
  quiet.threshold = log::level::warning;
  quiet.console = false;
  log::start(quiet);
  std::signal(SIGABRT, aborted);
  const auto begun = std::chrono::steady_clock::now();
  uint64_t failures = 0;
  duration virtual_time{};
  size_t operations = 0;
  size_t succeeded = 0;
  size_t events = 0;
  std::map<std::string, uint64_t> faults;
  for (auto seed = first; seed < first + seeds && failures < stop_after; ++seed) {
    const auto how = sim::options_of(seed);
    sim::world run(how);
    present = &run;
    present_seed = seed;
    log::observe([&run](log::level, std::string_view event, std::string_view line) {
      run.remark(event, line);
    });
    const auto outcome = run.run();
    log::observe({});
    present = nullptr;
    virtual_time += outcome.virtual_time;
    operations += outcome.operations;
    succeeded += outcome.succeeded;
    events += outcome.events;
    for (const auto& [fault, count] : outcome.faults)
      faults[fault] += count;
    if (outcome.violations.empty())
      continue;
    ++failures;
    print_trace(run);
    std::printf("seed %llu FAILED\n options:%s\n", static_cast<unsigned long long>(seed),
                sim::describe(how).c_str());
    for (const auto& what : outcome.violations)
      std::printf("  %s\n", what.c_str());
  }
  const auto seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count();
  const auto simulated = static_cast<double>(virtual_time.count()) / 1e6;
  std::printf("%llu failures; %zu operations, %zu succeeded, %zu events\n",
              static_cast<unsigned long long>(failures), operations, succeeded, events);
  std::printf("%.0f simulated seconds in %.1f s: %.0f per second\n", simulated, seconds,
              simulated / seconds);
  for (const auto& [fault, count] : faults)
    std::printf("  %-28s %llu\n", fault.c_str(), static_cast<unsigned long long>(count));
  return failures == 0 ? 0 : 1;
}
