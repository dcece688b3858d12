#include "codec/stored.hpp"

#include <gtest/gtest.h>

namespace orrery::codec {
TEST(stored, reads_back) {
  task t;
  t.id = new_entity_id(from_micros(1'800'000'000'000'000), shard_id{3}, 77);
  t.spec.kind = "noop";
  t.spec.payload = std::string(300, 'x');
  t.spec.retry.factor = 1.5;
  t.spec.priority = -4;
  t.created_at = from_micros(1'800'000'000'000'000);
  t.updated_at = t.created_at + 3us;
  t.started_at = t.created_at - 3us;
  t.spec.tags = {"a", ""};
  EXPECT_EQ(decode_entity(encode(t)).value(), entity{t});
  order o;
  o.id = t.id;
  o.spec.product = "Laptop";
  o.spec.quantity = 0;
  EXPECT_EQ(decode_entity(encode(o)).value(), entity{o});
  std::vector<event_record> list = {
      {position_t{5}, t.id, t.created_at, task_event{task_submitted{t.spec}}},
      {position_t{6}, entity_id{uuid{1, 2}}, t.created_at - 1us, order_event{order_cancelled{"why"}}},
      {position_t{9}, t.id, t.created_at + 5us, task_event{task_queued{}}},
      {position_t{2}, t.id, t.created_at + 5us, task_event{task_started{{1, 2}, "node"}}}};
  std::vector<const event_record*> pointers;
  for (auto& r : list) pointers.push_back(&r);
  EXPECT_EQ(decode_journal(encode_journal(pointers)).value(), list);
  list[1].id = t.id;
  const auto piece = encode_history(list);
  auto twice = list;
  twice.insert(twice.end(), list.begin(), list.end());
  EXPECT_EQ(decode_history(t.id, piece + piece).value(), twice);
}
}  // namespace orrery::codec
