#include "base/murmur2.hpp"
#include "domain/ids.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace orrery {

namespace {

constexpr auto stamped = from_micros(1'800'000'000'123'456);
constexpr shard_id seven{7};

resolved_id resolve(std::string_view text, shard_id shard = seven, int64_t offset = 42,
                    std::string_view topic = "task_topic") {
  return resolve_id(topic, shard, offset, stamped, text);
}

}  // namespace

TEST(entity_id, names_its_shard) {
  EXPECT_EQ(new_entity_id(stamped, seven, 1).shard(), seven);
  EXPECT_EQ(id_of_record("t", seven, 1, stamped).shard(), seven);
  EXPECT_EQ(id_of_reference("t", seven, "r").shard(), seven);
}

TEST(entity_id, of_version_4_is_not_ours) {
  const auto foreign = parse_entity_id("9f8b0c1e-1111-4abc-9def-0123456789ab").value();
  EXPECT_FALSE(foreign.is_ours());
  EXPECT_TRUE(new_entity_id(stamped, seven, 1).is_ours());
}

TEST(resolve_id, makes_an_id_where_the_record_has_none) {
  const auto made = resolve("");
  EXPECT_TRUE(made.id.is_ours());
  EXPECT_EQ(made.id.shard(), seven);
  EXPECT_EQ(made.reference, "");
  EXPECT_EQ(made.id.value.unix_millis(), 1'800'000'000'123u);
}

TEST(resolve_id, gives_a_record_read_twice_the_same_id) {
  EXPECT_EQ(resolve("").id, resolve("").id);
}

TEST(resolve_id, tells_records_apart_by_topic_shard_and_offset) {
  const auto id = resolve("").id;
  EXPECT_NE(resolve("", shard_id{8}).id, id);
  EXPECT_NE(resolve("", seven, 43).id, id);
  EXPECT_NE(resolve("", seven, 42, "order_topic").id, id);
}

TEST(resolve_id, keeps_an_id_of_ours_for_this_shard) {
  const auto ours = new_entity_id(stamped, seven, 99);
  const auto kept = resolve(to_string(ours));
  EXPECT_EQ(kept.id, ours);
  EXPECT_EQ(kept.reference, "");
}

TEST(resolve_id, takes_an_id_of_another_shard_as_a_reference) {
  const auto text = to_string(new_entity_id(stamped, shard_id{8}, 99));
  const auto taken = resolve(text);
  EXPECT_EQ(taken.reference, text);
  EXPECT_EQ(taken.id, id_of_reference("task_topic", seven, text));
  EXPECT_EQ(taken.id.shard(), seven);
}

TEST(resolve_id, takes_a_foreign_uuid_or_any_text_as_a_reference) {
  for (const char* text : {"9f8b0c1e-1111-4007-9def-0123456789ab", "order-4711", "Größe 42"}) {
    const auto taken = resolve(text);
    EXPECT_EQ(taken.reference, text);
    EXPECT_TRUE(taken.id.is_ours());
    EXPECT_EQ(taken.id.shard(), seven);
  }
}

TEST(resolve_id, gives_the_same_reference_the_same_id_at_any_offset) {
  EXPECT_EQ(resolve("order-4711", seven, 1).id, resolve("order-4711", seven, 2).id);
  EXPECT_NE(resolve("order-4711").id, resolve("order-4712").id);
  EXPECT_NE(resolve("order-4711").id, resolve("order-4711", shard_id{8}).id);
  EXPECT_NE(resolve("order-4711").id, resolve("order-4711", seven, 1, "order_topic").id);
}

TEST(idempotency_key, gives_the_id_and_its_shard) {
  const auto id = id_of_idempotency_key("task_topic", "ann", "key-1", 16);
  EXPECT_EQ(id, id_of_idempotency_key("task_topic", "ann", "key-1", 16));
  EXPECT_NE(id, id_of_idempotency_key("task_topic", "bob", "key-1", 16));
  EXPECT_NE(id, id_of_idempotency_key("order_topic", "ann", "key-1", 16));
  EXPECT_LT(id.shard().value, 16);
  EXPECT_TRUE(id.is_ours());
}

TEST(idempotency_key, is_not_mistaken_for_a_reference_or_another_split_of_the_same_text) {
  const auto id = id_of_idempotency_key("t", "ann", "b", 1);
  EXPECT_NE(id, id_of_reference("t", shard_id{0}, std::string_view("ann\0b", 5)));
  EXPECT_NE(id, id_of_idempotency_key("t", "annb", "", 1));
}

RC_GTEST_PROP(resolve_id, always_answers_an_id_of_ours_on_the_shard, (const std::string& text)) {
  const shard_id shard{*rc::gen::inRange<uint16_t>(0, 4096)};
  const auto found = resolve(text, shard);
  RC_ASSERT(found.id.is_ours());
  RC_ASSERT(found.id.shard() == shard);
  RC_ASSERT(found.reference == text || found.reference.empty());
  // What it answered is itself kept when it comes back on the same partition.
  RC_ASSERT(resolve(to_string(found.id), shard).id == found.id);
}

}  // namespace orrery
