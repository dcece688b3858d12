#include "persistence/postgres/statistics_table.hpp"

#include "persistence/postgres/inventory_session.hpp"
#include "persistence/postgres/row_text.hpp"

namespace orrery::postgres {

namespace {

constexpr const char* statistics_columns =
    "(extract(epoch from minute) * 1000000)::bigint, product, status, ";

std::vector<order_statistic> read_statistics(const pqxx::result& rows) {
  std::vector<order_statistic> list;
  for (const auto& row : rows)
    list.push_back({from_micros(row[0].as<int64_t>()), row[1].as<std::string>(),
                    static_cast<order_status>(row[2].as<int>()), row[3].as<int64_t>(),
                    row[4].as<int64_t>()});
  return list;
}

/// The mark, locked until the end; made where it is not there.
position_t locked_statistics_mark(pqxx::transaction_base& work, shard_id shard) {
  work.exec_params("insert into statistics_marks values ($1, 0) on conflict do nothing",
                   int{shard.value});
  return position_t{
      work.exec_params1("select upto from statistics_marks where shard = $1 for update",
                        int{shard.value})[0]
          .as<int64_t>()};
}

void write_statistics(pqxx::transaction_base& work, shard_id shard, position_t upto,
                      std::span<const order_statistic> rows) {
  std::array<std::vector<std::string>, 5> lists;
  for (const auto& row : rows) {
    lists[0].push_back(instant_text(row.minute));
    lists[1].push_back(row.product);
    lists[2].push_back(std::to_string(static_cast<int>(row.status)));
    lists[3].push_back(std::to_string(row.orders));
    lists[4].push_back(std::to_string(row.quantity));
  }
  if (!rows.empty())
    work.exec_params(
        "insert into order_statistics as s (shard, minute, product, status, orders, quantity)"
        " select $1, m, p, st, o, q from unnest($2::timestamptz[], $3::text[], $4::smallint[],"
        " $5::bigint[], $6::bigint[]) n(m, p, st, o, q) on conflict (minute, product, status, "
        "shard)"
        " do update set orders = s.orders + excluded.orders,"
        " quantity = s.quantity + excluded.quantity",
        int{shard.value}, array_text(lists[0]), array_text(lists[1]), array_text(lists[2]),
        array_text(lists[3]), array_text(lists[4]));
  work.exec_params("update statistics_marks set upto = $2 where shard = $1", int{shard.value},
                   upto.value);
}

}  // namespace

result<position_t> statistics_table::mark(shard_id shard) {
  return session_.call([&](pqxx::transaction_base& work) -> result<position_t> {
    const auto rows =
        work.exec_params("select upto from statistics_marks where shard = $1", int{shard.value});
    return position_t{rows.empty() ? 0 : rows[0][0].as<int64_t>()};
  });
}

result<bool> statistics_table::add(shard_id shard, position_t from, position_t upto,
                                   std::span<const order_statistic> rows) {
  return session_.on_connection([&](pqxx::connection& connection) -> result<bool> {
    pqxx::work work(connection);
    if (locked_statistics_mark(work, shard) != from)
      return false;
    write_statistics(work, shard, upto, rows);
    work.commit();
    return true;
  });
}

result<shard_statistics> statistics_table::of_shard(shard_id shard) {
  return session_.on_connection([&](pqxx::connection& connection) -> result<shard_statistics> {
    pqxx::work work(connection);
    shard_statistics whole;
    whole.upto = locked_statistics_mark(work, shard);
    whole.rows = read_statistics(
        work.exec_params(std::string("select ") + statistics_columns +
                             "orders, quantity from order_statistics where shard = $1"
                             " order by minute, product collate \"C\", status",
                         int{shard.value}));
    work.commit();
    return whole;
  });
}

result<void> statistics_table::replace(shard_id shard, const shard_statistics& whole) {
  return session_.on_connection([&](pqxx::connection& connection) -> result<void> {
    pqxx::work work(connection);
    locked_statistics_mark(work, shard);
    work.exec_params("delete from order_statistics where shard = $1", int{shard.value});
    write_statistics(work, shard, whole.upto, whole.rows);
    work.commit();
    return {};
  });
}

result<std::vector<order_statistic>> statistics_table::find(const statistics_query& query) {
  std::vector<std::string> statuses;
  for (const auto status : query.statuses)
    statuses.push_back(std::to_string(static_cast<int>(status)));
  return session_.call([&](pqxx::transaction_base& work) -> result<std::vector<order_statistic>> {
    return read_statistics(work.exec_params(
        std::string("select ") + statistics_columns +
            "sum(orders)::bigint, sum(quantity)::bigint from order_statistics"
            " where minute >= $1::timestamptz and minute < $2::timestamptz"
            " and ($3 = '' or product = $3)"
            " and (cardinality($4::smallint[]) = 0 or status = any($4::smallint[]))"
            " group by minute, product, status order by minute desc, product collate \"C\", status"
            " limit $5",
        instant_text(query.from), query.to == time_point{} ? "infinity" : instant_text(query.to),
        query.product, array_text(statuses), static_cast<int64_t>(query.limit)));
  });
}

}  // namespace orrery::postgres
