#include "actors/journal_writer.hpp"

#include "base/worker.hpp"

namespace orrery::actors {

journal_writer::journal_writer(store& where, const clock& time, writer_options options)
    : steps_(where, where.open_journal(), time, std::move(options)) {
  thread_ = std::jthread([this] {
    name_this_thread("journal");
    run();
  });
}

journal_writer::~journal_writer() { stop(); }

void journal_writer::stop() {
  steps_.stop();
  wake();
  if (thread_.joinable())
    thread_.join();
}

void journal_writer::enlist(std::shared_ptr<pending_commit> pending) {
  steps_.enlist(std::move(pending));
  wake();
}

void journal_writer::acquire(shard_id shard, std::function<void(result<shard_tenure>)> done) {
  steps_.acquire(shard, std::move(done));
  wake();
}

void journal_writer::withdraw(shard_id shard) { steps_.withdraw(shard); }

void journal_writer::mark_published(shard_id shard, epoch_t epoch, position_t upto) {
  steps_.mark_published(shard, epoch, upto);
}

void journal_writer::mark_copied(shard_id shard, std::vector<int64_t> numbers) {
  steps_.mark_copied(shard, std::move(numbers));
}

void journal_writer::wake() {
  {
    const std::lock_guard lock(guard_);
    woken_ = true;
  }
  wake_.notify_one();
}

void journal_writer::run() {
  while (!steps_.ended()) {
    const auto now = commit_steps::instant::clock::now();
    const auto next = steps_.step(now);
    if (next <= now)
      continue;
    std::unique_lock lock(guard_);
    wake_.wait_until(lock, next, [this] { return woken_; });
    woken_ = false;
  }
}

}  // namespace orrery::actors
