#include "persistence/postgres/entity_reader.hpp"

#include "codec/stored.hpp"
#include "persistence/postgres/list_query.hpp"
#include "persistence/postgres/row_bytes.hpp"
#include "persistence/postgres/row_text.hpp"

#include <algorithm>

namespace orrery::postgres {

namespace {

/// Ids per statement when loading.
constexpr size_t load_ids = 1000;

std::string_view view_of(const pqxx::field& f) { return {f.c_str(), f.size()}; }

result<std::vector<entity>> decode_all(const pqxx::result& rows, std::vector<entity> out = {}) {
  for (const auto& row : rows) {
    auto decoded = codec::decode_entity(bytes_of(row[0]));
    if (!decoded)
      return std::move(decoded).error();
    out.push_back(std::move(*decoded));
  }
  return out;
}

std::string ids_text(std::span<const entity_id> ids) {
  std::string out = "{";
  for (const auto& id : ids)
    out.append(out.size() == 1 ? "" : ",").append(to_string(id));
  return out + "}";
}

std::string limit_text(size_t limit) { return std::to_string(std::min(limit, rows_max)); }

constexpr const char* due_sql = R"sql(
select id, kind, status, (extract(epoch from wake_at) * 1000000)::bigint,
       (extract(epoch from waits_until) * 1000000)::bigint, priority, queue, task_kind
  from ((select id, 0 as kind, status, wake_at, waits_until, priority, queue, kind as task_kind
           from tasks
          where shard = $1::integer and wake_at is not null and wake_at <= $2::timestamptz
            and (wake_at, id) > ($3::timestamptz, $4::uuid)
          order by wake_at, id limit $5::bigint)
        union all
        (select id, 1, status, wake_at, null, 0, '', ''
           from orders
          where shard = $1::integer and wake_at is not null and wake_at <= $2::timestamptz
            and (wake_at, id) > ($3::timestamptz, $4::uuid)
          order by wake_at, id limit $5::bigint)
        union all
        (select id, 2, status, wake_at, null, 0, '', ''
           from schedules
          where shard = $1::integer and wake_at is not null and wake_at <= $2::timestamptz
            and (wake_at, id) > ($3::timestamptz, $4::uuid)
          order by wake_at, id limit $5::bigint)) as waiting
 order by wake_at, id limit $5::bigint)sql";

result<due_row> read_due(const pqxx::row& row) {
  due_row out;
  const auto id = parse_entity_id(view_of(row[0]));
  if (!id)
    return failure{errc::corrupt, "a waiting row has no id"};
  out.id = *id;
  out.kind = static_cast<entity_kind>(row[1].as<int>());
  out.status = static_cast<uint8_t>(row[2].as<int>());
  out.at = from_micros(row[3].as<int64_t>());
  out.waits_until = row[4].is_null() ? never : from_micros(row[4].as<int64_t>());
  out.priority = row[5].as<int32_t>();
  out.queue = view_of(row[6]);
  out.task_kind = view_of(row[7]);
  return out;
}

/// Rows of the journal from the one that holds `from` on, until `limit` events are reached. The
/// events lie outside the row, so that summing up reads none of them.
constexpr const char* journal_sql = R"sql(
select events from (
  select first, events,
         sum(last - first + 1) over (order by first) - (last - first + 1) as events_before
    from journal
   where shard = $1::integer
     and first >= coalesce((select max(first) from journal
                             where shard = $1::integer and first <= $2::bigint), $2::bigint)
     and last >= $2::bigint
   order by first limit $3::bigint) as row
 where events_before < $3::bigint order by first)sql";

}  // namespace

result<std::vector<entity>> entity_reader::load(std::span<const entity_id> ids) {
  return session_.call([&](pqxx::transaction_base& work) -> result<std::vector<entity>> {
    std::vector<entity> found;
    for (size_t at = 0; at < ids.size(); at += load_ids) {
      const auto part = ids.subspan(at, std::min(load_ids, ids.size() - at));
      const auto rows = work.exec_params(
          "select body from tasks where id = any($1::uuid[])"
          " union all select body from orders where id = any($1::uuid[])"
          " union all select body from schedules where id = any($1::uuid[])",
          ids_text(part));
      auto decoded = decode_all(rows, std::move(found));
      if (!decoded)
        return decoded;
      found = std::move(*decoded);
    }
    return found;
  });
}

result<std::vector<due_row>> entity_reader::due(shard_id shard, time_point until,
                                                const due_cursor& after, size_t limit) {
  return session_.call([&](pqxx::transaction_base& work) -> result<std::vector<due_row>> {
    const auto rows =
        work.exec_params(due_sql, static_cast<int>(shard.value), instant_text(until),
                         instant_text(after.at), to_string(after.id), limit_text(limit));
    std::vector<due_row> out;
    for (const auto& row : rows) {
      auto read = read_due(row);
      if (!read)
        return std::move(read).error();
      out.push_back(std::move(*read));
    }
    return out;
  });
}

result<entity_page> entity_reader::list(const entity_query& query) {
  const auto statement = make_list(query);
  if (!statement)
    return statement.error();
  return session_.call([&](pqxx::transaction_base& work) -> result<entity_page> {
    auto items = decode_all(work.exec_params(
        statement->sql, pqxx::prepare::make_dynamic_params(statement->parameters)));
    if (!items)
      return std::move(items).error();
    entity_page page{std::move(*items), {}};
    if (page.items.size() > statement->limit) {
      page.items.resize(statement->limit, page.items.front());
      page.next = cursor_after(page.items.back());
    }
    return page;
  });
}

result<std::vector<event_record>> entity_reader::history(entity_id id) {
  return session_.call([&](pqxx::transaction_base& work) -> result<std::vector<event_record>> {
    const auto rows = work.exec_params(
        "select history from tasks where id = $1::uuid"
        " union all select history from orders where id = $1::uuid"
        " union all select history from schedules where id = $1::uuid",
        to_string(id));
    if (rows.empty())
      return failure{errc::not_found, "there is no " + to_string(id)};
    return codec::decode_history(id, bytes_of(rows[0][0]));
  });
}

result<std::vector<event_record>> entity_reader::journal(shard_id shard, position_t from,
                                                         size_t limit) {
  return session_.call([&](pqxx::transaction_base& work) -> result<std::vector<event_record>> {
    const auto rows =
        work.exec_params(journal_sql, static_cast<int>(shard.value), from.value, limit_text(limit));
    std::vector<event_record> out;
    for (const auto& row : rows) {
      auto events = codec::decode_journal(bytes_of(row[0]));
      if (!events)
        return std::move(events).error();
      for (auto& event : *events)
        if (event.position >= from)
          out.push_back(std::move(event));
    }
    return out;
  });
}

result<std::vector<shard_row>> entity_reader::shards() {
  return session_.call([&](pqxx::transaction_base& work) -> result<std::vector<shard_row>> {
    const auto rows =
        work.exec(std::string("select ") + shard_columns + " from shards order by shard");
    std::vector<shard_row> out;
    for (const auto& row : rows) {
      std::vector<std::string_view> fields;
      for (const auto& field : row)
        fields.push_back(view_of(field));
      auto read = read_shard(fields);
      if (!read)
        return std::move(read).error();
      out.push_back(std::move(*read));
    }
    return out;
  });
}

}  // namespace orrery::postgres
