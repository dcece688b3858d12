#include "persistence/postgres/letter_table.hpp"

#include "codec/letters.hpp"
#include "persistence/postgres/binary_format.hpp"
#include "persistence/postgres/entity_reader.hpp"
#include "persistence/postgres/row_bytes.hpp"
#include "persistence/postgres/row_text.hpp"

#include <algorithm>

namespace orrery::postgres {

namespace {

constexpr const char* letter_columns =
    "id, source, shard, \"offset\", (extract(epoch from at) * 1000000)::bigint, reason, key, value,"
    " headers, state, (extract(epoch from settled_at) * 1000000)::bigint, settled_by, note,"
    " redriven_to, edited, copied";

result<dead_letter> read_letter(const pqxx::row& row) {
  auto headers = codec::decode_headers(bytes_of(row[8]));
  if (!headers)
    return std::move(headers).error();
  return dead_letter{static_cast<intake>(row[1].as<int>()),
                     shard_id{static_cast<uint16_t>(row[2].as<int>())},
                     row[3].as<int64_t>(),
                     from_micros(row[4].as<int64_t>()),
                     row[5].as<std::string>(),
                     bytes_of(row[6]),
                     bytes_of(row[7]),
                     std::move(*headers)};
}

result<stored_letter> read_row(const pqxx::row& row) {
  auto letter = read_letter(row);
  if (!letter)
    return std::move(letter).error();
  stored_letter one;
  one.number = row[0].as<int64_t>();
  one.letter = std::move(*letter);
  one.state = static_cast<letter_state>(row[9].as<int>());
  one.settled_at = row[10].is_null() ? never : from_micros(row[10].as<int64_t>());
  one.settled_by = row[11].as<std::string>();
  one.note = row[12].as<std::string>();
  one.redriven_to = row[13].as<int64_t>();
  one.edited = row[14].as<bool>();
  one.copied = row[15].as<bool>();
  return one;
}

template <class Row>
result<std::vector<Row>> read_all(const pqxx::result& rows, result<Row> (*read)(const pqxx::row&)) {
  std::vector<Row> out;
  for (const auto& row : rows) {
    auto one = read(row);
    if (!one)
      return std::move(one).error();
    out.push_back(std::move(*one));
  }
  return out;
}

struct letter_statement {
  std::string sql;
  std::vector<std::string> parameters;
};

letter_statement list_of(const letter_query& query, const std::optional<letter_place>& after) {
  letter_statement out;
  out.sql = std::string("select ") + letter_columns + " from dead_letters where true";
  const auto put = [&](std::string value) {
    out.parameters.push_back(std::move(value));
    return "$" + std::to_string(out.parameters.size());
  };
  if (query.source)
    out.sql += " and source = " + std::to_string(static_cast<int>(*query.source));
  if (!query.reason.empty())
    out.sql += " and position(lower(" + put(column_text(query.reason, 4 * limits::text_bytes)) +
               "::text) in lower(reason)) > 0";
  if (query.from != never)
    out.sql += " and at >= " + put(instant_text(query.from)) + "::timestamptz";
  if (query.to != never)
    out.sql += " and at < " + put(instant_text(query.to)) + "::timestamptz";
  if (!query.states.empty()) {
    std::string list;
    for (const auto state : query.states)
      list.append(list.empty() ? "" : ",").append(std::to_string(static_cast<int>(state)));
    out.sql += " and state in (" + list + ")";
  }
  const bool newest = query.order == list_order::newest_first;
  if (after)
    out.sql += std::string(" and (at, id) ") + (newest ? "<" : ">") + " (" +
               put(instant_text(after->at)) + "::timestamptz, " +
               put(std::to_string(after->number)) + "::bigint)";
  out.sql += newest ? " order by at desc, id desc limit " : " order by at, id limit ";
  out.sql += put(std::to_string(query.limit + 1)) + "::bigint";
  return out;
}

/// `again`: the steps may have been made by an earlier try whose answer was lost.
result<void> move_one(pqxx::work& work, const letter_move& step, bool again) {
  const auto rows = work.exec_params(
      "select state, (extract(epoch from settled_at) * 1000000)::bigint from dead_letters"
      " where id = $1::bigint for update",
      step.number);
  if (rows.empty())
    return failure{errc::not_found, "there is no dead letter " + std::to_string(step.number)};
  const auto state = static_cast<letter_state>(rows[0][0].as<int>());
  const auto settled_at = rows[0][1].is_null() ? never : from_micros(rows[0][1].as<int64_t>());
  if (again && state == step.to && settled_at == step.at)
    return {};
  if (auto ok = may_move(state, settled_at, step); !ok)
    return ok;
  work.exec_params(
      "update dead_letters set state = $2::smallint, settled_at = $3::timestamptz, settled_by = $4,"
      " note = $5, redriven_to = $6::bigint, edited = $7::boolean where id = $1::bigint",
      step.number, static_cast<int>(step.to), instant_text(step.at), column_text(step.by),
      column_text(step.note, 4 * limits::text_bytes), step.redriven_to, step.edited);
  return {};
}

}  // namespace

result<letter_page> letter_table::find(const letter_query& query) {
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
  const auto statement = list_of(query, after);
  auto rows = session_.call([&](pqxx::transaction_base& work) {
    return read_all(
        work.exec_params(statement.sql, pqxx::prepare::make_dynamic_params(statement.parameters)),
        read_row);
  });
  if (!rows)
    return std::move(rows).error();
  page.items = std::move(*rows);
  if (page.items.size() > query.limit) {
    page.items.resize(query.limit);
    page.next = letter_cursor(page.items.back());
  }
  return page;
}

result<stored_letter> letter_table::get(int64_t number) {
  return session_.call([&](pqxx::transaction_base& work) -> result<stored_letter> {
    const auto rows = work.exec_params(
        std::string("select ") + letter_columns + " from dead_letters where id = $1::bigint",
        number);
    if (rows.empty())
      return failure{errc::not_found, "there is no dead letter " + std::to_string(number)};
    return read_row(rows[0]);
  });
}

result<std::vector<result<void>>> letter_table::move(const std::vector<letter_move>& steps) {
  bool again = false;
  return session_.on_connection(
      [&](pqxx::connection& connection) -> result<std::vector<result<void>>> {
        const bool second = std::exchange(again, true);
        pqxx::work work(connection);
        std::vector<result<void>> outcomes;
        for (const auto& step : steps)
          outcomes.push_back(move_one(work, step, second));
        work.commit();
        return outcomes;
      });
}

result<std::vector<dead_letter>> entity_reader::dead_letters(size_t limit) {
  return session_.call([&](pqxx::transaction_base& work) {
    return read_all(work.exec_params(std::string("select ") + letter_columns +
                                         " from dead_letters order by at desc, id desc"
                                         " limit $1::bigint",
                                     std::to_string(std::min(limit, rows_max))),
                    read_letter);
  });
}

result<std::vector<numbered_letter>> entity_reader::letters_to_copy(shard_id shard, int64_t after,
                                                                    size_t limit) {
  return session_.call([&](pqxx::transaction_base& work) -> result<std::vector<numbered_letter>> {
    auto rows =
        read_all(work.exec_params(std::string("select ") + letter_columns +
                                      " from dead_letters where not copied and shard = $1::integer"
                                      " and id > $2::bigint order by id limit $3::bigint",
                                  static_cast<int>(shard.value), after,
                                  std::to_string(std::min(limit, rows_max))),
                 read_row);
    if (!rows)
      return std::move(rows).error();
    std::vector<numbered_letter> out;
    for (auto& row : *rows)
      out.push_back({row.number, std::move(row.letter)});
    return out;
  });
}

}  // namespace orrery::postgres
