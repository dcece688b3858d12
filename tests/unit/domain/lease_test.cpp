#include "domain/lease.hpp"

#include <gtest/gtest.h>
#include <set>

namespace orrery {
namespace {

lease_id sample() {
  lease_id lease{entity_id{uuid{0x0123456789abcdef, 0xfedcba9876543210}}, {2, 3}, epoch_t{7}, {}};
  lease.secret = secret_of_lease({1, 2, 3}, lease.task, lease.token);
  return lease;
}

TEST(lease, comes_back_from_its_text) {
  const auto read = parse_lease(to_string(sample()));
  ASSERT_TRUE(read);
  EXPECT_EQ(*read, sample());
  EXPECT_EQ(to_string(sample()).size(), 97u);
}

TEST(lease, another_text_is_no_lease) {
  const auto text = to_string(sample());
  EXPECT_FALSE(parse_lease(""));
  EXPECT_FALSE(parse_lease(text.substr(1)));
  EXPECT_FALSE(parse_lease(text + "0"));
  auto form = text;
  form[0] = '2';
  EXPECT_FALSE(parse_lease(form));
  auto letters = text;
  letters[40] = 'G';
  EXPECT_FALSE(parse_lease(letters));
}

TEST(lease, secrets_differ_by_seed_task_run_and_attempt) {
  const auto lease = sample();
  std::set<std::string> secrets;
  for (uint8_t seed = 0; seed < 4; ++seed)
    for (uint32_t run = 1; run < 4; ++run)
      for (uint32_t attempt = 1; attempt < 4; ++attempt)
        secrets.insert(secret_of_lease({seed}, lease.task, {run, attempt}));
  secrets.insert(secret_of_lease({0}, entity_id{uuid{1, 1}}, {1, 1}));
  EXPECT_EQ(secrets.size(), 4u * 9 + 1);
}

}  // namespace
}  // namespace orrery
