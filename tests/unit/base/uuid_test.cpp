#include "base/murmur2.hpp"
#include "base/sha256.hpp"
#include "base/uuid.hpp"

#include <gtest/gtest.h>

namespace orrery {

TEST(uuid, reads_back_its_own_text) {
  const auto id = make_uuid_v7(from_micros(1'700'000'000'123'000), 0xabc, 0x123456789abcdef0);
  const auto text = to_string(id);
  EXPECT_EQ(text.size(), 36u);
  EXPECT_EQ(parse_uuid(text).value(), id);
}

TEST(uuid, version_7_holds_the_time_the_shard_and_the_variant) {
  const auto id = make_uuid_v7(from_micros(1'700'000'000'123'999), 42, ~uint64_t{0});
  EXPECT_EQ(id.version(), 7u);
  EXPECT_EQ(id.unix_millis(), 1'700'000'000'123u);
  EXPECT_EQ(id.rand_a(), 42);
  EXPECT_TRUE(id.is_rfc_variant());
}

TEST(uuid, version_8_is_the_same_for_the_same_name) {
  EXPECT_EQ(make_uuid_v8("a", 3), make_uuid_v8("a", 3));
  EXPECT_NE(make_uuid_v8("a", 3), make_uuid_v8("b", 3));
  EXPECT_EQ(make_uuid_v8("a", 3).version(), 8u);
  EXPECT_EQ(make_uuid_v8("a", 4095).rand_a(), 4095);
}

TEST(uuid, refuses_what_is_none) {
  for (const char* text :
       {"", "x", "01234567-89ab-cdef-0123-456789abcde", "01234567-89ab-cdef-0123-456789abcdeg",
        "0123456789ab-cdef-0123-456789abcdef-", "{1234567-89ab-cdef-0123-456789abcdef"})
    EXPECT_FALSE(parse_uuid(text)) << text;
  EXPECT_TRUE(parse_uuid("01234567-89AB-CDEF-0123-456789ABCDEF"));
}

TEST(sha256, agrees_with_the_vectors_of_fips_180_4) {
  const auto hex = [](std::string_view text) {
    std::string out;
    for (const auto byte : sha256(text)) {
      out += "0123456789abcdef"[byte >> 4];
      out += "0123456789abcdef"[byte & 15];
    }
    return out;
  };
  EXPECT_EQ(hex(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(hex("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(hex("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  EXPECT_EQ(hex(std::string(1'000'000, 'a')),
            "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST(murmur2, agrees_with_kafkas_own_test_values) {
  // org.apache.kafka.common.utils.UtilsTest.testMurmur2
  const auto hash = [](std::string_view text) { return static_cast<int32_t>(murmur2(text)); };
  EXPECT_EQ(hash("21"), -973932308);
  EXPECT_EQ(hash("foobar"), -790332482);
  EXPECT_EQ(hash("a-little-bit-long-string"), -985981536);
  EXPECT_EQ(hash("a-little-bit-longer-string"), -1486304829);
  EXPECT_EQ(hash("lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8"), -58897971);
  EXPECT_EQ(hash("abc"), 479470107);
}

}  // namespace orrery
