#include "persistence/postgres/flow_table.hpp"

#include "codec/flows.hpp"
#include "persistence/postgres/row_text.hpp"

namespace orrery::postgres {

namespace {

result<std::vector<flow>> read_all(const pqxx::result& rows) {
  std::vector<flow> list;
  for (const auto& row : rows) {
    auto read = codec::decode_flow(pqxx::binarystring(row[0]).str());
    if (!read)
      return std::move(read).error();
    list.push_back(std::move(*read));
  }
  return list;
}

}  // namespace

result<flow> flow_table::put(const flow& f, time_point now) {
  // Two nodes at once: the second finds the key taken, and looks again.
  for (int tries = 0; tries < 10; ++tries) {
    auto before = get(f.name, 0);
    if (!before && before.error().code != errc::not_found)
      return before;
    auto next = f;
    next.version = before ? before->version : 0;
    if (before && *before == next)
      return next;
    ++next.version;
    const auto stored = session_.call([&](pqxx::transaction_base& work) -> result<bool> {
      const auto body = codec::encode_flow(next);
      const auto done = work.exec_params(
          "insert into flows (name, version, at, body) values ($1, $2, $3::timestamptz, $4)"
          " on conflict do nothing",
          next.name, static_cast<int>(next.version), instant_text(now), pqxx::binarystring(body));
      return done.affected_rows() == 1;
    });
    if (!stored)
      return stored.error();
    if (*stored)
      return next;
  }
  return failure{errc::busy, "others store versions of this flow just now"};
}

result<std::vector<flow>> flow_table::newest() {
  return session_.call([&](pqxx::transaction_base& work) -> result<std::vector<flow>> {
    return read_all(
        work.exec("select distinct on (name) body from flows order by name, version desc"));
  });
}

result<flow> flow_table::get(std::string_view name, uint32_t version) {
  return session_.call([&](pqxx::transaction_base& work) -> result<flow> {
    auto found = read_all(
        work.exec_params("select body from flows where name = $1 and ($2 = 0 or version = $2)"
                         " order by version desc limit 1",
                         std::string(name), static_cast<int>(version)));
    if (!found)
      return std::move(found).error();
    if (found->empty())
      return failure{errc::not_found, "there is no such flow"};
    return std::move(found->front());
  });
}

}  // namespace orrery::postgres
