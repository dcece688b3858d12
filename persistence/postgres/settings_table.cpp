#include "persistence/postgres/settings_table.hpp"

#include "persistence/postgres/binary_format.hpp"

namespace orrery::postgres {

result<std::vector<setting_row>> settings_table::all(std::string_view prefix) {
  return session_.call([&](pqxx::transaction_base& work) -> result<std::vector<setting_row>> {
    const auto rows = work.exec_params(
        "select name, encode(value, 'hex'), version from settings"
        " where left(name, $1) = $2 order by name collate \"C\"",
        static_cast<int>(prefix.size()), column_text(std::string(prefix)));
    std::vector<setting_row> out;
    for (const auto& row : rows) {
      setting_row one;
      one.name = row[0].as<std::string>();
      const auto hex = row[1].as<std::string>();
      for (size_t i = 0; i + 1 < hex.size(); i += 2)
        one.value.push_back(static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16)));
      one.version = row[2].as<uint64_t>();
      out.push_back(std::move(one));
    }
    return out;
  });
}

result<uint64_t> settings_table::put(std::string_view name, std::string_view value,
                                     uint64_t expected) {
  static constexpr char digits[] = "0123456789abcdef";
  std::string hex;
  for (const char c : value) {
    hex += digits[static_cast<uint8_t>(c) >> 4];
    hex += digits[static_cast<uint8_t>(c) & 15];
  }
  return session_.call([&](pqxx::transaction_base& work) -> result<uint64_t> {
    const auto done =
        expected == 0 ? work.exec_params(
                            "insert into settings (name, value, version)"
                            " values ($1, decode($2, 'hex'), 1) on conflict do nothing",
                            column_text(std::string(name)), hex)
                      : work.exec_params(
                            "update settings set value = decode($2, 'hex'),"
                            " version = version + 1 where name = $1 and version = $3",
                            column_text(std::string(name)), hex, static_cast<int64_t>(expected));
    if (done.affected_rows() != 1)
      return failure{errc::conflict, "somebody else has changed it: it is not at version " +
                                         std::to_string(expected)};
    return expected + 1;
  });
}

}  // namespace orrery::postgres
