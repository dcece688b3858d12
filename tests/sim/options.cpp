#include "tests/sim/options.hpp"

#include "base/check.hpp"

namespace orrery::sim {

namespace {

/// Each fault with its name and its highest rate.
struct fault_rate {
  const char* name;
  uint32_t options::*rate;
  uint32_t most;
};
/// Each kind of work beside the plain ones, with its name.
struct kind_of_work {
  const char* name;
  bool options::*wanted;
};
constexpr kind_of_work kinds_of_work[] = {
    {"flows", &options::flows},   {"keys", &options::keys},           {"limits", &options::limits},
    {"leases", &options::leases}, {"schedules", &options::schedules},
};
constexpr fault_rate fault_rates[] = {
    {"commit_failed", &options::commit_failed, 150},
    {"commit_unknown", &options::commit_unknown, 80},
    {"commit_refused", &options::commit_refused, 30},
    {"commit_slow", &options::commit_slow, 100},
    {"acquire_fails", &options::acquire_fails, 200},
    {"read_fails", &options::read_fails, 150},
    {"publish_fails", &options::publish_fails, 100},
    {"sink_holds", &options::sink_holds, 900},
    {"log_fails", &options::log_fails, 100},
    {"log_away", &options::log_away, 6},
    {"log_holds", &options::log_holds, 6},
    {"work_throws", &options::work_throws, 50},
    {"work_hangs", &options::work_hangs, 200},
    {"crash_at_await", &options::crash_at_await, 4},
    {"crashes", &options::crashes, 60},
    {"pauses", &options::pauses, 60},
    {"moves", &options::moves, 100},
    {"steals", &options::steals, 60},
    {"store_cuts", &options::store_cuts, 60},
    {"log_cuts", &options::log_cuts, 60},
    {"clock_jumps", &options::clock_jumps, 40},
    {"mesh_loses", &options::mesh_loses, 100},
    {"mesh_cuts", &options::mesh_cuts, 60},
};
/// Drawn last: what came before keeps its seeds.
constexpr fault_rate stock_faults[] = {
    {"stock_fails", &options::stock_fails, 150},
    {"stock_away", &options::stock_away, 200},
};

}  // namespace

std::string to_string(mistake planted) {
  switch (planted) {
    case mistake::none: return "none";
    case mistake::told_before_commit: return "told before commit";
    case mistake::offset_before_effect: return "offset before effect";
    case mistake::no_epoch_check: return "no epoch check";
    case mistake::marked_before_sent: return "marked before sent";
    case mistake::lease_by_wall_clock: return "lease by wall clock";
    case mistake::insert_without_unique_key: return "insert without unique key";
    case mistake::completion_apart: return "completion apart from its event";
    case mistake::unknown_is_done: return "unknown is done";
    case mistake::retry_without_key: return "retry without key";
    case mistake::recovery_skips_running: return "recovery skips what ran";
    case mistake::cancel_by_read_then_write: return "cancel by read, then write";
    case mistake::outbox_without_order: return "outbox without order";
    case mistake::stock_apart: return "stock apart from its event";
    case mistake::unknown_is_failed: return "unknown is failed";
  }
  CHECK(false, "every mistake has a name");
}

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
  how.commit_entities = chance.hits(300) ? 1 + chance.below(8) : 2000;
  // Each fault is absent from some runs, so that none hides what another does alone.
  const auto rate = [&](uint32_t most) {
    return chance.hits(500) ? static_cast<uint32_t>(chance.below(most + 1)) : 0U;
  };
  how.skew_max = duration{rate(200'000)};
  for (const auto& fault : fault_rates)
    how.*fault.rate = rate(fault.most);
  how.moves += 5;  // never none at all
  how.first_has_no_slots = chance.hits(400);
  for (const auto& kind : kinds_of_work)
    how.*kind.wanted = chance.hits(400);
  how.stock = chance.hits(500);
  for (const auto& fault : stock_faults)
    how.*fault.rate = rate(fault.most);
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
  add("commit_entities", how.commit_entities);
  add("skew_max_us", static_cast<uint64_t>(how.skew_max.count()));
  for (const auto& fault : fault_rates)
    add(fault.name, how.*fault.rate);
  if (how.planted != mistake::none)
    text += " planted=\"" + to_string(how.planted) + '"';
  add("first_has_no_slots", how.first_has_no_slots ? 1 : 0);
  for (const auto& kind : kinds_of_work)
    add(kind.name, how.*kind.wanted ? 1 : 0);
  add("stock", how.stock ? 1 : 0);
  for (const auto& fault : stock_faults)
    add(fault.name, how.*fault.rate);
  return text;
}

}  // namespace orrery::sim
