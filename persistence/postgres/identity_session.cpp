#include "persistence/postgres/identity_session.hpp"

#include "persistence/postgres/binary_format.hpp"
#include "persistence/postgres/row_text.hpp"

namespace orrery::postgres {

namespace {

constexpr size_t body_bytes_max = 64 * 1024;

std::string columns_of(identity_table table) {
  return "select key, owner, body, version,"
         " coalesce((extract(epoch from expires_at) * 1000000)::bigint, 0) from " +
         std::string(to_string(table));
}

identity_record record_of(const pqxx::row& row) {
  return {row[0].as<std::string>(), row[1].as<std::string>(), row[2].as<std::string>(),
          row[3].as<uint64_t>(), from_micros(row[4].as<int64_t>())};
}

std::optional<std::string> instant_or_null(time_point at) {
  if (at == never)
    return std::nullopt;
  return instant_text(at);
}

}  // namespace

result<std::optional<identity_record>> identity_session::find(identity_table table,
                                                              std::string_view key) {
  return session_.call([&](pqxx::transaction_base& work) -> result<std::optional<identity_record>> {
    const auto rows = work.exec_params(columns_of(table) + " where key = $1", column_text(key));
    if (rows.empty())
      return std::optional<identity_record>{};
    return std::optional<identity_record>{record_of(rows[0])};
  });
}

result<uint64_t> identity_session::put(identity_table table, const identity_record& record) {
  const std::string name(to_string(table));
  // A statement of its own is a transaction. Where the connection is lost after it took effect, the
  // repetition meets its own version and answers a conflict: the caller reads again and sees it.
  return session_.call([&](pqxx::transaction_base& work) -> result<uint64_t> {
    const auto key = column_text(record.key);
    const auto owner = column_text(record.owner);
    const auto body = column_text(record.body, body_bytes_max);
    const auto expires = instant_or_null(record.expires_at);
    const auto rows =
        record.version == 0
            ? work.exec_params("insert into " + name +
                                   " (key, owner, body, version, expires_at)"
                                   " values ($1, $2, $3, 1, $4::timestamptz)"
                                   " on conflict (key) do nothing returning version",
                               key, owner, body, expires)
            : work.exec_params("update " + name +
                                   " set owner = $2, body = $3, expires_at = $4::timestamptz,"
                                   " version = version + 1 where key = $1 and version = $5"
                                   " returning version",
                               key, owner, body, expires, record.version);
    if (rows.empty())
      return failure{errc::conflict, "it was changed by somebody else"};
    return rows[0][0].as<uint64_t>();
  });
}

result<bool> identity_session::remove(identity_table table, std::string_view key) {
  return session_.call([&](pqxx::transaction_base& work) -> result<bool> {
    const auto gone = work.exec_params(
        "delete from " + std::string(to_string(table)) + " where key = $1", column_text(key));
    return gone.affected_rows() > 0;
  });
}

result<std::vector<identity_record>> identity_session::list(identity_table table,
                                                            std::string_view owner,
                                                            std::string_view after, size_t limit) {
  return session_.call([&](pqxx::transaction_base& work) -> result<std::vector<identity_record>> {
    const auto rows =
        work.exec_params(columns_of(table) +
                             " where key collate \"C\" > $1 and ($2 = '' or owner = $2) order by "
                             "key collate \"C\" limit $3",
                         column_text(after), column_text(owner), static_cast<int64_t>(limit));
    std::vector<identity_record> out;
    for (const auto& row : rows)
      out.push_back(record_of(row));
    return out;
  });
}

result<void> identity_session::purge(time_point now) {
  return session_.call([&](pqxx::transaction_base& work) -> result<void> {
    for (size_t i = 0; i < identity_tables; ++i)
      work.exec_params("delete from " + std::string(to_string(static_cast<identity_table>(i))) +
                           " where expires_at < $1::timestamptz",
                       instant_text(now));
    return {};
  });
}

result<void> identity_session::append_audit(std::span<const audit_entry> entries) {
  return session_.on_connection([&](pqxx::connection& connection) -> result<void> {
    pqxx::work work(connection);
    for (const auto& e : entries)
      work.exec_params(
          "insert into audit_log (at, actor, action, target, outcome, reason, address, request_id,"
          " node) values ($1::timestamptz, $2, $3, $4, $5, $6, $7, $8, $9)",
          instant_text(e.at), column_text(e.actor), column_text(e.action), column_text(e.target),
          column_text(e.outcome), column_text(e.reason), column_text(e.address),
          column_text(e.request_id), column_text(e.node));
    work.commit();
    return {};
  });
}

result<std::vector<audit_entry>> identity_session::audit(const audit_query& query) {
  return session_.call([&](pqxx::transaction_base& work) -> result<std::vector<audit_entry>> {
    const auto rows = work.exec_params(
        "select number, (extract(epoch from at) * 1000000)::bigint, actor, action, target, outcome,"
        " reason, address, request_id, node from audit_log"
        " where ($1::bigint = 0 or number < $1) and ($2 = '' or actor = $2)"
        " and ($3 = '' or action = $3) and ($4 = '' or outcome = $4)"
        " order by number desc limit $5",
        query.before, column_text(query.actor), column_text(query.action),
        column_text(query.outcome), static_cast<int64_t>(query.limit));
    std::vector<audit_entry> out;
    for (const auto& row : rows)
      out.push_back({row[0].as<int64_t>(), from_micros(row[1].as<int64_t>()),
                     row[2].as<std::string>(), row[3].as<std::string>(), row[4].as<std::string>(),
                     row[5].as<std::string>(), row[6].as<std::string>(), row[7].as<std::string>(),
                     row[8].as<std::string>(), row[9].as<std::string>()});
    return out;
  });
}

}  // namespace orrery::postgres
