#include "base/meter.hpp"

#include <gtest/gtest.h>
#include <thread>

namespace orrery {
namespace {

constexpr std::array<int64_t, 3> small_bounds{10, 20, 30};

TEST(histogram, puts_a_value_into_the_first_bucket_that_holds_it) {
  histogram h(small_bounds);
  for (const int64_t v : {0, 10, 11, 30, 31, 1000})
    h.observe(v);
  const auto d = h.read();
  EXPECT_EQ(d.counts, (std::vector<uint64_t>{2, 1, 1, 2}));
  EXPECT_EQ(d.sum, 1082);
  EXPECT_EQ(d.count(), 6U);
}

TEST(histogram, counts_what_many_threads_write) {
  histogram h(small_bounds);
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 12; ++i)
      threads.emplace_back([&] {
        for (int n = 0; n < 1000; ++n)
          h.observe(n % 40);
      });
  }
  EXPECT_EQ(h.read().count(), 12'000U);
}

TEST(labelled_histograms, gives_so_many_labels_a_line_and_all_others_one) {
  labelled_histograms h(small_bounds);
  for (int i = 0; i < 100; ++i)
    h.of("kind" + std::to_string(i)).observe(1);
  h.of("kind0").observe(1);
  const auto all = h.read();
  ASSERT_EQ(all.size(), labelled_histograms::labels_max + 1);
  EXPECT_EQ(all.front().second.count(), 2U);
  EXPECT_EQ(all.back().first, "other");
  EXPECT_EQ(all.back().second.count(), 100 - labelled_histograms::labels_max);
}

TEST(seconds_text, has_no_zeros_at_its_end) {
  EXPECT_EQ(seconds_text(2500), "0.0025");
  EXPECT_EQ(seconds_text(1'000'000), "1");
  EXPECT_EQ(seconds_text(2'500'000), "2.5");
  EXPECT_EQ(seconds_text(100), "0.0001");
}

}  // namespace
}  // namespace orrery
