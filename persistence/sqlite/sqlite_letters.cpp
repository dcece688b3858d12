#include "codec/letters.hpp"
#include "persistence/sqlite/sqlite_sessions.hpp"

#include <variant>

namespace orrery {

namespace {

using sqlite::database;
using sqlite::query;

#define ORRERY_LETTER_COLUMNS                                                               \
  "number, source, shard, \"offset\", at, reason, key, value, headers, state, settled_at, " \
  "settled_by, note, redriven_to, edited, copied"

result<dead_letter> read_letter(const query& q) {
  auto headers = codec::decode_headers(q.bytes(8));
  if (!headers)
    return std::move(headers).error();
  return dead_letter{static_cast<intake>(q.number(1)),
                     shard_id{static_cast<uint16_t>(q.number(2))},
                     q.number(3),
                     q.time(4),
                     q.text(5),
                     q.text(6),
                     q.text(7),
                     std::move(*headers)};
}

result<stored_letter> read_row(const query& q) {
  stored_letter one;
  one.number = q.number(0);
  auto letter = read_letter(q);
  if (!letter)
    return std::move(letter).error();
  one.letter = std::move(*letter);
  one.state = static_cast<letter_state>(q.number(9));
  one.settled_at = q.time(10);
  one.settled_by = q.text(11);
  one.note = q.text(12);
  one.redriven_to = q.number(13);
  one.edited = q.number(14) != 0;
  one.copied = q.number(15) != 0;
  return one;
}

/// All rows of a query, each read by `read`.
template <class Read, class Row>
result<void> read_rows(query& q, Read read, std::vector<Row>& into) {
  for (;;) {
    const auto row = q.step();
    if (!row)
      return row.error();
    if (!*row)
      return {};
    auto one = read(q);
    if (!one)
      return std::move(one).error();
    into.push_back(std::move(*one));
  }
}

result<void> move_one(database& db, const letter_move& step) {
  letter_state state{};
  time_point settled_at{};
  {
    auto q = db.prepared("SELECT state, settled_at FROM dead_letters WHERE number = ?");
    const auto row = q.add(step.number).step();
    if (!row)
      return row.error();
    if (!*row)
      return failure{errc::not_found, "there is no dead letter " + std::to_string(step.number)};
    state = static_cast<letter_state>(q.number(0));
    settled_at = q.time(1);
  }
  if (auto ok = may_move(state, settled_at, step); !ok)
    return ok;
  return db
      .prepared(
          "UPDATE dead_letters SET state = ?, settled_at = ?, settled_by = ?, note = ?, "
          "redriven_to = ?, edited = ? WHERE number = ?")
      .add(static_cast<int64_t>(step.to))
      .add_time(step.at)
      .add(step.by)
      .add(step.note)
      .add(step.redriven_to)
      .add(step.edited ? 1 : 0)
      .add(step.number)
      .run();
}

using value = std::variant<int64_t, std::string_view>;

/// The statement of a list with the values for its question marks.
std::string list_sql(const letter_query& query, const std::optional<letter_place>& after,
                     std::vector<value>& values) {
  std::string sql = "SELECT " ORRERY_LETTER_COLUMNS " FROM dead_letters WHERE 1";
  const auto where = [&](const char* condition, value v) {
    sql += condition;
    values.push_back(v);
  };
  if (query.source)
    where(" AND source = ?", static_cast<int64_t>(*query.source));
  if (!query.reason.empty())
    where(" AND instr(lower(reason), lower(?)) > 0", std::string_view(query.reason));
  if (query.from != never)
    where(" AND at >= ?", micros(query.from));
  if (query.to != never)
    where(" AND at < ?", micros(query.to));
  if (!query.states.empty()) {
    sql += " AND state IN (";
    for (size_t i = 0; i < query.states.size(); ++i)
      sql += (i == 0 ? "" : ",") + std::to_string(static_cast<int>(query.states[i]));
    sql += ")";
  }
  const bool newest = query.order == list_order::newest_first;
  if (after) {
    where(newest ? " AND (at, number) < (?, " : " AND (at, number) > (?, ", micros(after->at));
    where("?)", after->number);
  }
  where(newest ? " ORDER BY at DESC, number DESC LIMIT ?" : " ORDER BY at, number LIMIT ?",
        static_cast<int64_t>(query.limit + 1));
  return sql;
}

}  // namespace

result<letter_page> sqlite_letters::find(const letter_query& query) {
  letter_page page;
  if (query.limit == 0)
    return page;
  std::optional<letter_place> after;
  if (!query.cursor.empty()) {
    auto place = parse_letter_cursor(query.cursor);
    if (!place)
      return std::move(place).error();
    after = *place;
  }
  std::vector<value> values;
  const auto sql = list_sql(query, after, values);
  auto ok = writer_->read([&](database& db) -> result<void> {
    failure why;
    const auto compiled = db.compile(sql, why);
    if (!compiled)
      return why;
    auto q = db.run_once(compiled);
    for (const auto& v : values) {
      if (const auto* number = std::get_if<int64_t>(&v))
        q.add(*number);
      else
        q.add(std::get<std::string_view>(v));
    }
    return read_rows(q, read_row, page.items);
  });
  if (!ok)
    return std::move(ok).error();
  if (page.items.size() > query.limit) {
    page.items.resize(query.limit);
    page.next = letter_cursor(page.items.back());
  }
  return page;
}

result<stored_letter> sqlite_letters::get(int64_t number) {
  std::vector<stored_letter> rows;
  auto ok = writer_->read([&](database& db) -> result<void> {
    auto q = db.prepared("SELECT " ORRERY_LETTER_COLUMNS " FROM dead_letters WHERE number = ?");
    q.add(number);
    return read_rows(q, read_row, rows);
  });
  if (!ok)
    return std::move(ok).error();
  if (rows.empty())
    return failure{errc::not_found, "there is no dead letter " + std::to_string(number)};
  return std::move(rows.front());
}

result<std::vector<result<void>>> sqlite_letters::move(const std::vector<letter_move>& steps) {
  std::vector<result<void>> outcomes;
  auto ok = writer_->write([&](database& db) -> result<void> {
    outcomes.clear();
    for (const auto& step : steps) {
      auto moved = move_one(db, step);
      if (!moved && moved.error().code != errc::rejected && moved.error().code != errc::not_found)
        return moved;
      outcomes.push_back(std::move(moved));
    }
    return {};
  });
  if (!ok)
    return std::move(ok).error();
  return outcomes;
}

result<std::vector<dead_letter>> sqlite_reader::dead_letters(size_t limit) {
  std::vector<dead_letter> letters;
  auto ok = snapshot([&](database& db) {
    auto q = db.prepared("SELECT " ORRERY_LETTER_COLUMNS
                         " FROM dead_letters ORDER BY at DESC, number DESC LIMIT ?");
    q.add(static_cast<int64_t>(limit));
    return read_rows(q, read_letter, letters);
  });
  if (!ok)
    return std::move(ok).error();
  return letters;
}

result<std::vector<numbered_letter>> sqlite_reader::letters_to_copy(shard_id shard, int64_t after,
                                                                    size_t limit) {
  std::vector<stored_letter> rows;
  auto ok = snapshot([&](database& db) {
    auto q = db.prepared("SELECT " ORRERY_LETTER_COLUMNS
                         " FROM dead_letters WHERE copied = 0 AND shard = ? AND number > ? "
                         "ORDER BY number LIMIT ?");
    q.add(int64_t{shard.value}).add(after).add(static_cast<int64_t>(limit));
    return read_rows(q, read_row, rows);
  });
  if (!ok)
    return std::move(ok).error();
  std::vector<numbered_letter> found;
  for (auto& row : rows)
    found.push_back({row.number, std::move(row.letter)});
  return found;
}

}  // namespace orrery
