#include "persistence/sqlite/sqlite_flows.hpp"

#include "codec/flows.hpp"
#include "persistence/sqlite/sqlite_writer.hpp"

namespace orrery {

namespace {

/// The newest version; nothing where there is none.
result<std::optional<flow>> newest_of(sqlite::database& db, std::string_view name) {
  auto q = db.prepared("SELECT body FROM flows WHERE name = ? ORDER BY version DESC LIMIT 1");
  q.add(name);
  const auto row = q.step();
  if (!row)
    return row.error();
  if (!*row)
    return std::optional<flow>{};
  auto read = codec::decode_flow(q.bytes(0));
  if (!read)
    return std::move(read).error();
  return std::optional<flow>(std::move(*read));
}

class flow_session final : public flow_shelf {
public:
  explicit flow_session(std::shared_ptr<sqlite_writer> writer) : writer_(std::move(writer)) {}

  result<flow> put(const flow& f, time_point now) override {
    auto next = f;
    auto ok = writer_->write([&](sqlite::database& db) -> result<void> {
      const auto before = newest_of(db, f.name);
      if (!before)
        return before.error();
      next.version = *before ? (*before)->version : 0;
      if (*before && **before == next)
        return {};
      ++next.version;
      const auto body = codec::encode_flow(next);
      return db.prepared("INSERT INTO flows VALUES (?, ?, ?, ?)")
          .add(next.name)
          .add(int64_t{next.version})
          .add(micros(now))
          .add_blob(body)
          .run();
    });
    if (!ok)
      return std::move(ok).error();
    return next;
  }

  result<std::vector<flow>> newest() override {
    std::vector<flow> list;
    auto ok = writer_->read([&](sqlite::database& db) -> result<void> {
      auto q = db.prepared(
          "SELECT body FROM flows f WHERE version = (SELECT max(version) FROM flows g "
          "WHERE g.name = f.name) ORDER BY name");
      for (;;) {
        const auto row = q.step();
        if (!row)
          return row.error();
        if (!*row)
          return {};
        auto read = codec::decode_flow(q.bytes(0));
        if (!read)
          return std::move(read).error();
        list.push_back(std::move(*read));
      }
    });
    if (!ok)
      return std::move(ok).error();
    return list;
  }

  result<flow> get(std::string_view name, uint32_t version) override {
    std::optional<flow> found;
    auto ok = writer_->read([&](sqlite::database& db) -> result<void> {
      if (version == 0) {
        auto newest = newest_of(db, name);
        if (!newest)
          return std::move(newest).error();
        found = std::move(*newest);
        return {};
      }
      auto q = db.prepared("SELECT body FROM flows WHERE name = ? AND version = ?");
      q.add(name).add(int64_t{version});
      const auto row = q.step();
      if (!row)
        return row.error();
      if (!*row)
        return {};
      auto read = codec::decode_flow(q.bytes(0));
      if (!read)
        return std::move(read).error();
      found = std::move(*read);
      return {};
    });
    if (!ok)
      return std::move(ok).error();
    if (!found)
      return failure{errc::not_found, "there is no such flow"};
    return std::move(*found);
  }

private:
  std::shared_ptr<sqlite_writer> writer_;
};

}  // namespace

std::unique_ptr<flow_shelf> sqlite_flows::open_flows() {
  return std::make_unique<flow_session>(writer_);
}

}  // namespace orrery
