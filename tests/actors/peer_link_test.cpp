#include "actors/peer_link.hpp"

#include "codec/peer_messages.hpp"

#include <gtest/gtest.h>
#include <random>

namespace orrery::actors {
namespace {

using instant = peer_link::instant;

/// Two ends and what is on its way between them: packets and receipts may be lost or late.
class pair_of_links {
public:
  explicit pair_of_links(uint64_t seed) : chance(seed) {}

  struct side {
    std::optional<peer_link> link;
    uint64_t said = 0;
    std::vector<uint64_t> heard = {};  ///< Since the last break.
    uint64_t breaks = 0;
    std::optional<instant> receipt_fails_at = {};
  };

  void say(side& from) { from.link->say(peer::borrow{std::to_string(++from.said), 1}); }

  void broke(side& at) {
    ++at.breaks;
    at.heard.clear();
  }

  void exchange(side& from, side& to) {
    if (from.receipt_fails_at && *from.receipt_fails_at <= now) {
      from.receipt_fails_at.reset();
      if (from.link->answered(failure{errc::unavailable, "lost"}, now))
        broke(from);
    }
    auto packet = from.link->next_packet(now);
    if (!packet)
      return;
    if (hits(loss)) {
      from.receipt_fails_at = now + 100ms;
      return;
    }
    deliver(*packet, to, &from);
  }

  void deliver(const std::string& bytes, side& to, side* from) {
    auto told = to.link->packet(*codec::decode_peer_packet(bytes), now);
    if (told.broke)
      broke(to);
    for (const auto& message : told.messages)
      to.heard.push_back(std::stoull(std::get<peer::borrow>(message).kind));
    for (size_t i = 1; i < to.heard.size(); ++i)
      ASSERT_EQ(to.heard[i], to.heard[i - 1] + 1) << "each once, in order";
    if (hits(100))
      old_packets.push_back(bytes);
    if (from == nullptr)
      return;
    if (hits(loss))
      from->receipt_fails_at = now + 100ms;
    else if (from->link->answered(told.receipt, now))
      broke(*from);
  }

  void look(side& at) {
    if (at.link->look(now))
      broke(at);
  }

  bool hits(uint32_t per_mille) { return chance() % 1000 < per_mille; }

  std::mt19937_64 chance;
  uint32_t loss = 0;
  instant now{std::chrono::hours(1)};
  side a{peer_link("a", 1, {}, instant{std::chrono::hours(1)})};
  side b{peer_link("b", 1, {}, instant{std::chrono::hours(1)})};
  std::vector<std::string> old_packets;
};

/// Found by the simulator (seed 227): an old packet makes one of two that begin anew know a session that is over. Each then
/// broke the other's session by the news of its own, in step and for ever.
TEST(peer_link, two_that_begin_anew_while_their_packets_cross_come_together) {
  instant now{std::chrono::hours(1)};
  peer_link a("a", 100, {}, now);
  peer_link b("b", 10, {}, now);
  const auto decoded = [](const std::string& bytes) { return *codec::decode_peer_packet(bytes); };
  const auto old = b.next_packet(now);
  ASSERT_TRUE(old);
  now += 3s;
  std::ignore = b.answered(failure{errc::unavailable, "late"}, now);
  std::ignore = b.look(now);  // another session
  auto from_a = a.next_packet(now);
  a.packet(decoded(*old), now);
  auto from_b = b.next_packet(now);
  for (int step = 0; step < 100 && !(a.is_up() && b.is_up()); ++step, now += 10ms) {
    const auto on_its_way_to_b = std::exchange(from_a, std::nullopt);
    if (on_its_way_to_b) {
      const auto told = b.packet(decoded(*on_its_way_to_b), now);
      std::ignore = a.answered(told.receipt, now);
    }
    from_a = a.next_packet(now);
    if (from_b) {
      const auto told = a.packet(decoded(*from_b), now);
      std::ignore = b.answered(told.receipt, now);
    }
    from_b = b.next_packet(now);
  }
  EXPECT_TRUE(a.is_up());
  EXPECT_TRUE(b.is_up());
}

// Found by the simulator: two that began in the same microsecond, each step's packets and receipts crossing.
TEST(peer_link, two_whose_sessions_are_nearly_the_same_come_together_however_they_cross) {
  for (uint64_t lead = 0; lead < 3; ++lead)
    for (int late = 0; late < 8; ++late) {
      instant now{std::chrono::hours(1)};
      peer_link a("a", 100, {}, now);
      peer_link b("b", 100 + lead, {}, now);
      struct on_its_way {
        std::optional<std::string> packet = {};
        std::optional<peer_receipt> receipt = {};
      };
      on_its_way to_a{{}, {}};
      on_its_way to_b{{}, {}};
      const auto arrive = [&](peer_link& at, on_its_way& came, on_its_way& back,
                              bool receipt_first) {
        const auto [packet, receipt] = std::exchange(came, {});
        const auto hear_receipt = [&] {
          if (receipt)
            std::ignore = at.answered(*receipt, now);
        };
        if (receipt_first)
          hear_receipt();
        auto own = at.next_packet(now);
        if (packet)
          back.receipt = at.packet(*codec::decode_peer_packet(*packet), now).receipt;
        if (!receipt_first)
          hear_receipt();
        back.packet = std::move(own);
      };
      int ups = 0;
      for (int step = 0; step < 200; ++step, now += 50ms) {
        on_its_way from_a;
        on_its_way from_b;
        arrive(a, to_a, from_a, (late & 1) != 0);
        if (step > 0 || (late & 4) == 0)
          arrive(b, to_b, from_b, (late & 2) != 0);
        to_a = std::move(from_b);
        to_b = std::move(from_a);
        if (step == 40) {  // each has been silent for too long
          now += 3s;
          std::ignore = a.look(now);
          std::ignore = b.look(now);
        }
        ups = a.is_up() && b.is_up() ? ups + 1 : 0;
      }
      EXPECT_GT(ups, 100) << lead << ' ' << late;
    }
}

TEST(peer_link, what_is_said_is_heard_once_and_in_order_however_much_is_lost) {
  for (uint64_t seed = 1; seed <= 50; ++seed) {
    pair_of_links pair(seed);
    pair.loss = static_cast<uint32_t>(seed % 5) * 60;
    for (int step = 0; step < 3000; ++step) {
      pair.now += 5ms;
      if (pair.hits(200) && pair.a.link->is_up())
        pair.say(pair.a);
      if (pair.hits(200) && pair.b.link->is_up())
        pair.say(pair.b);
      pair.exchange(pair.a, pair.b);
      pair.exchange(pair.b, pair.a);
      pair.look(pair.a);
      pair.look(pair.b);
    }
    pair.loss = 0;
    for (int step = 0; step < 200; ++step) {
      pair.now += 5ms;
      pair.exchange(pair.a, pair.b);
      pair.exchange(pair.b, pair.a);
    }
    EXPECT_TRUE(pair.a.link->is_up() && pair.b.link->is_up()) << "seed " << seed;
    EXPECT_EQ(pair.a.link->waiting(), 0u);
    if (pair.a.breaks == 0 && pair.b.breaks == 0 && pair.a.said > 0) {
      EXPECT_EQ(pair.b.heard.back(), pair.a.said) << "seed " << seed;
    }
  }
}

// Found by the simulator, seed 825: what was said under the number of the empty packet was taken for it.
TEST(peer_link, what_is_said_after_an_empty_packet_whose_receipt_was_lost_is_heard) {
  pair_of_links pair(1);
  for (int i = 0; i < 10; ++i) {
    pair.now += 20ms;
    pair.exchange(pair.a, pair.b);
    pair.exchange(pair.b, pair.a);
  }
  ASSERT_TRUE(pair.a.link->is_up());
  pair.now += 1s;
  const auto empty = pair.a.link->next_packet(pair.now);
  ASSERT_TRUE(empty);
  pair.deliver(*empty, pair.b, nullptr);
  ASSERT_FALSE(pair.a.link->answered(failure{errc::unavailable, "lost"}, pair.now));
  pair.say(pair.a);
  for (int i = 0; i < 10; ++i) {
    pair.now += 100ms;
    pair.exchange(pair.a, pair.b);
  }
  EXPECT_EQ(pair.b.heard, std::vector<uint64_t>{1});
  EXPECT_EQ(pair.a.link->waiting(), 0u);
}

TEST(peer_link, when_one_side_breaks_the_other_breaks_too) {
  for (uint64_t seed = 1; seed <= 50; ++seed) {
    pair_of_links pair(seed);
    const auto run = [&](duration length) {
      for (duration spent{}; spent < length; spent += 20ms) {
        pair.now += 20ms;
        pair.exchange(pair.a, pair.b);
        pair.exchange(pair.b, pair.a);
        pair.look(pair.a);
        pair.look(pair.b);
      }
    };
    run(1s);
    ASSERT_TRUE(pair.a.link->is_up());
    pair.loss = 1000;
    run(seed % 2 == 0 ? 5s : 2s + std::chrono::milliseconds(seed));
    pair.loss = 0;
    run(5s);
    EXPECT_TRUE(pair.a.link->is_up() && pair.b.link->is_up()) << "seed " << seed;
    EXPECT_EQ(pair.a.breaks > 0, pair.b.breaks > 0) << "seed " << seed;
  }
}

TEST(peer_link, old_packets_change_nothing) {
  pair_of_links pair(3);
  const auto run = [&](int steps) {
    for (int i = 0; i < steps; ++i) {
      pair.now += 20ms;
      if (pair.a.link->is_up())
        pair.say(pair.a);
      pair.exchange(pair.a, pair.b);
      pair.exchange(pair.b, pair.a);
      pair.look(pair.a);
      pair.look(pair.b);
    }
  };
  run(300);
  ASSERT_FALSE(pair.old_packets.empty());
  const auto heard = pair.b.heard;
  for (const auto& bytes : std::vector<std::string>(pair.old_packets)) {
    const auto packet = *codec::decode_peer_packet(bytes);
    pair.deliver(bytes, packet.from == "a" ? pair.b : pair.a, nullptr);
  }
  EXPECT_EQ(pair.b.heard, heard);
  EXPECT_EQ(pair.a.breaks + pair.b.breaks, 0u);
}

TEST(peer_link, a_peer_that_began_anew_breaks_the_session) {
  pair_of_links pair(1);
  const auto run = [&] {
    for (int i = 0; i < 100; ++i) {
      pair.now += 20ms;
      pair.exchange(pair.a, pair.b);
      pair.exchange(pair.b, pair.a);
    }
  };
  run();
  ASSERT_TRUE(pair.a.link->is_up());
  pair.b.link.emplace("b", 1000, peer_times{}, pair.now);  // restarted, quicker than the lease
  run();
  EXPECT_EQ(pair.a.breaks, 1u);
  EXPECT_TRUE(pair.a.link->is_up() && pair.b.link->is_up());
}

TEST(peer_link, a_packet_stays_below_what_the_mesh_carries) {
  pair_of_links pair(1);
  for (int i = 0; i < 10; ++i) {
    pair.now += 20ms;
    pair.exchange(pair.a, pair.b);
    pair.exchange(pair.b, pair.a);
  }
  work_item item;
  item.payload.assign(limits::payload_bytes, 'x');
  for (int i = 0; i < 20; ++i)
    pair.a.link->say(peer::start{item});
  size_t packets = 0;
  while (pair.a.link->waiting() > 0) {
    const auto packet = pair.a.link->next_packet(pair.now);
    ASSERT_TRUE(packet);
    EXPECT_LT(packet->size(), 1024u * 1024);
    EXPECT_FALSE(pair.a.link->answered(
        pair.b.link->packet(*codec::decode_peer_packet(*packet), pair.now).receipt, pair.now));
    ++packets;
  }
  EXPECT_GE(packets, 6u);
}

}  // namespace
}  // namespace orrery::actors
