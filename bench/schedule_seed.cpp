/// Fills a PostgreSQL store with schedules that are not due for long, to measure what they cost idle:
///
///     schedule_seed URL [count]      the tables that a node uses; the node must not run
///
/// Prints how long it took.

#include "persistence/postgres/postgres_store.hpp"

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <map>

namespace orrery {

namespace {

constexpr uint32_t shards = 16;
constexpr size_t batch_size = 2'000;

[[noreturn]] void give_up(const std::string& why) {
  std::fprintf(stderr, "schedule_seed: %s\n", why.c_str());
  std::exit(1);
}

/// One shard on its way: what is known of it and what is not yet committed.
struct seeded_shard {
  shard_tenure tenure;   ///< Its position: of the last event that was made.
  position_t committed;  ///< Of the last that is stored.
  shard_batch batch;
};

class seeder {
public:
  explicit seeder(store& where) : journal_(where.open_journal()) {
    for (uint16_t n = 0; n < shards; ++n) {
      const auto tenure = journal_->acquire(shard_id{n}, "seed", now_);
      if (!tenure)
        give_up(tenure.error().detail);
      shards_[n].tenure = *tenure;
      shards_[n].committed = tenure->position;
    }
    spec_.times.expressions = {"0 0 0 1 1 ? 2199"};
    auto made = fire_times::make(spec_.times, [](std::string_view) {
      return result<shared_zone>(std::make_shared<const zone_rules>());
    });
    if (!made)
      give_up(made.error().detail);
    times_ = std::make_shared<const fire_times>(std::move(*made));
    spec_.task.kind = "noop";
  }

  void add(size_t number) {
    spec_.name = "seeded-" + std::to_string(number);
    const auto id = id_of_schedule(spec_.name, shards);
    auto& shard = shards_.at(id.shard().value);
    auto decided = decide(std::nullopt, submit_schedule{spec_, times_}, now_);
    if (!decided)
      give_up(decided.error().detail);
    std::optional<schedule> state;
    entity_write write;
    write.insert = true;
    for (auto& event : decided->events) {
      evolve(state, id, event, now_);
      ++shard.tenure.position.value;
      write.events.push_back({shard.tenure.position, id, now_, entity_event{std::move(event)}});
    }
    write.state = std::move(*state);
    shard.batch.writes.push_back(std::move(write));
    if (shard.batch.writes.size() >= batch_size)
      commit(shard);
  }

  void finish() {
    for (auto& [number, shard] : shards_)
      if (!shard.batch.writes.empty())
        commit(shard);
    // Else the node would tell of each in the status topic first, and that is not idle.
    for (auto& [number, shard] : shards_)
      if (auto ok =
              journal_->mark_published(shard.tenure.shard, shard.tenure.epoch, shard.committed);
          !ok)
        give_up(ok.error().detail);
  }

private:
  void commit(seeded_shard& shard) {
    auto batch = std::exchange(shard.batch, {});
    batch.shard = shard.tenure.shard;
    batch.epoch = shard.tenure.epoch;
    batch.expected = shard.committed;
    batch.expected_next = batch.next = shard.tenure.next;
    batch.counts = shard.tenure.counts;
    const auto report = journal_->commit(std::span(&batch, 1));
    if (report.outcome != commit_outcome::done)
      give_up(report.detail);
    shard.committed = shard.tenure.position;
  }

  const time_point now_ = std::chrono::time_point_cast<duration>(std::chrono::system_clock::now());
  std::unique_ptr<journal_store> journal_;
  std::map<uint16_t, seeded_shard> shards_;
  schedule_spec spec_;
  shared_times times_;
};

}  // namespace

}  // namespace orrery

int main(int argc, char** argv) {
  using namespace orrery;
  if (argc < 2) {
    std::fprintf(stderr, "usage: schedule_seed URL [count]\n");
    return 2;
  }
  const size_t count = argc > 2 ? std::strtoul(argv[2], nullptr, 10) : 1'000'000;
  const auto opened = postgres_store::open(argv[1]);
  if (!opened)
    give_up(opened.error().detail);
  if (const auto migrated = (*opened)->migrate(shards); !migrated)
    give_up(migrated.error().detail);
  const auto began = std::chrono::steady_clock::now();
  seeder one(**opened);
  for (size_t n = 0; n < count; ++n)
    one.add(n);
  one.finish();
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - began;
  std::printf("%zu schedules in %.1f s\n", count, took.count());
  return 0;
}
