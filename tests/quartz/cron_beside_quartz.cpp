/// Our half of the comparison with Quartz (tests/quartz/beside): `cases N SEED` prints random cases with our
/// answers under the policy `quartz`; `bench` prints nanoseconds per next time of expressions on stdin.

#include "domain/cron/fire_times.hpp"
#include "tests/unit/zones/random_cron.hpp"
#include "zones/zone_files.hpp"

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <string>

namespace {

using namespace orrery;

constexpr const char* zones[] = {"UTC",          "America/New_York", "Europe/Warsaw",
                                 "Asia/Kolkata", "America/Santiago", "Australia/Lord_Howe",
                                 "Africa/Cairo", "Asia/Tokyo"};

int print_cases(int64_t count, uint64_t seed) {
  zone_files files;
  oracle::random_cron dice(seed);
  for (int64_t i = 0; i < count; ++i) {
    const auto text = dice.quartz_expression();
    const auto zone = files.find(zones[dice.number(0, std::size(zones) - 1)]);
    auto after = dice.number(1'600'000'000, 2'000'000'000);
    const auto& changes = (*zone)->changes;
    if (!changes.empty() && dice.number(0, 2) == 0) {  // about a day around a change of the clocks
      const auto stretch = (*zone)->stretch_of(after);
      if (stretch < changes.size())
        after = changes[stretch].at + dice.number(-90'000, 20'000);
    }
    const auto made = cron_expression::parse(text);
    std::string answer = "invalid";
    if (made) {
      const auto next = next_fire(*made, **zone, dst_policy::quartz, after);
      answer = next ? std::to_string(*next) : "never";
    }
    std::cout << text << '\t' << (*zone)->name << '\t' << after << '\t' << answer << '\n';
  }
  return 0;
}

int bench() {
  zone_files files;
  const auto zone = files.find("Europe/Warsaw");
  for (std::string line; std::getline(std::cin, line);) {
    const auto made = cron_expression::parse(line);
    if (!made)
      return 1;
    constexpr unix_seconds start = 1'800'000'000;
    constexpr int rounds = 1'000'000;
    unix_seconds at = start;
    const auto begin = std::chrono::steady_clock::now();
    for (int i = 0; i < rounds; ++i) {
      const auto next = next_fire(*made, **zone, dst_policy::quartz, at);
      at = !next || *next > 3'000'000'000 ? start : *next;
    }
    const auto took = std::chrono::steady_clock::now() - begin;
    std::cout << line << '\t' << std::chrono::nanoseconds(took).count() / rounds << '\n';
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string mode = argc > 1 ? argv[1] : "";
  if (mode == "cases" && argc == 4)
    return print_cases(std::atoll(argv[2]), std::strtoull(argv[3], nullptr, 10));
  if (mode == "bench")
    return bench();
  std::fputs("usage: cron_beside_quartz cases COUNT SEED | bench\n", stderr);
  return 2;
}
