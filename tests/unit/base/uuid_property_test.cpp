#include "base/murmur2.hpp"
#include "base/uuid.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace orrery {

RC_GTEST_PROP(uuid, text_and_bytes_lead_back_to_it, (uint64_t high, uint64_t low)) {
  const uuid id{high, low};
  RC_ASSERT(parse_uuid(to_string(id)).value() == id);
  RC_ASSERT(uuid_from_bytes(to_bytes(id).data()) == id);
}

RC_GTEST_PROP(uuid, order_of_values_is_the_order_of_their_texts,
              (uint64_t a, uint64_t b, uint64_t c, uint64_t d)) {
  RC_ASSERT((uuid{a, b} < uuid{c, d}) == (to_string(uuid{a, b}) < to_string(uuid{c, d})));
}

RC_GTEST_PROP(uuid, of_version_7_sort_by_their_milliseconds, (uint64_t x, uint64_t y)) {
  const auto early = *rc::gen::inRange<int64_t>(0, 253'402'300'799);
  const auto later = *rc::gen::inRange<int64_t>(early + 1, 253'402'300'801);
  RC_ASSERT(make_uuid_v7(from_micros(early * 1000), 4095, x) <
            make_uuid_v7(from_micros(later * 1000), 0, y));
}

RC_GTEST_PROP(uuid, keeps_its_version_variant_and_shard_whatever_the_rest,
              (uint64_t random, const std::string& name)) {
  const auto shard = *rc::gen::inRange<uint16_t>(0, 4096);
  const auto when = from_micros(*rc::gen::inRange<int64_t>(0, 253'402'300'799'000'000));
  for (const auto& id : {make_uuid_v7(when, shard, random), make_uuid_v8(name, shard),
                         make_uuid_v8(name, shard, when)}) {
    RC_ASSERT(id.is_rfc_variant());
    RC_ASSERT(id.version() == 7u || id.version() == 8u);
    RC_ASSERT(id.rand_a() == shard);
  }
  RC_ASSERT(make_uuid_v8(name, shard, when).unix_millis() ==
            static_cast<uint64_t>(micros(when) / 1000));
}

RC_GTEST_PROP(uuid, never_trips_over_any_text, (const std::string& text)) {
  auto changed = to_string(uuid{});
  if (!text.empty())
    changed[text.size() % changed.size()] = text.front();
  for (const auto& tried : {text, changed})
    if (const auto id = parse_uuid(tried))
      RC_ASSERT(parse_uuid(to_string(*id)).value() == *id);
}

RC_GTEST_PROP(murmur2, partition_lies_within_the_count, (const std::string& key)) {
  const auto count = *rc::gen::inRange<uint32_t>(1, 4097);
  RC_ASSERT(partition_of_key(key, count) < count);
}

}  // namespace orrery
