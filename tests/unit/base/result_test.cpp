#include "base/result.hpp"

#include <gtest/gtest.h>
#include <memory>

namespace orrery {

TEST(result, holds_a_value_or_a_failure) {
  const result<int> good = 7;
  EXPECT_TRUE(good);
  EXPECT_EQ(*good, 7);
  const result<int> bad = failure{errc::busy, "full", "queue"};
  EXPECT_FALSE(bad);
  EXPECT_EQ(bad.error(), (failure{errc::busy, "full", "queue"}));
  EXPECT_EQ(bad.value_or(3), 3);
}

TEST(result, gives_up_a_value_that_can_only_be_moved) {
  result<std::unique_ptr<int>> owned = std::make_unique<int>(5);
  const auto taken = *std::move(owned);
  EXPECT_EQ(*taken, 5);
}

TEST(result, of_nothing_is_a_success_or_a_failure) {
  EXPECT_TRUE(result<void>{});
  const result<void> bad = failure{errc::conflict, "stale"};
  EXPECT_FALSE(bad);
  EXPECT_EQ(bad.error().code, errc::conflict);
}

TEST(errc, every_code_has_a_word_of_its_own) {
  std::vector<std::string_view> words;
  for (auto code = errc::invalid; code <= errc::corrupt;
       code = static_cast<errc>(static_cast<int>(code) + 1)) {
    const auto word = to_string(code);
    EXPECT_FALSE(word.empty());
    for (const auto other : words)
      EXPECT_NE(word, other);
    words.push_back(word);
  }
}

}  // namespace orrery
