#include "persistence/sqlite/embedded_consumer.hpp"

#include "base/check.hpp"
#include "base/crash_point.hpp"
#include "base/log.hpp"
#include "base/worker.hpp"
#include "persistence/sqlite/embedded_log.hpp"
#include "persistence/sqlite/packed_records.hpp"

#include <algorithm>

namespace orrery {

namespace {

/// What is kept in memory for readers at the head; beyond, they read from the file.
constexpr size_t fresh_records_max = 50'000;
constexpr size_t fresh_bytes_max = 32 * 1024 * 1024;
/// Pause before the file is tried again after a failure.
constexpr duration retry_after = 1s;

size_t bytes_of(const log_record& r) { return r.key.size() + r.value.size() + sizeof(log_record); }

}  // namespace

result<embedded_ends> read_ends(sqlite_writer& writer, uint32_t shards) {
  embedded_ends ends(shards);
  auto ok = writer.read([&](sqlite::database& db) -> result<void> {
    auto last = db.prepared(
        "SELECT last_offset + 1 FROM intake_log WHERE topic = ? AND shard = ? "
        "ORDER BY first_offset DESC LIMIT 1");
    auto taken = db.prepared("SELECT next_orders, next_tasks FROM shards WHERE shard = ?");
    for (uint32_t shard = 0; shard < shards; ++shard) {
      const auto row = taken.add(int64_t{shard}).step();
      if (!row)
        return row.error();
      if (*row)
        ends[shard] = {taken.number(0), taken.number(1)};
      taken.reset();
      for (size_t topic = 0; topic < intakes; ++topic) {
        const auto found = last.add(static_cast<int64_t>(topic)).add(int64_t{shard}).step();
        if (!found)
          return found.error();
        if (*found)
          ends[shard][topic] = std::max(ends[shard][topic], last.number(0));
        last.reset();
      }
    }
    return {};
  });
  if (!ok)
    return std::move(ok).error();
  return ends;
}

embedded_consumer::embedded_consumer(std::shared_ptr<sqlite_writer> writer)
    : writer_(std::move(writer)) {}

embedded_consumer::~embedded_consumer() { close(); }

void embedded_consumer::prepared(uint32_t shards, const embedded_ends& ends) {
  {
    const std::lock_guard lock(guard_);
    places_.resize(shards);
    for (size_t shard = 0; shard < shards; ++shard)
      for (size_t topic = 0; topic < intakes; ++topic) {
        auto& end = places_[shard].seats[topic].end;
        end = std::max(end, ends[shard][topic]);
      }
  }
  wake_.notify_all();
}

void embedded_consumer::append(std::vector<appended_run> runs) {
  {
    const std::lock_guard lock(guard_);
    for (auto& run : runs) {
      auto& at = places_[run.shard.value];
      auto& to = at.seats[static_cast<size_t>(run.topic)];
      to.end = run.records.back().offset + 1;
      if (!at.started ||
          (!to.fresh.empty() && to.fresh.back().offset + 1 != run.records.front().offset))
        continue;  // its reader will come to them by the file
      for (auto& record : run.records) {
        if (fresh_records_ >= fresh_records_max || fresh_bytes_ >= fresh_bytes_max)
          break;
        ++fresh_records_;
        fresh_bytes_ += bytes_of(record);
        to.fresh.push_back(std::move(record));
      }
    }
  }
  wake_.notify_all();
}

result<void> embedded_consumer::open(intake_listener& listener) {
  const std::lock_guard lock(guard_);
  if (places_.empty())
    return failure{errc::unavailable, "the embedded log is not prepared"};
  CHECK(listener_ == nullptr, "a consumer is opened once");
  listener_ = &listener;
  closing_ = false;
  thread_ = std::thread([this] { run(); });
  return {};
}

void embedded_consumer::start(shard_id shard, const intake_offsets& next, epoch_t tenure) {
  {
    const std::lock_guard lock(guard_);
    if (listener_ == nullptr || shard.value >= places_.size())
      return;
    auto& at = places_[shard.value];
    at.started = true;
    at.tenure = tenure;
    ++at.starts;
    for (size_t topic = 0; topic < intakes; ++topic) {
      at.seats[topic].next = next[topic];
      forget_fresh(at.seats[topic], at.seats[topic].end);
    }
  }
  wake_.notify_all();
}

void embedded_consumer::pause(shard_id shard) {
  const std::lock_guard lock(guard_);
  if (shard.value < places_.size())
    places_[shard.value].paused = true;
}

void embedded_consumer::resume(shard_id shard) {
  {
    const std::lock_guard lock(guard_);
    if (shard.value >= places_.size())
      return;
    places_[shard.value].paused = false;
  }
  wake_.notify_all();
}

result<intake_offsets> embedded_consumer::end(shard_id shard, duration /*timeout*/) {
  const std::lock_guard lock(guard_);
  if (places_.empty())
    return failure{errc::unavailable, "the embedded log is not prepared"};
  if (shard.value >= places_.size())
    return failure{errc::invalid, "no such shard: " + std::to_string(shard.value)};
  const auto& seats = places_[shard.value].seats;
  return intake_offsets{seats[0].end, seats[1].end};
}

void embedded_consumer::close() {
  {
    const std::lock_guard lock(guard_);
    if (listener_ == nullptr)
      return;
    closing_ = true;
  }
  wake_.notify_all();
  if (thread_.joinable())
    thread_.join();
  const std::lock_guard lock(guard_);
  listener_ = nullptr;
  for (auto& at : places_) {
    at.started = at.paused = false;
    for (auto& each : at.seats)
      forget_fresh(each, each.end);
  }
}

void embedded_consumer::run() {
  name_this_thread("log-reader");
  std::vector<shard_id> all;
  std::unique_lock lock(guard_);
  for (size_t shard = 0; shard < places_.size(); ++shard)
    all.emplace_back(static_cast<uint16_t>(shard));
  auto& listener = *listener_;
  lock.unlock();
  reach(crash_point::rebalance);
  listener.assigned(all);
  lock.lock();
  while (!closing_)
    if (!deliver_one(lock))
      wake_.wait(lock);
  lock.unlock();
  db_.reset();
  listener.revoked(all, false);
}

/// Hands over the next batch of whoever's turn it is; false where nobody has any.
bool embedded_consumer::deliver_one(std::unique_lock<std::mutex>& lock) {
  const auto seats = places_.size() * intakes;
  for (size_t tried = 0; tried < seats; ++tried) {
    const auto number = turn_++ % seats;
    const shard_id shard{static_cast<uint16_t>(number / intakes)};
    const auto topic = number % intakes;
    auto& at = places_[shard.value];
    auto& from = at.seats[topic];
    if (!at.started || at.paused || from.next >= from.end)
      continue;
    std::vector<log_record> batch;
    forget_fresh(from, from.next);
    if (!from.fresh.empty() && from.fresh.front().offset == from.next) {
      batch = take_fresh(from);
    } else {
      const auto starts = at.starts;
      const auto next = from.next;
      const auto end = from.end;
      lock.unlock();
      auto records = read(static_cast<intake>(topic), shard, next);
      lock.lock();
      if (!records) {
        give_up(lock, records.error());
        return true;
      }
      if (at.starts != starts || at.paused || closing_)
        return true;  // the world has changed meanwhile; what was read is read again
      if (records->empty()) {
        // Nothing there although the partition reaches further: it was swept away.
        from.next = end;
        return true;
      }
      batch = std::move(*records);
    }
    from.next = batch.back().offset + 1;
    const auto tenure = at.tenure;
    lock.unlock();
    listener_->records(shard, tenure, std::move(batch));
    lock.lock();
    return true;
  }
  return false;
}

std::vector<log_record> embedded_consumer::take_fresh(seat& from) {
  const auto count = std::min(from.fresh.size(), embedded_log::batch_records_max);
  std::vector<log_record> batch;
  batch.reserve(count);
  for (size_t i = 0; i < count; ++i) {
    fresh_bytes_ -= bytes_of(from.fresh.front());
    batch.push_back(std::move(from.fresh.front()));
    from.fresh.pop_front();
  }
  fresh_records_ -= count;
  return batch;
}

void embedded_consumer::forget_fresh(seat& from, int64_t before) {
  while (!from.fresh.empty() && from.fresh.front().offset < before) {
    fresh_bytes_ -= bytes_of(from.fresh.front());
    --fresh_records_;
    from.fresh.pop_front();
  }
}

result<std::vector<log_record>> embedded_consumer::read(intake topic, shard_id shard,
                                                        int64_t from) {
  if (!db_) {
    auto opened = sqlite::database::open(writer_->file(), sqlite::access::read, writer_->options());
    if (!opened)
      return std::move(opened).error();
    db_ = std::move(*opened);
  }
  // Rows do not overlap, so the one that holds `from` is the last that begins at or before it.
  auto q = db_->prepared(
      "SELECT first_offset, last_offset, data FROM intake_log WHERE topic = ?1 AND shard = ?2 "
      "AND last_offset >= ?3 AND first_offset >= coalesce((SELECT max(first_offset) "
      "FROM intake_log WHERE topic = ?1 AND shard = ?2 AND first_offset <= ?3), 0) "
      "ORDER BY first_offset");
  q.add(static_cast<int64_t>(topic)).add(int64_t{shard.value}).add(from);
  std::vector<log_record> records;
  while (records.size() < embedded_log::batch_records_max) {
    const auto row = q.step();
    if (!row)
      return row.error();
    if (!*row)
      break;
    if (auto ok = sqlite::unpack_records(q.bytes(2), topic, shard, q.number(0), q.number(1), from,
                                         records);
        !ok)
      return std::move(ok).error();
  }
  if (records.size() > embedded_log::batch_records_max)
    records.resize(embedded_log::batch_records_max);
  return records;
}

/// Waits a little and lets the caller try again; what is corrupt stays so, and the node must stop.
void embedded_consumer::give_up(std::unique_lock<std::mutex>& lock, const failure& why) {
  db_.reset();
  log::warning("embedded_log.read_failed", {{"detail", why.detail}});
  if (why.code == errc::corrupt) {
    lock.unlock();
    listener_->failed(why);
    lock.lock();
    wake_.wait(lock, [this] { return closing_; });
    return;
  }
  wake_.wait_for(lock, retry_after, [this] { return closing_; });
}

}  // namespace orrery
