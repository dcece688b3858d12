#include "persistence/postgres/operation_table.hpp"

#include "codec/operations.hpp"
#include "persistence/postgres/binary_format.hpp"
#include "persistence/postgres/row_text.hpp"

namespace orrery::postgres {

namespace {

constexpr const char* columns = "body, node, stop";

result<bulk_operation> read_operation(const pqxx::row& row) {
  auto one = codec::read_operation(row[0].c_str());
  if (!one)
    return one;
  one->node = row[1].c_str();
  one->stop_asked = row[2].as<bool>();
  return one;
}

result<std::vector<bulk_operation>> read_operations(const pqxx::result& rows) {
  std::vector<bulk_operation> out;
  for (const auto& row : rows) {
    auto one = read_operation(row);
    if (!one)
      return std::move(one).error();
    out.push_back(std::move(*one));
  }
  return out;
}

failure missing(entity_id id) {
  return {errc::not_found, "there is no operation " + to_string(id)};
}

}  // namespace

result<void> operation_table::add(const bulk_operation& operation) {
  return session_.call([&](pqxx::transaction_base& work) -> result<void> {
    work.exec_params(
        "insert into operations (id, state, node, stop, updated_at, body)"
        " values ($1::uuid, $2, $3, false, $4::timestamptz, $5)",
        to_string(operation.id), static_cast<int>(operation.state), column_text(operation.node),
        instant_text(operation.updated_at), codec::write(operation));
    return {};
  });
}

result<bulk_operation> operation_table::get(entity_id id) {
  return session_.call([&](pqxx::transaction_base& work) -> result<bulk_operation> {
    const auto rows = work.exec_params(
        std::string("select ") + columns + " from operations where id = $1::uuid", to_string(id));
    if (rows.empty())
      return missing(id);
    return read_operation(rows[0]);
  });
}

result<std::vector<bulk_operation>> operation_table::list(size_t limit) {
  return session_.call([&](pqxx::transaction_base& work) {
    return read_operations(work.exec_params(
        std::string("select ") + columns + " from operations order by id desc limit $1::bigint",
        std::to_string(limit)));
  });
}

result<std::vector<bulk_operation>> operation_table::claim(std::string_view node, time_point now,
                                                           time_point stale) {
  return session_.call([&](pqxx::transaction_base& work) {
    return read_operations(work.exec_params(
        std::string("update operations set node = $1, updated_at = $2::timestamptz"
                    " where state = 0 and (node = $1 or updated_at < $3::timestamptz) returning ") +
            columns,
        column_text(node), instant_text(now), instant_text(stale)));
  });
}

result<bool> operation_table::save(const bulk_operation& operation) {
  return session_.call([&](pqxx::transaction_base& work) -> result<bool> {
    const auto rows = work.exec_params(
        "update operations set state = $1, updated_at = $2::timestamptz, body = $3"
        " where id = $4::uuid and node = $5 returning stop",
        static_cast<int>(operation.state), instant_text(operation.updated_at),
        codec::write(operation), to_string(operation.id), column_text(operation.node));
    if (rows.empty())
      return failure{errc::conflict, "another node runs this operation"};
    return rows[0][0].as<bool>();
  });
}

result<void> operation_table::ask_stop(entity_id id) {
  return session_.call([&](pqxx::transaction_base& work) -> result<void> {
    const auto rows = work.exec_params(
        "update operations set stop = (state = 0) where id = $1::uuid returning id", to_string(id));
    return rows.empty() ? result<void>(missing(id)) : result<void>{};
  });
}

}  // namespace orrery::postgres
