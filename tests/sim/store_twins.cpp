#include "tests/sim/store_twins.hpp"

#include "tests/sim/world.hpp"

#include <algorithm>

namespace orrery::sim {

namespace {

failure away() { return {errc::unavailable, "the store is away"}; }
failure no_answer() { return {errc::in_doubt, "the answer was lost"}; }

}  // namespace

session_twin::session_twin(world& around, std::string node, const store_cut& cut,
                           std::shared_ptr<memory_state> state)
    : memory_journal(state),
      world_(around),
      node_(std::move(node)),
      cut_(cut),
      mine_(std::move(state)) {}

result<shard_tenure> session_twin::acquire(shard_id shard, std::string_view owner, time_point now) {
  if (cut_ == store_cut::requests || world_.strikes(world_.how.acquire_fails, "acquire failed"))
    return away();
  const bool lost =
      cut_ == store_cut::replies || world_.strikes(world_.how.acquire_fails, "acquire in doubt");
  auto tenure = memory_journal::acquire(shard, owner, now);
  if (tenure)
    world_.acquired(shard, tenure->epoch, node_);
  world_.await_point(node_, "acquired, not told");
  return lost ? result<shard_tenure>(no_answer()) : std::move(tenure);
}

result<shard_tenure> session_twin::inspect(shard_id shard) {
  if (cut_ != store_cut::none || world_.strikes(world_.how.acquire_fails, "inspect failed"))
    return away();
  return memory_journal::inspect(shard);
}

result<void> session_twin::mark_published(shard_id shard, epoch_t epoch, position_t upto) {
  if (cut_ == store_cut::requests)
    return away();
  return memory_journal::mark_published(shard, epoch, upto);
}

/// What comes of a commit, and whether it takes effect.
commit_report session_twin::plan(std::span<const shard_batch> batches, bool& applied) {
  const auto& how = world_.how;
  commit_report report;
  applied = true;
  if (cut_ == store_cut::requests || world_.strikes(how.commit_failed, "commit failed")) {
    applied = false;
    report.outcome = commit_outcome::failed;
  } else if (cut_ == store_cut::replies ||
             world_.strikes(how.commit_unknown, "commit unknown, applied")) {
    report.outcome = commit_outcome::unknown;
  } else if (world_.strikes(how.commit_unknown, "commit unknown, not applied")) {
    applied = false;
    report.outcome = commit_outcome::unknown;
  } else if (world_.strikes(how.commit_refused, "commit refused")) {
    applied = false;
    report.outcome = commit_outcome::refused;
    for (const auto& batch : batches)
      report.refused.push_back(batch.shard);
  }
  plan_stock(batches, report, applied);
  if (report.outcome != commit_outcome::done)
    report.detail = "a planned fault";
  return report;
}

/// The stock is another database, which may be away alone.
void session_twin::plan_stock(std::span<const shard_batch> batches, commit_report& report,
                              bool& applied) {
  const bool needed = std::any_of(batches.begin(), batches.end(),
                                  [](const shard_batch& batch) { return !batch.stock.empty(); });
  if (!needed || report.outcome != commit_outcome::done ||
      !world_.strikes(world_.how.stock_away, "stock away"))
    return;
  applied = false;
  report.outcome = commit_outcome::failed;
  for (const auto& batch : batches)
    if (!batch.stock.empty())
      report.unprepared.push_back(batch.shard);
}

commit_report session_twin::commit(std::span<const shard_batch> batches) {
  asked_ = true;
  world_.await_point(node_, "commit begun");
  bool applied = true;
  auto planned = plan(batches, applied);
  const auto planted = world_.how.planted;
  if (applied) {
    auto real = apply(batches);
    if (planned.outcome == commit_outcome::done || real.outcome != commit_outcome::done)
      planned = std::move(real);
  }
  world_.note(node_ + " commit " + std::to_string(static_cast<int>(planned.outcome)) + ' ' +
              planned.detail);
  world_.await_point(node_, "committed, not told");
  if ((planted == mistake::told_before_commit && planned.outcome == commit_outcome::failed) ||
      (planted == mistake::unknown_is_done && planned.outcome == commit_outcome::unknown))
    planned.outcome = commit_outcome::done;
  if (planted == mistake::unknown_is_failed && planned.outcome == commit_outcome::unknown)
    planned.outcome = commit_outcome::failed;
  return planned;
}

commit_report session_twin::apply(std::span<const shard_batch> batches) {
  const auto planted = world_.how.planted;
  std::vector<shard_batch> all(batches.begin(), batches.end());
  if (planted == mistake::offset_before_effect)
    run_ahead(all);
  if (planted == mistake::no_epoch_check)
    force_through(all);
  if (planted == mistake::insert_without_unique_key || planted == mistake::no_epoch_check)
    accept_known_ids(all);
  if (planted == mistake::stock_apart && world_.chance.hits(300))
    for (auto& batch : all)
      batch.stock.clear();
  if (planted == mistake::completion_apart) {
    catch_up_ends();
    hold_back_ends(all);
  }
  world_.watch.before(all, node_);
  auto report = memory_journal::commit(all);
  world_.watch.after(all, report);
  return report;
}

// Mistakes.

void session_twin::run_ahead(std::vector<shard_batch>& batches) const {
  for (auto& batch : batches)
    if (auto& next = batch.next[static_cast<size_t>(intake::tasks)];
        next < world_.kafka.end_of(intake::tasks, batch.shard))
      ++next;
}

/// As if nobody compared epochs: appended behind what the rightful owner wrote.
void session_twin::force_through(std::vector<shard_batch>& batches) {
  for (auto& batch : batches) {
    const auto now = memory_journal::inspect(batch.shard);
    if (!now)
      continue;
    const auto by = now->position.value - batch.expected.value;
    batch.epoch = now->epoch;
    batch.expected = now->position;
    for (auto& write : batch.writes)
      for (auto& event : write.events)
        event.position.value += by;
  }
}

void session_twin::accept_known_ids(std::vector<shard_batch>& batches) {
  for (auto& batch : batches)
    for (auto& write : batch.writes)
      write.insert = !mine_->entities.contains(id_of(write.state));
}

/// The event goes into the journal now, the row of the entity with the next commit.
void session_twin::hold_back_ends(std::vector<shard_batch>& batches) {
  for (auto& batch : batches) {
    shard_batch late{batch.shard, batch.epoch,  batch.last(), batch.next,
                     batch.next,  batch.counts, {},           {}};
    for (auto& write : batch.writes) {
      const auto known = mine_->entities.find(id_of(write.state));
      if (write.insert || !is_final(write.state) || known == mine_->entities.end())
        continue;
      late.writes.push_back({write.state, false, {}});
      write.state = known->second.state;
    }
    if (!late.writes.empty())
      late_rows_.push_back(std::move(late));
  }
}

void session_twin::catch_up_ends() {
  for (const auto& late : std::exchange(late_rows_, {}))
    (void)memory_journal::commit(std::span(&late, 1));
}

// Reading.

reader_twin::reader_twin(world& around, std::shared_ptr<memory_state> state)
    : memory_reader(std::move(state)), world_(around) {}

result<std::vector<entity>> reader_twin::load(std::span<const entity_id> ids) {
  auto found = memory_reader::load(ids);
  if (found && world_.how.planted == mistake::insert_without_unique_key && world_.chance.hits(300))
    found->clear();
  return found;
}

result<std::vector<due_row>> reader_twin::due(shard_id shard, time_point until,
                                              const due_cursor& after, size_t limit) {
  auto rows = memory_reader::due(shard, until, after, limit);
  if (rows && world_.how.planted == mistake::recovery_skips_running)
    std::erase_if(*rows, [](const due_row& row) {
      return row.kind == entity_kind::task &&
             row.status == static_cast<uint8_t>(task_status::running);
    });
  return rows;
}

store_twin::store_twin(world& around, std::string node, const memory_store& truth)
    : memory_store(state_of(truth)), world_(around), node_(std::move(node)) {}

std::unique_ptr<journal_store> store_twin::open_journal() {
  auto opened = std::make_unique<session_twin>(world_, node_, cut, state());
  session_ = opened.get();
  return opened;
}

std::unique_ptr<entity_store> store_twin::open_reader() {
  return std::make_unique<reader_twin>(world_, state());
}

result<void> store_twin::ping() {
  if (cut != store_cut::none)
    return away();
  return {};
}

}  // namespace orrery::sim
