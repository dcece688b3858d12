/// What one connection of the PostgreSQL store takes: finished tasks per second (one insert with
/// three events each) and updates per second. Run by hand:
///
///     postgres_commit URL [seconds]      the database's tables are made, and filled, in schema
///     `bench`
///
/// Prints one line per case: rate, the share of the time spent encoding, and the server's µs per
/// task.

#include "codec/stored.hpp"
#include "persistence/postgres/commit_rows.hpp"
#include "persistence/postgres/postgres_store.hpp"
#include "tests/contract/store/store_batches.hpp"

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <ctime>

namespace orrery {

namespace {

using test::noon;
using test::shard_owner;
using seconds = std::chrono::duration<double>;

/// CPU seconds of this process so far: what other programs on the machine do not disturb.
double own_cpu() {
  timespec now{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

double since(std::chrono::steady_clock::time_point from) {
  return seconds(std::chrono::steady_clock::now() - from).count();
}

task_spec a_task(bool tagged) {
  task_spec spec;
  spec.kind = "http";
  spec.payload =
      R"({"url":"http://127.0.0.1:8080/work","customer":"c-000123","amount":42.5,"n":7})";
  if (tagged)
    spec.tags = {"region-eu", "nightly"};
  return spec;
}

/// The encoding of a batch alone, as the store does it.
double encoding(const std::vector<shard_batch>& batches) {
  const auto from = own_cpu();
  std::string rows;
  for (const auto& batch : batches) {
    for (const auto& write : batch.writes)
      postgres::append_copy_row(rows, batch.shard, write);
    const auto events = postgres::events_in_order(batch);
    rows += codec::encode_journal(events);
  }
  return own_cpu() - from;
}

void must(const commit_report& report) {
  if (report.outcome == commit_outcome::done)
    return;
  std::fprintf(stderr, "commit: %s\n", report.detail.c_str());
  std::exit(1);
}

shard_owner own(journal_store& journal, uint16_t shard) {
  const auto tenure = journal.acquire(shard_id{shard}, "bench", noon);
  if (!tenure) {
    std::fprintf(stderr, "acquire: %s\n", tenure.error().detail.c_str());
    std::exit(1);
  }
  return shard_owner(shard_id{shard}, *tenure);
}

/// Batches are made before the clock runs; `shards` of them share each commit. Times lie `when`
/// hours after the first, so that ids do not meet those of another case.
void inserts(store& s, size_t batch_size, uint16_t shards, double limit, bool tagged, int when) {
  const auto journal = s.open_journal();
  std::vector<shard_owner> owners;
  for (uint16_t i = 0; i < shards; ++i)
    owners.push_back(own(*journal, i));
  size_t committed = 0;
  double busy = 0;
  double encode = 0;
  double cpu = 0;
  for (int64_t round = 0; busy < limit; ++round) {
    std::vector<shard_batch> batches;
    for (auto& owner : owners) {
      for (size_t i = 0; i < batch_size / shards; ++i)
        owner.finished(a_task(tagged), noon + 1h * when + 1ms * round);
      batches.push_back(owner.seal());
      committed += batches.back().writes.size();
    }
    encode += encoding(batches);
    const auto from = std::chrono::steady_clock::now();
    const auto cpu_from = own_cpu();
    must(journal->commit(batches));
    cpu += own_cpu() - cpu_from;
    busy += since(from);
    if (round % 50 == 0)  // the owner of a test remembers everything
      for (uint16_t i = 0; i < shards; ++i)
        owners[i] = own(*journal, i);
  }
  std::printf(
      "insert  %5zu tasks in %2u shards%s: %7.0f/s, commit %6.2f ms; us/task: %5.1f in all,"
      " of which own CPU %4.1f, of which encoding %4.1f\n",
      batch_size, shards, tagged ? ", tagged" : "", static_cast<double>(committed) / busy,
      busy * 1000 * static_cast<double>(batch_size) / static_cast<double>(committed),
      busy * 1e6 / static_cast<double>(committed), cpu * 1e6 / static_cast<double>(committed),
      encode * 1e6 / static_cast<double>(committed));
}

void updates(store& s, size_t batch_size, double limit, int when) {
  const auto journal = s.open_journal();
  auto owner = own(*journal, 0);
  std::vector<entity_id> ids;
  for (size_t i = 0; i < batch_size * 40; ++i)
    ids.push_back(owner.submit(a_task(false), noon + 1h * when));
  must(journal->commit(std::vector{owner.seal()}));
  size_t updated = 0;
  double busy = 0;
  for (size_t next = 0; busy < limit; next = (next + batch_size) % ids.size()) {
    for (size_t i = 0; i < batch_size; ++i) {
      const auto& state = owner.task_of(ids[next + i]);
      if (state.status == task_status::paused)
        owner.apply(state.id, task_command{resume_task{}}, noon + 1h * when);
      else
        owner.apply(state.id, task_command{pause_task{"bench"}}, noon + 1h * when);
    }
    const auto batch = owner.seal();
    const auto from = std::chrono::steady_clock::now();
    must(journal->commit(std::vector{batch}));
    busy += since(from);
    updated += batch_size;
  }
  std::printf("update  %5zu tasks: %7.0f/s, commit %6.2f ms\n", batch_size,
              static_cast<double>(updated) / busy,
              busy * 1000 * static_cast<double>(batch_size) / static_cast<double>(updated));
}

}  // namespace

}  // namespace orrery

int main(int argc, char** argv) {
  using namespace orrery;
  if (argc < 2) {
    std::fprintf(stderr, "usage: postgres_commit URL [seconds [batch]]\n");
    return 2;
  }
  const double limit = argc > 2 ? std::atof(argv[2]) : 3;
  postgres_options options;
  options.schema = "bench";
  const auto opened = postgres_store::open(argv[1], options);
  if (!opened)
    return 2;
  auto& s = **opened;
  if (const auto migrated = s.migrate(16); !migrated) {
    std::fprintf(stderr, "%s\n", migrated.error().detail.c_str());
    return 1;
  }
  int when = static_cast<int>(std::time(nullptr) % 100'000) * 20;
  if (argc > 3) {
    inserts(s, std::strtoul(argv[3], nullptr, 10), 1, limit, false, when);
    return 0;
  }
  for (const size_t batch : {1UL, 20UL, 300UL, 1000UL, 2000UL})
    inserts(s, batch, 1, limit, false, when++);
  inserts(s, 2000, 16, limit, false, when++);
  inserts(s, 1000, 1, limit, true, when++);
  updates(s, 1, limit, when++);
  updates(s, 200, limit, when++);
  updates(s, 1000, limit, when++);
  return 0;
}
