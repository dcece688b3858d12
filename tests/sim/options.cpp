#include "tests/sim/options.hpp"

namespace orrery::sim {

options options_of(uint64_t seed) {
  dice chance(seed);
  options how;
  how.seed = chance.next();
  how.nodes = static_cast<uint32_t>(2 + chance.below(2));
  how.shards = static_cast<uint32_t>(1 + chance.below(4));
  how.operations = static_cast<uint32_t>(60 + chance.below(120));
  how.length = chance.between(10s, 40s);
  how.slots_of_work = 1 + chance.below(8);
  how.in_flight = chance.hits(200) ? 4 : 300;
  // Each fault is absent from some runs, so that none hides what another does alone.
  const auto rate = [&](uint32_t most) {
    return chance.hits(500) ? static_cast<uint32_t>(chance.below(most + 1)) : 0U;
  };
  how.skew_max = duration{rate(200'000)};
  how.commit_failed = rate(150);
  how.commit_unknown = rate(80);
  how.commit_refused = rate(30);
  how.commit_slow = rate(100);
  how.acquire_fails = rate(200);
  how.read_fails = rate(150);
  how.publish_fails = rate(100);
  how.sink_holds = rate(900);
  how.log_fails = rate(100);
  how.log_away = rate(6);
  how.log_holds = rate(6);
  how.work_throws = rate(50);
  how.work_hangs = rate(200);
  how.crashes = rate(60);
  how.pauses = rate(60);
  how.moves = rate(100);
  how.steals = rate(60);
  how.moves += 5;  // never none at all
  how.mesh_loses = rate(100);
  how.mesh_cuts = rate(60);
  how.first_has_no_slots = chance.hits(400);
  return how;
}

std::string describe(const options& how) {
  std::string text;
  const auto add = [&](const char* name, uint64_t value) {
    text += ' ';
    text += name;
    text += '=' + std::to_string(value);
  };
  add("nodes", how.nodes);
  add("shards", how.shards);
  add("operations", how.operations);
  add("length_ms", static_cast<uint64_t>(how.length / 1ms));
  add("slots_of_work", how.slots_of_work);
  add("in_flight", how.in_flight);
  add("skew_max_us", static_cast<uint64_t>(how.skew_max.count()));
  add("commit_failed", how.commit_failed);
  add("commit_unknown", how.commit_unknown);
  add("commit_refused", how.commit_refused);
  add("commit_slow", how.commit_slow);
  add("acquire_fails", how.acquire_fails);
  add("read_fails", how.read_fails);
  add("publish_fails", how.publish_fails);
  add("sink_holds", how.sink_holds);
  add("log_fails", how.log_fails);
  add("log_away", how.log_away);
  add("log_holds", how.log_holds);
  add("work_throws", how.work_throws);
  add("work_hangs", how.work_hangs);
  add("crashes", how.crashes);
  add("pauses", how.pauses);
  add("moves", how.moves);
  add("steals", how.steals);
  add("mesh_loses", how.mesh_loses);
  add("mesh_cuts", how.mesh_cuts);
  add("first_has_no_slots", how.first_has_no_slots ? 1 : 0);
  return text;
}

}  // namespace orrery::sim
