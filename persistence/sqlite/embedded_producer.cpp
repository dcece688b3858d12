#include "persistence/sqlite/embedded_producer.hpp"

#include "base/crash_point.hpp"
#include "base/log.hpp"
#include "base/worker.hpp"
#include "persistence/sqlite/packed_records.hpp"

#include <algorithm>

namespace orrery {

namespace {

/// A row holds at most about this much, so that reading from its middle stays cheap.
constexpr size_t row_records_max = 1'000;
constexpr size_t row_bytes_max = 1024 * 1024;

size_t bytes_of(const log_message& m) {
  size_t bytes = m.key.size() + m.value.size();
  for (const auto& header : m.headers)
    bytes += header.name.size() + header.value.size();
  return bytes;
}

size_t bytes_of(const std::vector<log_message>& messages) {
  size_t bytes = 0;
  for (const auto& m : messages)
    bytes += bytes_of(m);
  return bytes;
}

}  // namespace

embedded_producer::embedded_producer(std::shared_ptr<sqlite_writer> writer,
                                     embedded_consumer& consumer, const embedded_log_options& how)
    : writer_(std::move(writer)),
      consumer_(consumer),
      how_(how),
      sweep_at_(how.rows_kept),
      thread_([this] { run(); }) {}

embedded_producer::~embedded_producer() {
  {
    const std::lock_guard lock(guard_);
    stopping_ = true;
  }
  wake_.notify_all();
  thread_.join();
}

result<void> embedded_producer::prepare(uint32_t shards) {
  int64_t stored = 0;
  auto ok = writer_->read([&](sqlite::database& db) -> result<void> {
    auto q = db.prepared("SELECT value FROM meta WHERE key = 'shards'");
    const auto row = q.step();
    if (!row)
      return row.error();
    stored = *row ? q.number(0) : 0;
    return {};
  });
  if (!ok)
    return ok;
  if (stored != static_cast<int64_t>(shards))
    return failure{errc::conflict, "the embedded log has " + std::to_string(stored) +
                                       " partitions, not " + std::to_string(shards)};
  auto ends = read_ends(*writer_, shards);
  if (!ends)
    return std::move(ends).error();
  consumer_.prepared(shards, *ends);
  const std::lock_guard lock(guard_);
  shards_ = shards;
  return {};
}

result<void> embedded_producer::check(const std::vector<log_message>& messages) const {
  for (const auto& m : messages) {
    if (m.shard.value >= shards_)
      return failure{errc::invalid, "no such shard: " + std::to_string(m.shard.value)};
    if (bytes_of(m) > embedded_log::message_bytes_max)
      return failure{errc::invalid, "a message is larger than " +
                                        std::to_string(embedded_log::message_bytes_max) + " bytes"};
  }
  return {};
}

void embedded_producer::produce(std::vector<log_message> messages, answer done) {
  const auto count = messages.size();
  const auto bytes = bytes_of(messages);
  {
    const std::lock_guard lock(guard_);
    call next{std::move(messages), std::move(done), {}, false};
    result<void> ok = check(next.messages);
    if (shards_ == 0)
      ok = failure{errc::unavailable, "the embedded log is not prepared"};
    else if (ok && queued_messages_ > 0 &&
             (queued_messages_ + count > how_.queued_messages_max ||
              queued_bytes_ + bytes > how_.queued_bytes_max))
      ok = failure{errc::busy, "the intake log's queue is full"};
    if (ok) {
      queued_messages_ += count;
      queued_bytes_ += bytes;
    } else {
      next.messages.clear();
      next.refused = std::move(ok).error();
      next.is_refused = true;
    }
    queue_.push_back(std::move(next));
  }
  wake_.notify_one();
}

result<void> embedded_producer::ready() const {
  const std::lock_guard lock(guard_);
  if (shards_ == 0)
    return failure{errc::unavailable, "the embedded log is not prepared"};
  if (queued_messages_ >= how_.queued_messages_max || queued_bytes_ >= how_.queued_bytes_max)
    return failure{errc::busy, "the intake log's queue is full"};
  return {};
}

void embedded_producer::run() {
  name_this_thread("log-writer");
  for (;;) {
    std::vector<call> calls;
    {
      std::unique_lock lock(guard_);
      wake_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
      if (queue_.empty())
        return;
      calls.swap(queue_);
    }
    size_t messages = 0;
    size_t bytes = 0;
    for (const auto& one : calls) {
      messages += one.messages.size();
      bytes += bytes_of(one.messages);
    }
    handle(std::move(calls));
    const std::lock_guard lock(guard_);
    queued_messages_ -= messages;
    queued_bytes_ -= bytes;
  }
}

/// Gives offsets, commits all in one transaction, tells the consumer, answers.
void embedded_producer::handle(std::vector<call> calls) {
  auto stored = know_ends();
  std::vector<appended_run> runs;
  std::vector<std::vector<log_place>> places(calls.size());
  if (stored) {
    last_stamp_ = std::max(last_stamp_, writer_->time().now());
    std::array<std::vector<size_t>, intakes> run_of;
    run_of.fill(std::vector<size_t>(ends_.size(), SIZE_MAX));
    for (size_t i = 0; i < calls.size(); ++i) {
      places[i].reserve(calls[i].messages.size());
      for (auto& m : calls[i].messages) {
        auto& index = run_of[static_cast<size_t>(m.topic)][m.shard.value];
        if (index == SIZE_MAX) {
          index = runs.size();
          runs.push_back({m.topic, m.shard, {}});
        }
        auto& records = runs[index].records;
        const auto offset = ends_[m.shard.value][static_cast<size_t>(m.topic)] +
                            static_cast<int64_t>(records.size());
        places[i].push_back({m.topic, m.shard, offset});
        records.push_back({m.topic, m.shard, offset, last_stamp_, std::move(m.key),
                           std::move(m.value), std::move(m.headers)});
      }
    }
    if (!runs.empty())
      stored = store(runs);
  }
  if (stored) {
    for (const auto& run : runs)
      ends_[run.shard.value][static_cast<size_t>(run.topic)] = run.records.back().offset + 1;
    consumer_.append(std::move(runs));
  }
  answer_all(calls, stored, places);
  if (rows_ > sweep_at_)
    sweep();
}

result<void> embedded_producer::know_ends() {
  if (ends_known_)
    return {};
  uint32_t shards = 0;
  {
    const std::lock_guard lock(guard_);
    shards = shards_;
  }
  if (shards == 0)
    return failure{errc::unavailable, "the embedded log is not prepared"};
  auto ends = read_ends(*writer_, shards);
  if (!ends)
    return std::move(ends).error();
  ends_ = std::move(*ends);
  // After a commit whose end was unknown, this is how the consumer hears what became of it.
  consumer_.prepared(shards, ends_);
  auto counted = writer_->read([&](sqlite::database& db) -> result<void> {
    auto q = db.prepared("SELECT count(*) FROM intake_log");
    const auto row = q.step();
    if (!row)
      return row.error();
    rows_ = static_cast<size_t>(q.number(0));
    return {};
  });
  ends_known_ = counted.has_value();
  return counted;
}

result<void> embedded_producer::store(const std::vector<appended_run>& runs) {
  struct packed_row {
    const log_record* first;
    int64_t last;
    sqlite::record_packer data;
  };
  std::vector<packed_row> rows;
  for (const auto& run : runs) {
    bool full = true;
    for (const auto& record : run.records) {
      if (full)
        rows.push_back({&record, 0, {}});
      auto& row = rows.back();
      row.data.add(record);
      row.last = record.offset;
      full = row.data.records() >= row_records_max || row.data.bytes().size() >= row_bytes_max;
    }
  }
  auto end = writer_->transact([&](sqlite::database& db) -> result<void> {
    auto q = db.prepared("INSERT INTO intake_log VALUES (?, ?, ?, ?, ?)");
    for (const auto& row : rows) {
      q.add(static_cast<int64_t>(row.first->topic)).add(int64_t{row.first->shard.value});
      q.add(row.first->offset).add(row.last).add_blob(row.data.bytes());
      if (auto ok = q.run(); !ok)
        return ok;
    }
    reach(crash_point::submit_before_durable);
    return {};
  });
  if (end.outcome == commit_outcome::done) {
    rows_ += rows.size();
    return {};
  }
  ends_known_ = false;
  return failure{errc::unavailable, std::move(end.why.detail)};
}

void embedded_producer::answer_all(std::vector<call>& calls, const result<void>& stored,
                                   std::vector<std::vector<log_place>>& places) {
  for (size_t i = 0; i < calls.size(); ++i) {
    auto& one = calls[i];
    if (one.is_refused)
      one.done(std::move(one.refused));
    else if (!stored)
      one.done(stored.error());
    else
      one.done(std::move(places[i]));
    one.done = nullptr;
  }
}

/// Deletes rows whose records have all taken effect.
void embedded_producer::sweep() {
  auto swept = writer_->write([&](sqlite::database& db) -> result<void> {
    for (const auto* sql :
         {"DELETE FROM intake_log WHERE topic = 0 AND shard = ?1 AND first_offset < "
          "(SELECT next_orders FROM shards WHERE shard = ?1) AND last_offset < "
          "(SELECT next_orders FROM shards WHERE shard = ?1)",
          "DELETE FROM intake_log WHERE topic = 1 AND shard = ?1 AND first_offset < "
          "(SELECT next_tasks FROM shards WHERE shard = ?1) AND last_offset < "
          "(SELECT next_tasks FROM shards WHERE shard = ?1)"}) {
      auto q = db.prepared(sql);
      for (size_t shard = 0; shard < ends_.size(); ++shard) {
        if (auto ok = q.add(static_cast<int64_t>(shard)).run(); !ok)
          return ok;
        rows_ -= std::min(rows_, static_cast<size_t>(db.changes()));
      }
      reach(crash_point::sweep_between);
    }
    return {};
  });
  if (!swept)
    log::warning("embedded_log.sweep_failed", {{"detail", swept.error().detail}});
  // What is not read yet stays; look again when as much again has come.
  sweep_at_ = rows_ + how_.rows_kept;
}

}  // namespace orrery
