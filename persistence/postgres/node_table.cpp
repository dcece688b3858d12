#include "persistence/postgres/node_table.hpp"

#include "persistence/postgres/binary_format.hpp"
#include "persistence/postgres/row_text.hpp"

namespace orrery::postgres {

result<void> node_table::announce(const node_row& node) {
  return session_.call([&](pqxx::transaction_base& work) -> result<void> {
    work.exec_params(
        "insert into nodes (name, mesh_address, http_address, version, started_at, seen_at)"
        " values ($1, $2, $3, $4, $5::timestamptz, clock_timestamp())"
        " on conflict (name) do update set mesh_address = excluded.mesh_address,"
        " http_address = excluded.http_address, version = excluded.version,"
        " started_at = excluded.started_at, seen_at = excluded.seen_at",
        column_text(node.name), column_text(node.mesh_address), column_text(node.http_address),
        column_text(node.version), instant_text(node.started_at));
    return {};
  });
}

result<void> node_table::withdraw(std::string_view name) {
  return session_.call([&](pqxx::transaction_base& work) -> result<void> {
    work.exec_params("delete from nodes where name = $1", column_text(name));
    return {};
  });
}

result<std::vector<node_row>> node_table::nodes(duration window) {
  return session_.call([&](pqxx::transaction_base& work) -> result<std::vector<node_row>> {
    const auto rows = work.exec_params(
        "select name, mesh_address, http_address, version,"
        " (extract(epoch from started_at) * 1000000)::bigint,"
        " (extract(epoch from seen_at) * 1000000)::bigint from nodes"
        " where seen_at >= clock_timestamp() - $1::bigint * interval '1 microsecond'"
        " order by name",
        static_cast<int64_t>(window.count()));
    std::vector<node_row> out;
    for (const auto& row : rows)
      out.push_back({row[0].as<std::string>(), row[1].as<std::string>(), row[2].as<std::string>(),
                     row[3].as<std::string>(), from_micros(row[4].as<int64_t>()),
                     from_micros(row[5].as<int64_t>())});
    return out;
  });
}

}  // namespace orrery::postgres
