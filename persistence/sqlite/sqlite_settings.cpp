#include "persistence/sqlite/sqlite_settings.hpp"

namespace orrery {

result<std::vector<setting_row>> sqlite_settings::all(std::string_view prefix) {
  std::vector<setting_row> rows;
  auto ok = writer_->read([&](sqlite::database& db) -> result<void> {
    auto q = db.prepared(
        "SELECT name, value, version FROM settings WHERE substr(name, 1, ?) = ? ORDER BY name");
    q.add(static_cast<int64_t>(prefix.size())).add(prefix);
    for (;;) {
      const auto row = q.step();
      if (!row)
        return row.error();
      if (!*row)
        return {};
      rows.push_back({q.text(0), q.text(1), static_cast<uint64_t>(q.number(2))});
    }
  });
  if (!ok)
    return std::move(ok).error();
  return rows;
}

result<uint64_t> sqlite_settings::put(std::string_view name, std::string_view value,
                                      uint64_t expected) {
  auto ok = writer_->write([&](sqlite::database& db) -> result<void> {
    uint64_t present = 0;
    {
      auto q = db.prepared("SELECT version FROM settings WHERE name = ?");
      const auto row = q.add(name).step();
      if (!row)
        return row.error();
      if (*row)
        present = static_cast<uint64_t>(q.number(0));
    }
    if (present != expected)
      return failure{errc::conflict, "somebody else has changed it: version " +
                                         std::to_string(present) + ", not " +
                                         std::to_string(expected)};
    return db.prepared("INSERT OR REPLACE INTO settings (name, value, version) VALUES (?, ?, ?)")
        .add(name)
        .add(value)
        .add(static_cast<int64_t>(expected + 1))
        .run();
  });
  if (!ok)
    return std::move(ok).error();
  return expected + 1;
}

}  // namespace orrery
