#include "persistence/postgres/commit_rows.hpp"

#include "base/check.hpp"
#include "codec/letters.hpp"
#include "codec/order_fields.hpp"
#include "codec/stored.hpp"
#include "persistence/postgres/row_text.hpp"
#include "domain/unique_key.hpp"

#include <algorithm>

namespace orrery::postgres {

namespace {

/// `'{1,2}'`: an array as an SQL literal, of numbers or of quoted arrays of numbers.
template <class Items, class Print>
void append_array(std::string& out, const Items& items, Print print) {
  out += "'{";
  bool first = true;
  for (const auto& item : items) {
    if (!first)
      out += ',';
    first = false;
    print(item);
  }
  out += "}'";
}

template <class Counts>
std::string counts_text(const Counts& counts) {
  std::string out = "\"{";
  for (size_t i = 0; i < counts.size(); ++i)
    out.append(i == 0 ? "" : ",").append(std::to_string(counts[i]));
  return out + "}\"";
}

void text_or_null(binary_writer to, const std::string& value) {
  value.empty() ? to.null() : to.text(value);
}

int16_t status_column(const entity& e) { return static_cast<int16_t>(status_of(e)); }

}  // namespace

sorted_writes sort_writes(std::span<const shard_batch> batches) {
  sorted_writes sorted;
  for (const auto& batch : batches)
    for (const auto& write : batch.writes) {
      auto& list = write.erase ? sorted.erasures : write.insert ? sorted.inserts : sorted.updates;
      list[static_cast<size_t>(kind_of(write.state))].emplace_back(batch.shard, &write);
    }
  return sorted;
}

std::vector<const event_record*> events_in_order(const shard_batch& batch) {
  const auto count = batch.last().value - batch.expected.value;
  std::vector<const event_record*> events(static_cast<size_t>(count));
  for (const auto& write : batch.writes)
    for (const auto& event : write.events) {
      const auto place = event.position.value - batch.expected.value - 1;
      CHECK(place >= 0 && place < count, "a batch's positions follow the expected one");
      auto& slot = events[static_cast<size_t>(place)];
      CHECK(slot == nullptr, "a position belongs to one event");
      slot = &event;
    }
  return events;
}

std::array<int64_t, attempts_from + 1 + end_reasons> task_column(const status_counts& counts) {
  std::array<int64_t, attempts_from + 1 + end_reasons> all{};
  std::copy(counts.tasks.begin(), counts.tasks.end(), all.begin());
  all[attempts_from] = counts.attempts.started;
  std::copy(counts.attempts.ended.begin(), counts.attempts.ended.end(),
            all.begin() + attempts_from + 1);
  return all;
}

std::string fence_statement(std::span<const shard_batch> batches) {
  std::vector<const shard_batch*> sorted;
  for (const auto& batch : batches)
    sorted.push_back(&batch);
  std::sort(sorted.begin(), sorted.end(),
            [](const auto* a, const auto* b) { return a->shard < b->shard; });
  const auto doubled =
      std::adjacent_find(sorted.begin(), sorted.end(),
                         [](const auto* a, const auto* b) { return a->shard == b->shard; });
  CHECK(doubled == sorted.end(), "a commit holds one batch per shard");
  std::string sql = "select fence(";
  const auto column = [&](auto print, const char* end) {
    append_array(sql, sorted, [&](const shard_batch* b) { sql += print(*b); });
    sql += end;
  };
  column([](const auto& b) { return std::to_string(b.shard.value); }, ", ");
  column([](const auto& b) { return std::to_string(b.epoch.value); }, ", ");
  column([](const auto& b) { return std::to_string(b.expected.value); }, ", ");
  column([](const auto& b) { return std::to_string(b.last().value); }, ", ");
  for (size_t topic = 0; topic < intakes; ++topic)
    column([topic](const auto& b) { return std::to_string(b.next[topic]); }, ", ");
  for (size_t topic = 0; topic < intakes; ++topic)
    column([topic](const auto& b) { return std::to_string(b.expected_next[topic]); }, ", ");
  column([](const auto& b) { return counts_text(task_column(b.counts)); }, ", ");
  column([](const auto& b) { return counts_text(b.counts.orders); }, ")");
  return sql;
}

const char* copy_statement(entity_kind kind) noexcept {
  return kind == entity_kind::task
             ? "copy tasks (id, shard, status, priority, created_at, updated_at, wake_at,"
               " waits_until, finished_at, kind, queue, reference, tags, description, unique_key,"
               " held_key, body, history) from stdin (format binary)"
         : kind == entity_kind::schedule
             ? "copy schedules (id, shard, status, created_at, updated_at, wake_at, finished_at,"
               " name, body, history) from stdin (format binary)"
             : "copy orders (id, shard, status, quantity, created_at, updated_at, wake_at,"
               " finished_at, product, customer, reference, fields, body, history)"
               " from stdin (format binary)";
}

void append_copy_row(std::string& out, shard_id shard, const entity_write& write) {
  binary_writer row(out);
  const auto* of_task = std::get_if<task>(&write.state);
  const auto* of_order = std::get_if<order>(&write.state);
  const auto* of_schedule = std::get_if<schedule>(&write.state);
  row.raw16(of_task != nullptr ? 18 : of_schedule != nullptr ? 10 : 14);
  row.id(id_of(write.state).value);
  row.int4(shard.value);
  row.int2(status_column(write.state));
  if (of_task != nullptr) {
    row.int4(of_task->spec->priority);
    row.instant(of_task->created_at);
    row.instant(of_task->updated_at);
    row.instant_or_null(of_task->wake_at());
    row.instant_or_null(of_task->waits_until());
    row.instant_or_null(of_task->finished_at);
    row.text(of_task->spec->kind);
    row.text(of_task->spec->queue);
    text_or_null(row, of_task->spec->reference);
    row.texts_or_null(of_task->spec->tags);
    text_or_null(row, of_task->spec->description);
    text_or_null(row, of_task->spec->unique_key);
    text_or_null(row, held_key(*of_task));
  } else if (of_schedule != nullptr) {
    row.instant(of_schedule->created_at);
    row.instant(of_schedule->updated_at);
    row.instant_or_null(of_schedule->wake_at());
    row.instant_or_null(of_schedule->finished_at);
    row.text(of_schedule->spec->name);
  } else {
    row.int8(of_order->spec->quantity);
    row.instant(of_order->created_at);
    row.instant(of_order->updated_at);
    row.instant_or_null(of_order->wake_at());
    row.instant_or_null(of_order->finished_at);
    row.text(of_order->spec->product);
    row.text(of_order->spec->customer);
    text_or_null(row, of_order->spec->reference);
    row.texts_or_null(codec::searched_fields(of_order->spec->metadata));
  }
  row.bytes(codec::encode(write.state));
  row.bytes(codec::encode_history(write.events));
}

parameter_rows::parameter_rows(std::vector<type_oid> types) {
  for (const auto type : types)
    columns_.emplace_back(type);
}

size_t parameter_rows::byte_count() const noexcept {
  size_t sum = 0;
  for (const auto& column : columns_)
    sum += column.byte_count();
  return sum;
}

std::vector<const std::string*> parameter_rows::finish() {
  std::vector<const std::string*> list;
  for (auto& column : columns_) {
    CHECK(column.size() == columns_.front().size(), "every column has a value for every row");
    list.push_back(&column.finish());
  }
  return list;
}

void parameter_rows::clear() {
  for (auto& column : columns_)
    column.clear();
}

std::vector<std::pair<std::string, std::string>> commit_statements() {
  return {
      {"update_tasks", R"sql(
with u as (
  update tasks t set status = n.status, priority = n.priority, updated_at = n.updated_at,
      wake_at = n.wake_at, waits_until = n.waits_until, finished_at = n.finished_at,
      kind = n.kind, queue = n.queue, description = n.description, held_key = n.held_key,
      body = n.body, history = t.history || n.history
    from unnest($1::uuid[], $2::smallint[], $3::integer[], $4::timestamptz[], $5::timestamptz[],
                $6::timestamptz[], $7::timestamptz[], $8::text[], $9::text[], $10::text[],
                $11::text[], $12::bytea[], $13::bytea[])
      as n(id, status, priority, updated_at, wake_at, waits_until, finished_at, kind, queue,
           description, held_key, body, history)
   where t.id = n.id
  returning 1
) select expect_rows(count(*), cardinality($1::uuid[]), 'tasks') from u)sql"},
      {"update_orders", R"sql(
with u as (
  update orders t set status = n.status, quantity = n.quantity, updated_at = n.updated_at,
      wake_at = n.wake_at, finished_at = n.finished_at, product = n.product,
      customer = n.customer, body = n.body, history = t.history || n.history
    from unnest($1::uuid[], $2::smallint[], $3::bigint[], $4::timestamptz[], $5::timestamptz[],
                $6::timestamptz[], $7::text[], $8::text[], $9::bytea[], $10::bytea[])
      as n(id, status, quantity, updated_at, wake_at, finished_at, product, customer, body, history)
   where t.id = n.id
  returning 1
) select expect_rows(count(*), cardinality($1::uuid[]), 'orders') from u)sql"},
      {"update_schedules", R"sql(
with u as (
  update schedules t set status = n.status, updated_at = n.updated_at, wake_at = n.wake_at,
      finished_at = n.finished_at, body = n.body, history = t.history || n.history
    from unnest($1::uuid[], $2::smallint[], $3::timestamptz[], $4::timestamptz[],
                $5::timestamptz[], $6::bytea[], $7::bytea[])
      as n(id, status, updated_at, wake_at, finished_at, body, history)
   where t.id = n.id
  returning 1
) select expect_rows(count(*), cardinality($1::uuid[]), 'schedules') from u)sql"},
      {"insert_journal", R"sql(
insert into journal (shard, first, last, at, events)
select * from unnest($1::integer[], $2::bigint[], $3::bigint[], $4::timestamptz[],
                     $5::bytea[]))sql"},
      {"erase_tasks", R"sql(
with gone as (delete from tasks where id = any($1::uuid[]) returning 1)
select expect_rows(count(*), cardinality($1::uuid[]), 'tasks') from gone)sql"},
      {"erase_orders", R"sql(
with gone as (delete from orders where id = any($1::uuid[]) returning 1)
select expect_rows(count(*), cardinality($1::uuid[]), 'orders') from gone)sql"},
      {"count_queues", R"sql(
insert into queue_counts as q (shard, queue, kind, counts)
select n.shard, n.queue, n.kind, n.counts::bigint[]
  from unnest($1::integer[], $2::text[], $3::text[], $4::text[]) as n(shard, queue, kind, counts)
 order by n.shard, n.queue, n.kind
on conflict (shard, queue, kind) do update set counts = add_counts(q.counts, excluded.counts))sql"},
      {"insert_decisions", R"sql(
insert into stock_decisions (gid, committed) select n, true from unnest($1::text[]) as n)sql"},
      {"insert_dead_letters", R"sql(
insert into dead_letters (shard, source, "offset", at, reason, key, value, headers)
select * from unnest($1::integer[], $2::smallint[], $3::bigint[], $4::timestamptz[], $5::text[],
                     $6::bytea[], $7::bytea[], $8::bytea[]))sql"},
  };
}

parameter_rows update_rows(entity_kind kind) {
  using enum type_oid;
  if (kind == entity_kind::task)
    return parameter_rows({uuid, int2, int4, timestamptz, timestamptz, timestamptz, timestamptz,
                           text, text, text, text, bytea, bytea});
  if (kind == entity_kind::schedule)
    return parameter_rows({uuid, int2, timestamptz, timestamptz, timestamptz, bytea, bytea});
  return parameter_rows(
      {uuid, int2, int8, timestamptz, timestamptz, timestamptz, text, text, bytea, bytea});
}

void add_update(parameter_rows& rows, const entity_write& write) {
  size_t column = 0;
  const auto next = [&] { return rows.add(column++); };
  next().id(id_of(write.state).value);
  next().int2(status_column(write.state));
  if (const auto* of_task = std::get_if<task>(&write.state)) {
    next().int4(of_task->spec->priority);
    next().instant(of_task->updated_at);
    next().instant_or_null(of_task->wake_at());
    next().instant_or_null(of_task->waits_until());
    next().instant_or_null(of_task->finished_at);
    next().text(of_task->spec->kind);
    next().text(of_task->spec->queue);
    text_or_null(next(), of_task->spec->description);
    text_or_null(next(), held_key(*of_task));
  } else if (const auto* of_schedule = std::get_if<schedule>(&write.state)) {
    next().instant(of_schedule->updated_at);
    next().instant_or_null(of_schedule->wake_at());
    next().instant_or_null(of_schedule->finished_at);
  } else {
    const auto& of_order = std::get<order>(write.state);
    next().int8(of_order.spec->quantity);
    next().instant(of_order.updated_at);
    next().instant_or_null(of_order.wake_at());
    next().instant_or_null(of_order.finished_at);
    next().text(of_order.spec->product);
    next().text(of_order.spec->customer);
  }
  next().bytes(codec::encode(write.state));
  next().bytes(codec::encode_history(write.events));
}

parameter_rows erase_rows() { return parameter_rows({type_oid::uuid}); }

void add_erasure(parameter_rows& rows, const entity_write& write) {
  rows.add(0).id(id_of(write.state).value);
}

parameter_rows journal_rows() {
  using enum type_oid;
  return parameter_rows({int4, int8, int8, timestamptz, bytea});
}

void add_journal(parameter_rows& rows, shard_id shard,
                 std::span<const event_record* const> events) {
  rows.add(0).int4(shard.value);
  rows.add(1).int8(events.front()->position.value);
  rows.add(2).int8(events.back()->position.value);
  rows.add(3).instant(events.back()->at);
  rows.add(4).bytes(codec::encode_journal({events.begin(), events.end()}));
}

parameter_rows queue_rows() {
  using enum type_oid;
  return parameter_rows({int4, text, text, text});
}

void add_queue(parameter_rows& rows, shard_id shard, const queue_counts& moved) {
  rows.add(0).int4(shard.value);
  rows.add(1).text(moved.queue);
  rows.add(2).text(moved.task_kind);
  std::string counts = "{";
  for (const auto n : moved.tasks)
    counts.append(counts.size() == 1 ? "" : ",").append(std::to_string(n));
  rows.add(3).text(counts + "}");
}

parameter_rows decision_rows() { return parameter_rows({type_oid::text}); }

parameter_rows dead_letter_rows() {
  using enum type_oid;
  return parameter_rows({int4, int2, int8, timestamptz, text, bytea, bytea, bytea});
}

void add_dead_letter(parameter_rows& rows, const dead_letter& letter) {
  rows.add(0).int4(letter.shard.value);
  rows.add(1).int2(static_cast<int16_t>(letter.source));
  rows.add(2).int8(letter.offset);
  rows.add(3).instant(letter.at);
  rows.add(4).bytes(column_text(letter.reason, 4 * limits::text_bytes));
  rows.add(5).bytes(letter.key);
  rows.add(6).bytes(letter.value);
  rows.add(7).bytes(codec::encode_headers(letter.headers));
}

}  // namespace orrery::postgres
