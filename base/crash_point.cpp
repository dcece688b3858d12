#include "base/crash_point.hpp"

#include <array>
#include <atomic>
#include <charconv>
#include <csignal>
#include <cstdlib>
#include <string_view>

#include <unistd.h>

namespace orrery {

namespace {

constexpr std::array<std::string_view, 30> names = {
    "submit-read",          "submit-before-durable",
    "submit-after-durable", "start-committed",
    "attempt-before-work",  "attempt-done",
    "commit-before",        "commit-after",
    "publish-before",       "publish-acked",
    "publish-marked",       "intake-polled",
    "commit-told",          "rebalance",
    "timer-fired",          "retry-stored",
    "dead-letter",          "cancel-decided",
    "attempt-takeover",     "wal-checkpoint",
    "migration-between",    "drain",
    "child-running",        "sweep-between",
    "stock-held",           "stock-prepare",
    "stock-prepared",       "stock-decided",
    "stock-finished",       "stock-forgotten",
};
static_assert(static_cast<size_t>(crash_point::stock_forgotten) + 1 == names.size());

void say(std::string_view text) noexcept {
  [[maybe_unused]] const auto wrote = ::write(STDERR_FILENO, text.data(), text.size());
}

struct chosen_moment {
  int point = -1;  ///< -1 = none.
  int nth = 0;
};

chosen_moment read_choice() noexcept {
  const char* raw = std::getenv("CRASH_AT");
  if (raw == nullptr)
    return {};
  const std::string_view text(raw);
  const auto colon = text.find(':');
  chosen_moment chosen;
  for (size_t i = 0; i < names.size(); ++i)
    if (names[i] == text.substr(0, colon))
      chosen.point = static_cast<int>(i);
  if (colon != std::string_view::npos) {
    const auto number = text.substr(colon + 1);
    const auto read = std::from_chars(number.data(), number.data() + number.size(), chosen.nth);
    if (read.ptr != number.data() + number.size())
      chosen.nth = 0;
  }
  if (chosen.point < 0 || chosen.nth < 1) {
    say("CRASH_AT is not understood; it wants <point>:<nth>\n");
    std::_Exit(2);
  }
  return chosen;
}

}  // namespace

bool has_crash_points() noexcept { return true; }

void reach(crash_point point) noexcept {
  static const auto chosen = read_choice();
  static std::atomic<int> seen{0};
  if (static_cast<int>(point) != chosen.point || ++seen != chosen.nth)
    return;
  say("crash point ");
  say(names[static_cast<size_t>(point)]);
  say(" reached\n");
  std::raise(SIGKILL);
}

}  // namespace orrery
