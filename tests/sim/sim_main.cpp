/// Runs many seeds: `sim --seeds 10000 --first 1`. Prints each failing seed with its trace; `--trace` that
/// of every seed, whole; `--brief` none. `--planted 3` plants the third mistake of options.hpp.

#include "base/log.hpp"
#include "tests/sim/auditor.hpp"

#include <charconv>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <optional>
#include <string>
#include <string_view>
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

struct wishes {
  uint64_t seeds = 100;
  uint64_t first = 1;
  uint64_t failures_max = 1;
  int planted = 0;
  bool trace = false;
  bool brief = false;
};

/// Empty where the arguments cannot be understood.
std::optional<wishes> read(int argc, char** argv) {
  wishes out;
  for (int i = 1; i < argc; ++i) {
    const std::string_view name = argv[i];
    if (name == "--trace" || name == "--brief") {
      (name == "--trace" ? out.trace : out.brief) = true;
      continue;
    }
    const std::string_view text = i + 1 < argc ? argv[++i] : "";
    uint64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size())
      return std::nullopt;
    if (name == "--seeds")
      out.seeds = value;
    else if (name == "--first")
      out.first = value;
    else if (name == "--failures")
      out.failures_max = value;
    else if (name == "--planted" && value <= sim::mistakes)
      out.planted = static_cast<int>(value);
    else
      return std::nullopt;
  }
  return out;
}

/// What all runs together came to.
struct total {
  uint64_t runs = 0;
  uint64_t failures = 0;
  duration virtual_time{};
  size_t operations = 0;
  size_t succeeded = 0;
  size_t events = 0;
  std::map<std::string, uint64_t> faults;

  void add(const sim::verdict& outcome) {
    ++runs;
    virtual_time += outcome.virtual_time;
    operations += outcome.operations;
    succeeded += outcome.succeeded;
    events += outcome.events;
    for (const auto& [fault, count] : outcome.faults)
      faults[fault] += count;
    failures += outcome.violations.empty() ? 0 : 1;
  }

  void print(double seconds) const {
    const auto simulated = static_cast<double>(virtual_time.count()) / 1e6;
    std::printf("%llu runs, %llu failed; %zu operations, %zu succeeded, %zu events\n",
                static_cast<unsigned long long>(runs), static_cast<unsigned long long>(failures),
                operations, succeeded, events);
    std::printf("%.0f simulated seconds in %.1f s: %.0f per second\n", simulated, seconds,
                simulated / seconds);
    for (const auto& [fault, count] : faults)
      std::printf("  %-34s %llu\n", fault.c_str(), static_cast<unsigned long long>(count));
  }
};

void run_one(uint64_t seed, const wishes& wish, total& sum) {
  auto how = sim::options_of(seed);
  how.planted = static_cast<sim::mistake>(wish.planted);
  sim::world run(how);
  if (wish.trace)
    run.keep_all();
  present = &run;
  present_seed = seed;
  log::observe([&run](log::level, std::string_view event, std::string_view line) {
    run.remark(event, line);
  });
  const auto outcome = run.run();
  log::observe({});
  present = nullptr;
  sum.add(outcome);
  const bool failed = !outcome.violations.empty();
  if (wish.trace || (failed && !wish.brief))
    print_trace(run);
  if (wish.trace || failed)
    std::printf("seed %llu %s, hash %016llx\n options:%s\n", static_cast<unsigned long long>(seed),
                failed ? "FAILED" : "passed", static_cast<unsigned long long>(outcome.hash),
                sim::describe(how).c_str());
  for (const auto& what : outcome.violations)
    std::printf("  %s\n", what.c_str());
  std::fflush(stdout);
}

}  // namespace

int main(int argc, char** argv) {
  const auto wish = read(argc, argv);
  if (!wish) {
    std::fprintf(stderr,
                 "usage: sim [--seeds N] [--first S] [--failures N] [--planted MISTAKE] [--trace] "
                 "[--brief]\n");
    return 2;
  }
  log::options quiet;
  quiet.threshold = log::level::warning;
  quiet.console = false;
  log::start(quiet);
  std::signal(SIGABRT, aborted);
  const auto begun = std::chrono::steady_clock::now();
  total sum;
  for (auto seed = wish->first;
       seed < wish->first + wish->seeds && sum.failures < wish->failures_max; ++seed)
    run_one(seed, *wish, sum);
  sum.print(std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count());
  return sum.failures == 0 ? 0 : 1;
}
