/// Runs the tests. An error line in the log that no test announced fails the test that caused it.

#include "tests/support/expect_log.hpp"

#include "base/log.hpp"

#include <gtest/gtest.h>
#include <mutex>

namespace orrery::test {

namespace {

struct seen_errors {
  std::mutex guard;
  std::vector<std::string> lines;
  std::vector<std::string> allowed;
};

seen_errors& seen() {
  static seen_errors instance;
  return instance;
}

class log_listener final : public ::testing::EmptyTestEventListener {
  void OnTestStart(const ::testing::TestInfo&) override {
    const std::lock_guard lock(seen().guard);
    seen().lines.clear();
    seen().allowed.clear();
  }
  void OnTestEnd(const ::testing::TestInfo&) override {
    const std::lock_guard lock(seen().guard);
    for (const auto& line : seen().lines)
      ADD_FAILURE() << "unexpected error in the log: " << line;
  }
};

}  // namespace

void allow_log_error(std::string event) {
  const std::lock_guard lock(seen().guard);
  seen().allowed.push_back(std::move(event));
}

}  // namespace orrery::test

int main(int argc, char** argv) {
  using namespace orrery;
  ::testing::InitGoogleTest(&argc, argv);
  log::observe([](log::level lvl, std::string_view event, std::string_view line) {
    if (lvl != log::level::error)
      return;
    auto& s = test::seen();
    const std::lock_guard lock(s.guard);
    for (const auto& allowed : s.allowed)
      if (event.starts_with(allowed))
        return;
    s.lines.emplace_back(line);
  });
  ::testing::UnitTest::GetInstance()->listeners().Append(new test::log_listener);
  return RUN_ALL_TESTS();
}
