#include "persistence/sqlite/sqlite_statistics.hpp"

#include "persistence/sqlite/sqlite_writer.hpp"

namespace orrery {

namespace {

using sqlite::database;
using sqlite::query;

result<position_t> read_statistics_mark(database& db, shard_id shard) {
  auto q = db.prepared("SELECT upto FROM statistics_marks WHERE shard = ?");
  const auto row = q.add(int64_t{shard.value}).step();
  if (!row)
    return row.error();
  return position_t{*row ? q.number(0) : 0};
}

result<void> write_statistics(database& db, shard_id shard, position_t upto,
                              std::span<const order_statistic> rows) {
  for (const auto& row : rows) {
    auto q = db.prepared(
        "INSERT INTO order_statistics VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (minute, product, "
        "status, "
        "shard) DO UPDATE SET orders = orders + excluded.orders, quantity = quantity + "
        "excluded.quantity");
    q.add(micros(row.minute)).add(row.product).add(static_cast<int64_t>(row.status));
    q.add(int64_t{shard.value}).add(row.orders).add(row.quantity);
    if (auto ok = q.run(); !ok)
      return ok;
  }
  return db
      .prepared(
          "INSERT INTO statistics_marks VALUES (?, ?)"
          " ON CONFLICT (shard) DO UPDATE SET upto = excluded.upto")
      .add(int64_t{shard.value})
      .add(upto.value)
      .run();
}

result<std::vector<order_statistic>> read_statistics(query& q) {
  std::vector<order_statistic> list;
  for (;;) {
    const auto row = q.step();
    if (!row)
      return row.error();
    if (!*row)
      return list;
    list.push_back(
        {q.time(0), q.text(1), static_cast<order_status>(q.number(2)), q.number(3), q.number(4)});
  }
}

class statistics_session final : public statistics_store {
public:
  explicit statistics_session(std::shared_ptr<sqlite_writer> writer) : writer_(std::move(writer)) {}

  result<position_t> mark(shard_id shard) override {
    result<position_t> found = failure{};
    auto ok = writer_->read([&](database& db) -> result<void> {
      found = read_statistics_mark(db, shard);
      return {};
    });
    return ok ? found : result<position_t>(std::move(ok).error());
  }

  result<bool> add(shard_id shard, position_t from, position_t upto,
                   std::span<const order_statistic> rows) override {
    bool counted = false;
    auto ok = writer_->write([&](database& db) -> result<void> {
      const auto now = read_statistics_mark(db, shard);
      if (!now)
        return now.error();
      counted = *now == from;
      return counted ? write_statistics(db, shard, upto, rows) : result<void>{};
    });
    return ok ? result<bool>(counted) : result<bool>(std::move(ok).error());
  }

  result<shard_statistics> of_shard(shard_id shard) override {
    shard_statistics whole;
    auto ok = writer_->write([&](database& db) -> result<void> {  // one moment for both
      const auto now = read_statistics_mark(db, shard);
      if (!now)
        return now.error();
      whole.upto = *now;
      auto q = db.prepared(
          "SELECT minute, product, status, orders, quantity FROM order_statistics"
          " WHERE shard = ? ORDER BY minute, product, status");
      auto rows = read_statistics(q.add(int64_t{shard.value}));
      if (!rows)
        return std::move(rows).error();
      whole.rows = std::move(*rows);
      return {};
    });
    if (!ok)
      return std::move(ok).error();
    return whole;
  }

  result<void> replace(shard_id shard, const shard_statistics& whole) override {
    return writer_->write([&](database& db) -> result<void> {
      if (auto gone = db.prepared("DELETE FROM order_statistics WHERE shard = ?")
                          .add(int64_t{shard.value})
                          .run();
          !gone)
        return gone;
      return write_statistics(db, shard, whole.upto, whole.rows);
    });
  }

  result<std::vector<order_statistic>> find(const statistics_query& wish) override {
    std::string sql =
        "SELECT minute, product, status, sum(orders), sum(quantity) FROM order_statistics"
        " WHERE minute >= ? AND minute < ?";
    if (!wish.product.empty())
      sql += " AND product = ?";
    for (size_t i = 0; i < wish.statuses.size(); ++i)
      sql += i == 0 ? " AND status IN (?" : ", ?";
    sql += wish.statuses.empty() ? "" : ")";
    sql += " GROUP BY minute, product, status ORDER BY minute DESC, product, status LIMIT ?";
    std::vector<order_statistic> list;
    auto ok = writer_->read([&](database& db) -> result<void> {
      failure why;
      const auto statement = db.compile(sql, why);
      if (!statement)
        return why;
      auto q = db.run_once(statement);
      q.add(micros(wish.from));
      q.add(wish.to == time_point{} ? std::numeric_limits<int64_t>::max() : micros(wish.to));
      if (!wish.product.empty())
        q.add(wish.product);
      for (const auto status : wish.statuses)
        q.add(static_cast<int64_t>(status));
      auto rows = read_statistics(q.add(static_cast<int64_t>(wish.limit)));
      if (!rows)
        return std::move(rows).error();
      list = std::move(*rows);
      return {};
    });
    if (!ok)
      return std::move(ok).error();
    return list;
  }

private:
  std::shared_ptr<sqlite_writer> writer_;
};

}  // namespace

std::unique_ptr<statistics_store> sqlite_statistics::open_statistics() {
  return std::make_unique<statistics_session>(writer_);
}

}  // namespace orrery
