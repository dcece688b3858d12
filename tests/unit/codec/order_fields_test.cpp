/// Which fields of an order's metadata can be searched.

#include "codec/order_fields.hpp"

#include <gtest/gtest.h>

namespace orrery::test {

using codec::searched_fields;
using fields = std::vector<std::string>;

TEST(order_fields, are_the_plain_values_at_the_top_sorted) {
  EXPECT_EQ(searched_fields(R"({"z":"last","a":"b=c","n":1.50,"t":true,"f":false,"x":null})"),
            (fields{"a=b=c", "f=false", "n=1.50", "t=true", "x=null", "z=last"}));
}

TEST(order_fields, leave_out_what_is_deep_long_or_oddly_named) {
  const std::string fits(256, 'v');
  EXPECT_EQ(searched_fields(R"({"deep":{"a":1},"list":[1],"with space":1,"":1,"ä":1,"k":")" + fits +
                            R"(","long":")" + fits + R"(v"})"),
            fields{"k=" + fits});
  EXPECT_EQ(
      searched_fields("{\"" + std::string(64, 'k') + "\":1,\"" + std::string(65, 'k') + "\":1}"),
      fields{std::string(64, 'k') + "=1"});
  EXPECT_EQ(searched_fields(R"({"zero":"a\u0000b"})"), fields{});
}

TEST(order_fields, of_a_key_that_comes_twice_the_last_value_counts) {
  EXPECT_EQ(searched_fields(R"({"a":1,"b":2,"a":3})"), (fields{"a=3", "b=2"}));
  EXPECT_EQ(searched_fields(R"({"a":1,"a":{}})"), fields{});
}

TEST(order_fields, are_the_first_thirty_two) {
  std::string text = "{";
  for (int i = 100; i < 140; ++i)
    text += (i == 100 ? "\"" : ",\"") + std::to_string(i) + "\":0";
  const auto found = searched_fields(text + '}');
  ASSERT_EQ(found.size(), 32u);
  EXPECT_EQ(found.back(), "131=0");
}

TEST(order_fields, of_what_is_no_object_are_none) {
  EXPECT_EQ(searched_fields(""), fields{});
  EXPECT_EQ(searched_fields("[1]"), fields{});
  EXPECT_EQ(searched_fields("{"), fields{});
}

}  // namespace orrery::test
