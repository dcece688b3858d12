#include "codec/stored.hpp"
#include "tests/unit/codec/samples.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace orrery::codec {

namespace {

using namespace test;

constexpr auto life_start = from_micros(1'800'000'000'000'000);
const entity_id stored_id = new_entity_id(life_start, shard_id{3}, 77);

std::string journal_of(const std::vector<event_record>& records) {
  std::vector<const event_record*> pointers;
  for (const auto& record : records)
    pointers.push_back(&record);
  return encode_journal(pointers);
}

/// The three events of a task that ran once.
std::vector<event_record> short_life() {
  task_spec spec;
  spec.kind = "noop";
  return {{position_t{5}, stored_id, life_start, task_event{task_submitted{spec}}},
          {position_t{6}, stored_id, life_start + 1ms, task_event{task_started{{1, 1}, "n1"}}},
          {position_t{7}, stored_id, life_start + 2ms, task_event{task_succeeded{"1"}}}};
}

}  // namespace

TEST(stored_entity, leaves_out_what_is_as_usual) {
  task t;
  t.id = stored_id;
  t.spec.edit([](task_spec& spec) { spec.kind = "noop"; });
  t.created_at = t.updated_at = t.life_from = t.queued_at = life_start;
  t.version = 1;
  // Format byte, id, kind and times: nothing else.
  EXPECT_LE(encode(t).size(), 48u);
}

TEST(stored_entity, starts_with_the_format_byte) {
  EXPECT_EQ(encode(order{}).front(), '\x01');
  EXPECT_EQ(decode_entity("\x02").error().code, errc::corrupt);
  EXPECT_EQ(decode_entity("").error().code, errc::corrupt);
  EXPECT_EQ(decode_entity("\x01").error().code, errc::corrupt);
}

TEST(stored_entity, of_a_newer_program_is_read_without_its_new_fields) {
  task t;
  t.id = stored_id;
  t.spec.edit([](task_spec& spec) { spec.kind = "noop"; });
  auto bytes = encode(t);
  bytes += std::string("\xfa\x3f\x03new", 6);  // field 1023, bytes
  bytes += std::string("\xf8\x3f\x2a", 3);     // field 1023, varint
  EXPECT_EQ(decode_entity(bytes).value(), entity{t});
  // And within the task itself: one-byte length grows by the new field.
  auto inside = encode(t);
  inside[2] = static_cast<char>(inside[2] + 4);
  inside += std::string("\xfa\x3f\x01x", 4);
  EXPECT_EQ(decode_entity(inside).value(), entity{t});
}

TEST(stored_entity, with_an_unknown_status_is_corrupt) {
  task t;
  t.status = task_status::cancelled;
  auto bytes = encode(t);
  const auto at = bytes.find("\x20\x08");  // field 4, 8
  ASSERT_NE(at, std::string::npos);
  bytes[at + 1] = '\x09';
  EXPECT_EQ(decode_entity(bytes).error().code, errc::corrupt);
}

TEST(stored_journal, of_nothing_is_nothing) {
  EXPECT_TRUE(decode_journal(journal_of({})).value().empty());
  EXPECT_EQ(decode_journal("").error().code, errc::corrupt);
}

TEST(stored_journal, names_an_id_once) {
  const auto life = short_life();
  const auto one = journal_of({life[0]}).size();
  EXPECT_LT(journal_of(life).size() - one, 2 * 16u);
}

TEST(stored_journal, with_an_event_of_a_newer_program_is_corrupt) {
  auto bytes = journal_of({{position_t{1}, stored_id, life_start, order_event{order_confirmed{}}}});
  const auto at = bytes.find("\x92\x01");  // field 18, bytes
  ASSERT_NE(at, std::string::npos);
  bytes[at] = '\xfa';
  bytes[at + 1] = '\x03';  // field 63
  EXPECT_EQ(decode_journal(bytes).error().code, errc::corrupt);
}

TEST(stored_journal, without_an_id_or_an_event_is_corrupt) {
  EXPECT_EQ(decode_journal(std::string("\x01\x0a\x02\x32\x00", 5)).error().code, errc::corrupt);
  EXPECT_TRUE(decode_history(stored_id, std::string("\x01\x0a\x02\x32\x00", 5)));
  EXPECT_EQ(decode_history(stored_id, std::string("\x01\x0a\x00", 3)).error().code, errc::corrupt);
}

TEST(stored_journal, that_speaks_of_an_id_it_did_not_name_is_corrupt) {
  EXPECT_EQ(decode_journal(std::string("\x01\x0a\x04\x20\x00\x32\x00", 7)).error().code,
            errc::corrupt);
}

TEST(stored_history, is_compact) { EXPECT_LE(encode_history(short_life()).size(), 56u); }

TEST(stored_history, of_no_bytes_is_empty) {
  EXPECT_TRUE(decode_history(stored_id, "").value().empty());
  EXPECT_EQ(encode_history({}), "");
}

RC_GTEST_PROP(stored_entity, reads_back, ()) {
  const auto e = any_entity();
  RC_ASSERT(decode_entity(encode(e)).value() == e);
}

RC_GTEST_PROP(stored_journal, reads_back, ()) {
  const auto records = any_records();
  RC_ASSERT(decode_journal(journal_of(records)).value() == records);
}

RC_GTEST_PROP(stored_history, reads_back_from_any_number_of_pieces, ()) {
  auto records = any_records();
  for (auto& record : records)
    record.id = stored_id;
  std::string pieces;
  for (size_t at = 0; at < records.size();) {
    const auto count = std::min<size_t>(records.size() - at, *rc::gen::inRange<size_t>(1, 4));
    const auto from = records.begin() + static_cast<std::ptrdiff_t>(at);
    pieces += encode_history({from, from + static_cast<std::ptrdiff_t>(count)});
    at += count;
  }
  RC_ASSERT(decode_history(stored_id, pieces).value() == records);
}

RC_GTEST_PROP(stored_entity, keeps_any_bytes_in_its_texts, (const std::string& bytes)) {
  auto t = any_task();
  t.error = bytes + std::string("\0\xff", 2);
  t.spec.edit([&](task_spec& spec) { spec.payload = t.error; });
  RC_ASSERT(decode_entity(encode(t)).value() == entity{t});
}

RC_GTEST_PROP(stored_bytes, damaged_in_any_way_are_read_or_corrupt, ()) {
  const auto e = encode(any_entity());
  const auto records = any_records();
  const auto j = journal_of(records);
  const auto h = encode_history(records);
  const auto random = *rc::gen::arbitrary<uint64_t>();
  for (uint64_t i = 0; i < 400; ++i) {
    if (const auto read = decode_entity(damaged(e, j, random + i)))
      RC_ASSERT(decode_entity(encode(*read)).value() == *read);
    else
      RC_ASSERT(read.error().code == errc::corrupt);
    if (const auto read = decode_journal(damaged(j, e, random + i)))
      RC_ASSERT(decode_journal(journal_of(*read)).value() == *read);
    if (const auto read = decode_history(stored_id, damaged(h, j, random + i)))
      RC_ASSERT(decode_history(stored_id, encode_history(*read)).value() == *read);
  }
}

RC_GTEST_PROP(stored_bytes, that_are_pure_noise_are_read_or_corrupt, ()) {
  auto noise = *rc::gen::container<std::string>(rc::gen::arbitrary<char>());
  noise.insert(noise.begin(), '\x01');
  (void)decode_entity(noise);
  (void)decode_journal(noise);
  (void)decode_history(stored_id, noise);
}

}  // namespace orrery::codec
