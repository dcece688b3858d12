#include "base/check.hpp"
#include "base/crash_point.hpp"
#include "codec/letters.hpp"
#include "codec/order_fields.hpp"
#include "codec/stored.hpp"
#include "domain/unique_key.hpp"
#include "persistence/sqlite/shard_rows.hpp"
#include "persistence/sqlite/sqlite_sessions.hpp"
#include "persistence/sqlite/sqlite_stock.hpp"

#include <algorithm>

namespace orrery {

namespace {

using sqlite::database;
using sqlite::id_bytes;

/// A batch with its bytes, made before the writer is taken so that the log need not wait for it.
struct encoded_write {
  const entity_write* write = nullptr;
  id_bytes id{};
  std::string body;
  std::string history;
};
struct encoded_batch {
  const shard_batch* batch = nullptr;
  std::string counts;
  std::string journal;
  time_point at{};
  std::vector<encoded_write> writes;
};

encoded_batch encoded(const shard_batch& batch) {
  encoded_batch out{&batch, sqlite::encode_counts(batch.counts), {}, {}, {}};
  std::vector<const event_record*> events;
  events.reserve(static_cast<size_t>(batch.last().value - batch.expected.value));
  out.writes.reserve(batch.writes.size());
  for (const auto& write : batch.writes) {
    out.writes.push_back({&write, to_bytes(id_of(write.state).value), codec::encode(write.state),
                          codec::encode_history(write.events)});
    for (const auto& event : write.events)
      events.push_back(&event);
  }
  const auto earlier = [](const event_record* a, const event_record* b) {
    return a->position < b->position;
  };
  if (!std::is_sorted(events.begin(), events.end(), earlier))
    std::sort(events.begin(), events.end(), earlier);
  for (size_t i = 0; i < events.size(); ++i)
    CHECK(events[i]->position.value == batch.expected.value + static_cast<int64_t>(i) + 1,
          "the events of a batch follow each other without a gap");
  if (!events.empty()) {
    out.journal = codec::encode_journal(events);
    out.at = events.back()->at;
  }
  return out;
}

/// Moves the shards on, each only from the epoch, position and offsets its batch expects.
result<std::vector<shard_id>> pass_fence(database& db, const std::vector<encoded_batch>& batches) {
  auto q = db.prepared(
      "UPDATE shards SET position = ?, next_orders = ?, next_tasks = ?, counts = ? "
      "WHERE shard = ? AND epoch = ? AND position = ? AND next_orders = ? AND next_tasks = ?");
  std::vector<shard_id> stale;
  for (const auto& [batch, counts, journal, at, writes] : batches) {
    q.add(batch->last().value).add(batch->next[0]).add(batch->next[1]).add_blob(counts);
    q.add(int64_t{batch->shard.value}).add(batch->epoch.value).add(batch->expected.value);
    q.add(batch->expected_next[0]).add(batch->expected_next[1]);
    if (auto ok = q.run(); !ok)
      return std::move(ok).error();
    if (db.changes() != 1)
      stale.push_back(batch->shard);
  }
  return stale;
}

/// The rows of one entity in a table of words.
result<void> each_of(database& db, const char* sql, const sqlite::id_bytes& id, time_point created,
                     const std::vector<std::string>& words) {
  for (const auto& word : words)
    if (auto ok = db.prepared(sql).add(word).add(micros(created)).add_id(id).run(); !ok)
      return ok;
  return {};
}

result<void> insert_task(database& db, const encoded_write& e, const task& t) {
  const auto held = held_key(t);  // bound, not copied
  auto q = db.prepared("INSERT INTO tasks VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)");
  q.add_id(e.id).add(int64_t{t.id.shard().value}).add(static_cast<int64_t>(t.status));
  q.add(t.spec->kind).add(t.spec->queue).add(int64_t{t.spec->priority}).add_time(t.wake_at());
  q.add_time(t.waits_until()).add(micros(t.created_at)).add(micros(t.updated_at));
  q.add_time(t.finished_at).add_text_or_null(t.spec->reference).add_blob(e.body);
  q.add_blob(e.history).add_text_or_null(t.spec->description);
  q.add_text_or_null(t.spec->unique_key).add_text_or_null(held);
  if (auto ok = q.run(); !ok)
    return ok;
  return each_of(db, "INSERT OR IGNORE INTO task_tags VALUES (?, ?, ?)", e.id, t.created_at,
                 t.spec->tags);
}

result<void> insert_order(database& db, const encoded_write& e, const order& o) {
  auto q = db.prepared("INSERT INTO orders VALUES (?,?,?,?,?,?,?,?,?,?,?,?)");
  q.add_id(e.id).add(int64_t{o.id.shard().value}).add(static_cast<int64_t>(o.status));
  q.add(o.spec->product).add_text_or_null(o.spec->customer).add_time(o.wake_at());
  q.add(micros(o.created_at)).add(micros(o.updated_at)).add_time(o.finished_at);
  q.add_text_or_null(o.spec->reference).add_blob(e.body).add_blob(e.history);
  if (auto ok = q.run(); !ok)
    return ok;
  return each_of(db, "INSERT INTO order_fields VALUES (?, ?, ?)", e.id, o.created_at,
                 codec::searched_fields(o.spec->metadata));
}

result<void> changed_one(database& db, const entity_id& id) {
  if (db.changes() == 1)
    return {};
  return failure{errc::corrupt, "the store holds no row of " + to_string(id)};
}

// `||` glues the bytes of blobs but calls the outcome text, hence the casts.

result<void> update_task(database& db, const encoded_write& e, const task& t) {
  const auto held = held_key(t);  // bound, not copied
  auto q = db.prepared(
      "UPDATE tasks SET status = ?, wake_at = ?, waits_until = ?, updated_at = ?, finished_at = ?, "
      "body = ?, history = CAST(history || ? AS BLOB), description = ?, held_key = ? WHERE id = ?");
  q.add(static_cast<int64_t>(t.status)).add_time(t.wake_at()).add_time(t.waits_until());
  q.add(micros(t.updated_at)).add_time(t.finished_at).add_blob(e.body).add_blob(e.history);
  q.add_text_or_null(t.spec->description).add_text_or_null(held);
  if (auto ok = q.add_id(e.id).run(); !ok)
    return ok;
  return changed_one(db, t.id);
}

result<void> update_order(database& db, const encoded_write& e, const order& o) {
  auto q = db.prepared(
      "UPDATE orders SET status = ?, wake_at = ?, updated_at = ?, finished_at = ?, "
      "body = ?, history = CAST(history || ? AS BLOB) WHERE id = ?");
  q.add(static_cast<int64_t>(o.status)).add_time(o.wake_at()).add(micros(o.updated_at));
  q.add_time(o.finished_at).add_blob(e.body).add_blob(e.history).add_id(e.id);
  if (auto ok = q.run(); !ok)
    return ok;
  return changed_one(db, o.id);
}

result<void> write_schedule(database& db, const encoded_write& e, const schedule& s) {
  if (e.write->insert) {
    auto q = db.prepared("INSERT INTO schedules VALUES (?,?,?,?,?,?,?,?,?,?)");
    q.add_id(e.id).add(int64_t{s.id.shard().value}).add(static_cast<int64_t>(s.status));
    q.add(s.spec->name).add_time(s.wake_at()).add(micros(s.created_at)).add(micros(s.updated_at));
    q.add_time(s.finished_at).add_blob(e.body).add_blob(e.history);
    return q.run();
  }
  // Fires leave no trace in the history, so that most updates need not write it anew.
  auto q = db.prepared(e.history.empty()
                           ? "UPDATE schedules SET status = ?, wake_at = ?, updated_at = ?, "
                             "finished_at = ?, body = ? WHERE id = ?"
                           : "UPDATE schedules SET status = ?, wake_at = ?, updated_at = ?, "
                             "finished_at = ?, body = ?, history = CAST(history || ? AS BLOB) "
                             "WHERE id = ?");
  q.add(static_cast<int64_t>(s.status)).add_time(s.wake_at()).add(micros(s.updated_at));
  q.add_time(s.finished_at).add_blob(e.body);
  if (!e.history.empty())
    q.add_blob(e.history);
  if (auto ok = q.add_id(e.id).run(); !ok)
    return ok;
  return changed_one(db, s.id);
}

result<void> erase_entity(database& db, const encoded_write& e) {
  const auto* t = std::get_if<task>(&e.write->state);
  const auto* o = std::get_if<order>(&e.write->state);
  auto words =
      t != nullptr
          ? each_of(db, "DELETE FROM task_tags WHERE tag = ? AND created_at = ? AND id = ?", e.id,
                    t->created_at, t->spec->tags)
      : o != nullptr
          ? each_of(db, "DELETE FROM order_fields WHERE field = ? AND created_at = ? AND id = ?",
                    e.id, o->created_at, codec::searched_fields(o->spec->metadata))
          : result<void>{};
  if (!words)
    return words;
  auto q = db.prepared(t != nullptr ? "DELETE FROM tasks WHERE id = ?"
                                    : "DELETE FROM orders WHERE id = ?");
  if (auto ok = q.add_id(e.id).run(); !ok)
    return ok;
  return changed_one(db, id_of(e.write->state));
}

result<void> write_entity(database& db, const encoded_write& e) {
  if (e.write->erase)
    return erase_entity(db, e);
  if (const auto* t = std::get_if<task>(&e.write->state))
    return e.write->insert ? insert_task(db, e, *t) : update_task(db, e, *t);
  if (const auto* s = std::get_if<schedule>(&e.write->state))
    return write_schedule(db, e, *s);
  const auto& o = std::get<order>(e.write->state);
  return e.write->insert ? insert_order(db, e, o) : update_order(db, e, o);
}

result<void> write_dead_letter(database& db, const dead_letter& letter) {
  const auto headers = codec::encode_headers(letter.headers);
  return db
      .prepared(
          "INSERT INTO dead_letters (source, shard, \"offset\", at, reason, key, value, "
          "headers, copied) VALUES (?, ?, ?, ?, ?, ?, ?, ?, 0)")
      .add(static_cast<int64_t>(letter.source))
      .add(int64_t{letter.shard.value})
      .add(letter.offset)
      .add(micros(letter.at))
      .add(letter.reason)
      .add_blob(letter.key)
      .add_blob(letter.value)
      .add_blob(headers)
      .run();
}

result<void> count_queue(database& db, shard_id shard, const queue_counts& moved) {
  auto q = db.prepared(
      "INSERT INTO queue_counts VALUES (?,?,?,?,?,?,?,?,?,?,?,?) "
      "ON CONFLICT (shard, queue, kind) DO UPDATE SET s0 = s0 + excluded.s0, "
      "s1 = s1 + excluded.s1, s2 = s2 + excluded.s2, s3 = s3 + excluded.s3, "
      "s4 = s4 + excluded.s4, s5 = s5 + excluded.s5, s6 = s6 + excluded.s6, "
      "s7 = s7 + excluded.s7, s8 = s8 + excluded.s8");
  static_assert(task_statuses == 9, "a new status needs a new column");
  q.add(int64_t{shard.value}).add(moved.queue).add(moved.task_kind);
  for (const auto n : moved.tasks)
    q.add(n);
  return q.run();
}

result<void> write_batch(database& db, const encoded_batch& e) {
  if (!e.journal.empty())
    if (auto ok = db.prepared("INSERT INTO journal VALUES (?, ?, ?, ?, ?)")
                      .add(int64_t{e.batch->shard.value})
                      .add(e.batch->expected.value + 1)
                      .add(e.batch->last().value)
                      .add(micros(e.at))
                      .add_blob(e.journal)
                      .run();
        !ok)
      return ok;
  for (const auto& write : e.writes)
    if (auto ok = write_entity(db, write); !ok)
      return ok;
  for (const auto& moved : e.batch->moved)
    if (auto ok = count_queue(db, e.batch->shard, moved); !ok)
      return ok;
  if (auto ok = sqlite::move_stock(db, e.batch->stock); !ok)
    return ok;
  for (const auto& letter : e.batch->dead_letters)
    if (auto ok = write_dead_letter(db, letter); !ok)
      return ok;
  return {};
}

result<shard_tenure> read_tenure(database& db, shard_id shard) {
  auto q = db.prepared("SELECT " ORRERY_SHARD_COLUMNS " FROM shards WHERE shard = ?");
  const auto found = q.add(int64_t{shard.value}).step();
  if (!found)
    return found.error();
  if (!*found)
    return failure{errc::not_found, "nobody has owned shard " + std::to_string(shard.value)};
  const auto row = sqlite::read_shard_row(q);
  if (!row)
    return row.error();
  return shard_tenure{row->shard, row->epoch,  row->position,
                      row->next,  row->counts, row->published};
}

}  // namespace

result<shard_tenure> sqlite_journal::acquire(shard_id shard, std::string_view owner,
                                             time_point now) {
  result<shard_tenure> tenure = failure{};
  auto ok = writer_->write([&](database& db) -> result<void> {
    const auto no_counts = sqlite::encode_counts({});
    auto q = db.prepared(
        "INSERT INTO shards SELECT ?1, ?2, 1, 0, 0, 0, 0, ?3, ?4 FROM meta "
        "WHERE key = 'shards' AND value > ?1 "
        "ON CONFLICT (shard) DO UPDATE SET epoch = epoch + 1, owner = ?2, acquired_at = ?4");
    q.add(int64_t{shard.value}).add(owner).add_blob(no_counts).add(micros(now));
    if (auto raised = q.run(); !raised)
      return raised;
    if (db.changes() != 1)
      return failure{errc::invalid, "the store has no shard " + std::to_string(shard.value)};
    tenure = read_tenure(db, shard);
    return tenure ? result<void>{} : tenure.error();
  });
  if (!ok)
    return std::move(ok).error();
  return tenure;
}

commit_report sqlite_journal::commit(std::span<const shard_batch> batches) {
  if (batches.empty())
    return {};
  std::vector<encoded_batch> ready;
  ready.reserve(batches.size());
  for (const auto& batch : batches)
    ready.push_back(encoded(batch));

  commit_report report;
  auto end = writer_->transact([&](database& db) -> result<void> {
    auto stale = pass_fence(db, ready);
    if (!stale)
      return std::move(stale).error();
    if (!stale->empty()) {
      report.refused = std::move(*stale);
      return failure{errc::conflict, "epoch, position or offsets had moved"};
    }
    for (const auto& batch : ready)
      if (auto ok = write_batch(db, batch); !ok)
        return ok;
    reach(crash_point::commit_before);
    return {};
  });
  report.outcome = report.refused.empty() ? end.outcome : commit_outcome::refused;
  report.detail = std::move(end.why.detail);
  return report;
}

result<shard_tenure> sqlite_journal::inspect(shard_id shard) {
  result<shard_tenure> tenure = failure{};
  auto ok = writer_->read([&](database& db) -> result<void> {
    tenure = read_tenure(db, shard);
    return {};
  });
  if (!ok)
    return std::move(ok).error();
  return tenure;
}

result<void> sqlite_journal::mark_published(shard_id shard, epoch_t epoch, position_t upto) {
  return writer_->write([&](database& db) -> result<void> {
    auto q = db.prepared(
        "UPDATE shards SET published = max(published, ?) "
        "WHERE shard = ? AND epoch = ?");
    if (auto ok = q.add(upto.value).add(int64_t{shard.value}).add(epoch.value).run(); !ok)
      return ok;
    if (db.changes() == 1)
      return {};
    return failure{errc::conflict, "shard " + std::to_string(shard.value) + " has another owner"};
  });
}

result<void> sqlite_journal::mark_copied(shard_id shard, std::span<const int64_t> numbers) {
  return writer_->write([&](database& db) -> result<void> {
    for (const auto number : numbers)
      if (auto ok = db.prepared("UPDATE dead_letters SET copied = 1 WHERE number = ? AND shard = ?")
                        .add(number)
                        .add(int64_t{shard.value})
                        .run();
          !ok)
        return ok;
    return {};
  });
}

}  // namespace orrery
