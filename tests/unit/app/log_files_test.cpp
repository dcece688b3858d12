#include "app/log_files.hpp"
#include "bridge/telemetry/log_spool.hpp"

#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>

namespace orrery::app {
namespace {

class log_files : public testing::Test {
protected:
  log_files() {
    std::string made = (std::filesystem::temp_directory_path() / "orrery-log-XXXXXX").string();
    folder = mkdtemp(made.data());
  }
  ~log_files() override { std::filesystem::remove_all(folder); }

  static std::string line(int second) {
    return R"({"time":")" + format_time(from_micros(1'800'000'000'000'000 + second * 1'000'000LL)) +
           R"(","level":"info","event":"e","n":)" + std::to_string(second) + "}";
  }
  void write(const std::string& name, int first, int last) const {
    std::ofstream file(folder / name);
    for (int i = first; i <= last; ++i)
      file << line(i) << '\n';
  }
  node_log_page read(node_log_wish wish) const {
    return read_log_files((folder / "log.jsonl").string(), 5, wish, 10s);
  }

  std::filesystem::path folder;
};

TEST_F(log_files, are_read_from_the_newest_line_back_over_rotated_ones) {
  write("log.1.jsonl", 0, 9'999);
  write("log.jsonl", 10'000, 10'009);
  const auto page = read({.limit = 15});
  ASSERT_EQ(page.lines.size(), 15U);
  EXPECT_EQ(page.lines.front(), line(9'995));
  EXPECT_EQ(page.lines.back(), line(10'009));
  const auto before = read({.to = page.next, .limit = 10'000});
  EXPECT_EQ(before.lines.size(), 9'995U);
  EXPECT_EQ(before.lines.front(), line(0));
  EXPECT_EQ(before.next, time_point{never});
}

TEST_F(log_files, lines_of_one_instant_stay_on_one_page) {
  std::ofstream file(folder / "log.jsonl");
  for (int i = 0; i < 5; ++i)
    file << line(1) << '\n';
  file << line(2) << '\n';
  file.close();
  EXPECT_EQ(read({.limit = 2}).lines.size(), 6U);
}

TEST_F(log_files, what_a_crash_cut_off_is_left_out) {
  std::ofstream(folder / "log.jsonl") << line(1) << "\n" << line(2).substr(0, 30);
  EXPECT_EQ(read({}).lines, std::vector<std::string>{line(1)});
}

TEST_F(log_files, a_spool_keeps_order_and_limit_over_a_restart) {
  const std::string entry(100, 'x');
  {
    log_spool spool(folder / "spool", 1000, 250);
    for (int i = 0; i < 15; ++i)
      EXPECT_TRUE(spool.add(std::to_string(100 + i) + entry.substr(4) + "\n"));
    EXPECT_LE(spool.bytes(), 1000U);
    EXPECT_GT(spool.dropped_lines(), 4U);
    EXPECT_LT(spool.dropped_lines(), 9U);
  }
  log_spool again(folder / "spool", 1000, 250);
  std::string all;
  while (!again.empty()) {
    const auto text = again.first();
    ASSERT_TRUE(text);
    all += *text;
    again.drop_first();
  }
  EXPECT_TRUE(all.ends_with("114" + entry.substr(4) + "\n"));
  EXPECT_EQ(again.bytes(), 0U);
}

}  // namespace
}  // namespace orrery::app
