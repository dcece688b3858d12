#include "base/log_outputs.hpp"
#include "base/secret.hpp"

#include <gtest/gtest.h>
#include <type_traits>

namespace orrery {
namespace {

class kept_lines final : public log::tap {
public:
  void take(log::level, std::string_view line) noexcept override { lines.emplace_back(line); }
  std::vector<std::string> lines;
};

TEST(log_line, is_valid_json_whatever_the_text_holds) {
  auto kept = std::make_shared<kept_lines>();
  log::start({.threshold = log::level::info, .console = false, .node = "a"});
  log::add_tap(kept);
  log::info("text.odd",
            {{"detail", std::string("a\"b\\c\nd\x01 \xc3\xa9 \xff\xe2\x82")}, {"n", 3}});
  log::remove_tap(kept);
  log::info("text.after");
  log::start({.threshold = log::level::warning});
  ASSERT_EQ(kept->lines.size(), 1U);
  const auto& line = kept->lines.front();
  EXPECT_TRUE(line.starts_with(R"({"time":")")) << line;
  EXPECT_TRUE(line.find(R"(,"level":"info","node":"a","event":"text.odd",)") != line.npos) << line;
  EXPECT_TRUE(
      line.ends_with("\"detail\":\"a\\\"b\\\\c\\nd\\u0001 \xc3\xa9 \xef\xbf\xbd\xef\xbf\xbd"
                     "\xef\xbf\xbd\",\"n\":3}"))
      << line;
}

template <class T>
concept loggable = requires(T value) {
  log::field{"key", value};
};

TEST(secret, cannot_be_logged_printed_or_taken_for_a_text) {
  static_assert(loggable<std::string>);
  static_assert(!loggable<secret>);
  static_assert(!std::is_convertible_v<secret, std::string>);
  static_assert(!std::is_convertible_v<secret, std::string_view>);
  EXPECT_EQ(secret("pass").reveal(), "pass");
  EXPECT_TRUE(secret().empty());
}

}  // namespace
}  // namespace orrery
