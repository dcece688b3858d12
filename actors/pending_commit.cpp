#include "actors/pending_commit.hpp"

#include "actors/messages.hpp"
#include "base/check.hpp"
#include "codec/stock.hpp"
#include "domain/flow.hpp"

namespace orrery::actors {

namespace {

/// Attempts begun and ended: a release may hold several events of a life.
void count_attempts(attempt_ledger& ledger, const commit_release& release) {
  bool running = release.status_before == static_cast<uint8_t>(task_status::running);
  for (const auto& record : release.events)
    running = ledger.note(running, std::get<task_event>(record.event));
}

void count(status_counts& counts, const commit_release& release) {
  const auto& state = *release.state;
  const auto move = [&](auto& table) {
    if (release.status_before)
      --table[*release.status_before];
    if (!release.erased)
      ++table[status_of(state)];
  };
  if (kind_of(state) == entity_kind::task) {
    move(counts.tasks);
    count_attempts(counts.attempts, release);
  } else if (kind_of(state) == entity_kind::order) {
    move(counts.orders);
  }
}

}  // namespace

pending_commit::pending_commit(const shard_tenure& tenure, std::function<void(commit_note)> notify)
    : shard_(tenure.shard), epoch_(tenure.epoch), notify_(std::move(notify)) {
  next_.shard = tenure.shard;
  next_.epoch = tenure.epoch;
  next_.expected = tenure.position;
  next_.expected_next = next_.next = tenure.next;
  next_.counts = tenure.counts;
}

void pending_commit::count_queue(const commit_release& release) {
  const auto& t = std::get<task>(*release.state);
  const auto is_of = [&](const queue_counts& one) {
    return one.queue == t.spec->queue && one.task_kind == t.spec->kind;
  };
  auto& moved = next_.moved;
  if (last_moved_ >= moved.size() || !is_of(moved[last_moved_])) {
    auto name = t.spec->queue + '\0' + t.spec->kind;
    const auto [place, fresh] = moved_index_.try_emplace(std::move(name), moved.size());
    if (fresh)
      moved.push_back({t.spec->queue, t.spec->kind, {}});
    last_moved_ = place->second;
  }
  auto& tasks = moved[last_moved_].tasks;
  if (release.status_before)
    --tasks[*release.status_before];
  if (!release.erased)
    ++tasks[static_cast<size_t>(t.status)];
}

/// The success of a built-in step is one commit with what it moves in the stock.
void pending_commit::note_stock(const commit_release& release) {
  const auto& t = std::get<task>(*release.state);
  const auto succeeded = static_cast<uint8_t>(task_status::succeeded);
  if (t.status != task_status::succeeded || release.status_before == succeeded || release.erased ||
      !is_stock_kind(t.spec->kind))
    return;
  stock_movement moved;
  moved.task = t.id;
  moved.order = t.spec->parent;
  moved.release = t.spec->kind == kind_stock_release;
  if (const auto wish = codec::read_stock_payload(t.spec->payload, false)) {
    moved.product = wish->product;
    moved.reservation = wish->reservation;
  }
  next_.stock.push_back(std::move(moved));
}

bool pending_commit::add(commit_release release) {
  const std::lock_guard lock(guard_);
  take_in(std::move(release));
  return enlists();
}

bool pending_commit::add(std::vector<commit_release> unit) {
  const std::lock_guard lock(guard_);
  for (auto& release : unit)
    take_in(std::move(release));
  return enlists();
}

void pending_commit::take_in(commit_release release) {
  ordinal_ = release.ordinal;
  dirty_ = true;
  if (release.answered)
    next_.next[static_cast<size_t>(release.answered->topic)] = release.answered->offset + 1;
  if (release.letter)
    next_.dead_letters.push_back(std::move(*release.letter));
  if (release.state) {
    count(next_.counts, release);
    if (kind_of(*release.state) == entity_kind::task) {
      count_queue(release);
      note_stock(release);
    }
    const auto [place, fresh] = index_.try_emplace(id_of(*release.state), next_.writes.size());
    if (fresh) {
      next_.writes.push_back({std::move(*release.state), !release.status_before.has_value(),
                              std::move(release.events), release.erased});
    } else {
      auto& write = next_.writes[place->second];
      write.state = std::move(*release.state);
      write.events.insert(write.events.end(), std::make_move_iterator(release.events.begin()),
                          std::make_move_iterator(release.events.end()));
    }
  }
}

bool pending_commit::enlists() {
  if (stage_ != stage::idle)
    return false;
  stage_ = stage::enlisted;
  return true;
}

sealed_commit pending_commit::seal() {
  const std::lock_guard lock(guard_);
  CHECK(stage_ == stage::enlisted, "one batch of a shard is with the writer at a time");
  stage_ = stage::sealed;
  dirty_ = false;
  index_.clear();
  moved_index_.clear();
  last_moved_ = 0;
  sealed_commit sealed{std::move(next_), ordinal_};
  next_ = {};
  next_.shard = shard_;
  next_.epoch = epoch_;
  next_.expected = sealed.batch.last();
  next_.expected_next = next_.next = sealed.batch.next;
  next_.counts = sealed.batch.counts;
  return sealed;
}

bool pending_commit::finish() {
  const std::lock_guard lock(guard_);
  stage_ = dirty_ ? stage::enlisted : stage::idle;
  return dirty_;
}

size_t pending_commit::size() const {
  const std::lock_guard lock(guard_);
  return next_.writes.size();
}

void pending_commit::notify(const commit_note& note) const { notify_(note); }

}  // namespace orrery::actors
