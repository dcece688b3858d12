/// The inputs that the fuzzers have kept (corpus/), run once each: they reach what reads bytes from outside.

#include "tests/fuzz/targets.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

namespace orrery::fuzz {
namespace {

/// How many there are. What breaks a promise aborts, and its file has been named by then.
size_t replay(const char* name, void (*target)(std::string_view)) {
  size_t count = 0;
  for (const auto& file :
       std::filesystem::directory_iterator(std::filesystem::path(ORRERY_CORPUS) / name)) {
    std::ifstream in(file.path(), std::ios::binary);
    std::ostringstream bytes;
    bytes << in.rdbuf();
    EXPECT_TRUE(in) << file.path();
    SCOPED_TRACE(file.path().string());
    target(bytes.str());
    ++count;
  }
  return count;
}

TEST(Fuzz, KeptBodiesOfRequestsBreakNoPromise) { EXPECT_GT(replay("http_body", http_body), 20u); }
TEST(Fuzz, KeptExpressionsBreakNoPromise) { EXPECT_GT(replay("cron", cron), 20u); }
TEST(Fuzz, KeptIdsBreakNoPromise) { EXPECT_GT(replay("ids", ids), 5u); }
TEST(Fuzz, KeptMessagesOfTopicsBreakNoPromise) {
  EXPECT_GT(replay("kafka_message", kafka_message), 20u);
}

}  // namespace
}  // namespace orrery::fuzz
