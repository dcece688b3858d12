#include "persistence/sqlite/sqlite_stock.hpp"

#include "base/crash_point.hpp"
#include "persistence/sqlite/sqlite_writer.hpp"

namespace orrery {

namespace {

using sqlite::database;
using sqlite::query;

constexpr const char* one_product =
    "SELECT p.product, p.available, p.received, p.updated_at,"
    " (SELECT coalesce(sum(quantity), 0) FROM stock_reservations r"
    "   WHERE r.product = p.product AND state = 0),"
    " (SELECT coalesce(sum(quantity), 0) FROM stock_reservations r"
    "   WHERE r.product = p.product AND state = 2)"
    " FROM stock_products p WHERE p.product = ?";
constexpr const char* page_of_products =
    "SELECT p.product, p.available, p.received, p.updated_at,"
    " (SELECT coalesce(sum(quantity), 0) FROM stock_reservations r"
    "   WHERE r.product = p.product AND state = 0),"
    " (SELECT coalesce(sum(quantity), 0) FROM stock_reservations r"
    "   WHERE r.product = p.product AND state = 2)"
    " FROM stock_products p WHERE p.product > ? ORDER BY p.product LIMIT ?";

failure no_product(std::string_view product) {
  return {errc::not_found, "there is no product " + std::string(product)};
}

product_stock read_product_row(const query& q) {
  product_stock out;
  out.product = q.text(0);
  out.available = q.number(1);
  out.held = q.number(4);
  out.released = q.number(5);
  out.taken = q.number(2) - out.available - out.held - out.released;
  out.updated_at = q.time(3);
  return out;
}

result<product_stock> find_product(database& db, std::string_view product) {
  auto q = db.prepared(one_product);
  const auto row = q.add(product).step();
  if (!row)
    return row.error();
  if (!*row)
    return no_product(product);
  return read_product_row(q);
}

result<void> note_adjustment(database& db, const stock_change& change, time_point now) {
  return db.prepared("INSERT INTO stock_adjustments VALUES (?, ?, ?, ?, ?, ?)")
      .add_text_or_null(change.key)
      .add(change.product)
      .add(change.by)
      .add(change.reason)
      .add(change.who)
      .add(micros(now))
      .run();
}

result<bool> adjusted_before(database& db, const std::string& key) {
  if (key.empty())
    return false;
  auto q = db.prepared("SELECT 1 FROM stock_adjustments WHERE key = ?");
  return q.add(key).step();
}

result<hold_plan> planned_holds(database& db, std::span<const stock_hold> wishes) {
  std::map<std::string, int64_t> available;
  std::map<entity_id, known_reservation> known;
  for (const auto& wish : wishes) {
    if (!available.contains(wish.product)) {
      auto q = db.prepared("SELECT available FROM stock_products WHERE product = ?");
      const auto row = q.add(wish.product).step();
      if (!row)
        return row.error();
      if (*row)
        available[wish.product] = q.number(0);
    }
    const auto id = to_bytes(wish.task.value);
    auto q = db.prepared("SELECT state, quantity FROM stock_reservations WHERE task = ?");
    const auto row = q.add_id(id).step();
    if (!row)
      return row.error();
    if (*row)
      known[wish.task] = {static_cast<reservation_state>(q.number(0)), q.number(1)};
  }
  return plan_holds(wishes, available, known);
}

result<void> hold_row_again(database& db, const stock_hold& wish, time_point now) {
  const auto id = to_bytes(wish.task.value);
  return db.prepared("UPDATE stock_reservations SET state = 0, at = ? WHERE task = ?")
      .add(micros(now))
      .add_id(id)
      .run();
}

result<void> carry_out_holds(database& db, const hold_plan& plan,
                             std::span<const stock_hold> wishes, time_point now) {
  for (const auto i : plan.fresh) {
    const auto task = to_bytes(wishes[i].task.value);
    const auto order = to_bytes(wishes[i].order.value);
    if (auto ok = db.prepared("INSERT INTO stock_reservations VALUES (?, ?, ?, ?, 0, ?)")
                      .add_id(task)
                      .add_id(order)
                      .add(wishes[i].product)
                      .add(wishes[i].quantity)
                      .add(micros(now))
                      .run();
        !ok)
      return ok;
  }
  for (const auto* list : {&plan.again, &plan.kept})
    for (const auto i : *list)
      if (auto ok = hold_row_again(db, wishes[i], now); !ok)
        return ok;
  for (const auto& [product, n] : plan.takes)
    if (auto ok = db.prepared("UPDATE stock_products SET available = available - ?, updated_at = ?"
                              " WHERE product = ?")
                      .add(n)
                      .add(micros(now))
                      .add(product)
                      .run();
        !ok)
      return ok;
  return {};
}

class stock_session final : public stock_shelf {
public:
  explicit stock_session(std::shared_ptr<sqlite_writer> writer) : writer_(std::move(writer)) {}

  result<product_stock> create(const stock_change& first, time_point now) override {
    return change([&](database& db) -> result<product_stock> {
      auto q = db.prepared("INSERT INTO stock_products VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING");
      if (auto ok = q.add(first.product).add(first.by).add(first.by).add(micros(now)).run(); !ok)
        return std::move(ok).error();
      if (db.changes() != 1)
        return failure{errc::conflict, "there is a product " + first.product + " already"};
      if (auto ok = note_adjustment(db, first, now); !ok)
        return std::move(ok).error();
      return find_product(db, first.product);
    });
  }

  result<product_stock> adjust(const stock_change& wish, time_point now) override {
    return change([&](database& db) -> result<product_stock> {
      const auto before = find_product(db, wish.product);
      if (!before)
        return before;
      const auto done = adjusted_before(db, wish.key);
      if (!done)
        return done.error();
      if (*done)
        return before;
      if (before->available + wish.by < 0)
        return failure{errc::rejected, "only " + std::to_string(before->available) +
                                           " are available of " + wish.product};
      auto q = db.prepared(
          "UPDATE stock_products SET available = available + ?1, received = received + ?1,"
          " updated_at = ?2 WHERE product = ?3");
      if (auto ok = q.add(wish.by).add(micros(now)).add(wish.product).run(); !ok)
        return std::move(ok).error();
      if (auto ok = note_adjustment(db, wish, now); !ok)
        return std::move(ok).error();
      return find_product(db, wish.product);
    });
  }

  result<product_stock> get(std::string_view product) override {
    result<product_stock> found = failure{};
    auto ok = writer_->read([&](database& db) -> result<void> {
      found = find_product(db, product);
      return {};
    });
    return ok ? std::move(found) : result<product_stock>(std::move(ok).error());
  }

  result<stock_page> list(std::string_view after, size_t limit) override {
    stock_page page;
    auto ok = writer_->read([&](database& db) -> result<void> {
      auto q = db.prepared(page_of_products);
      q.add(after).add(static_cast<int64_t>(limit + 1));
      for (;;) {
        const auto row = q.step();
        if (!row)
          return row.error();
        if (!*row)
          return {};
        page.items.push_back(read_product_row(q));
      }
    });
    if (!ok)
      return std::move(ok).error();
    if (page.items.size() > limit) {
      page.items.resize(limit);
      page.next = page.items.back().product;
    }
    return page;
  }

  result<std::vector<hold_outcome>> hold(std::span<const stock_hold> wishes,
                                         time_point now) override {
    std::vector<hold_outcome> outcomes;
    auto ok = writer_->write([&](database& db) -> result<void> {
      auto plan = planned_holds(db, wishes);
      if (!plan)
        return std::move(plan).error();
      outcomes = plan->outcomes;
      return carry_out_holds(db, *plan, wishes, now);
    });
    if (!ok)
      return std::move(ok).error();
    reach(crash_point::stock_held);
    return outcomes;
  }

  result<size_t> settle(size_t limit) override {
    size_t n = 0;
    auto ok = writer_->write([&](database& db) -> result<void> {
      if (auto done = db.prepared("UPDATE stock_products SET available = available + released.n"
                                  " FROM (SELECT product, sum(quantity) AS n FROM (SELECT product,"
                                  " quantity FROM stock_reservations WHERE state = 2 ORDER BY at,"
                                  " task LIMIT ?) GROUP BY product) AS released"
                                  " WHERE stock_products.product = released.product")
                          .add(static_cast<int64_t>(limit))
                          .run();
          !done)
        return done;
      if (auto done =
              db.prepared("UPDATE stock_reservations SET state = 3 WHERE task IN (SELECT task"
                          " FROM stock_reservations WHERE state = 2 ORDER BY at, task"
                          " LIMIT ?)")
                  .add(static_cast<int64_t>(limit))
                  .run();
          !done)
        return done;
      n = static_cast<size_t>(db.changes());
      return {};
    });
    if (!ok)
      return std::move(ok).error();
    return n;
  }

  result<std::vector<stale_hold>> stale(time_point before, size_t limit) override {
    std::vector<stale_hold> list;
    auto ok = writer_->read([&](database& db) -> result<void> {
      auto q = db.prepared(
          "SELECT task, at FROM stock_reservations WHERE state = 0 AND at < ?"
          " ORDER BY at, task LIMIT ?");
      q.add(micros(before)).add(static_cast<int64_t>(limit));
      for (;;) {
        const auto row = q.step();
        if (!row)
          return row.error();
        if (!*row)
          return {};
        const auto id = q.id(0);
        if (!id)
          return id.error();
        list.push_back({entity_id{*id}, q.time(1)});
      }
    });
    if (!ok)
      return std::move(ok).error();
    return list;
  }

  result<void> let_go(std::span<const entity_id> tasks) override {
    return writer_->write([&](database& db) -> result<void> {
      for (const auto task : tasks) {
        const auto id = to_bytes(task.value);
        if (auto ok =
                db.prepared("UPDATE stock_reservations SET state = 2 WHERE task = ? AND state = 0")
                    .add_id(id)
                    .run();
            !ok)
          return ok;
      }
      return {};
    });
  }

  result<std::vector<settled_hold>> settled(const settled_hold& after, time_point before,
                                            size_t limit) override {
    std::vector<settled_hold> list;
    auto ok = writer_->read([&](database& db) -> result<void> {
      const auto order = to_bytes(after.order.value);
      const auto task = to_bytes(after.task.value);
      auto q = db.prepared(
          "SELECT task, order_id, state FROM stock_reservations WHERE state IN (1, 3) AND at < ?"
          " AND (order_id, task) > (?, ?) ORDER BY order_id, task LIMIT ?");
      q.add(micros(before)).add_id(order).add_id(task).add(static_cast<int64_t>(limit));
      for (;;) {
        const auto row = q.step();
        if (!row)
          return row.error();
        if (!*row)
          return {};
        const auto of_task = q.id(0);
        const auto of_order = q.id(1);
        if (!of_task || !of_order)
          return failure{errc::corrupt, "a reservation has no id"};
        list.push_back({entity_id{*of_task}, entity_id{*of_order}, q.number(2) == 1});
      }
    });
    if (!ok)
      return std::move(ok).error();
    return list;
  }

  result<size_t> forget(std::span<const entity_id> tasks) override {
    size_t n = 0;
    auto ok = writer_->write([&](database& db) -> result<void> {
      for (const auto task : tasks) {
        const auto id = to_bytes(task.value);
        if (auto gone =
                db.prepared("DELETE FROM stock_reservations WHERE task = ? AND state IN (1, 3)")
                    .add_id(id)
                    .run();
            !gone)
          return gone;
        n += static_cast<size_t>(db.changes());
      }
      return {};
    });
    if (!ok)
      return std::move(ok).error();
    return n;
  }

private:
  template <class Work>
  result<product_stock> change(Work work) {
    result<product_stock> after = failure{};
    auto ok = writer_->write([&](database& db) -> result<void> {
      after = work(db);
      return after ? result<void>{} : result<void>{after.error()};
    });
    return ok ? std::move(after) : result<product_stock>(std::move(ok).error());
  }

  std::shared_ptr<sqlite_writer> writer_;
};

}  // namespace

result<void> sqlite::move_stock(database& db, std::span<const stock_movement> moves) {
  for (const auto& m : moves) {
    const auto task = to_bytes((m.release ? m.reservation : m.task).value);
    if (m.release && m.reservation.is_nil()) {
      const auto order = to_bytes(m.order.value);
      if (auto ok = db.prepared("UPDATE stock_reservations SET state = 2 WHERE order_id = ?"
                                " AND product = ? AND state = 1")
                        .add_id(order)
                        .add(m.product)
                        .run();
          !ok)
        return ok;
      continue;
    }
    auto q = db.prepared("UPDATE stock_reservations SET state = ? WHERE task = ? AND state <= 1");
    if (auto ok = q.add(int64_t{m.release ? 2 : 1}).add_id(task).run(); !ok)
      return ok;
    if (!m.release && db.changes() != 1)
      return failure{errc::conflict, "stock: nothing is held by task " + to_string(m.task)};
  }
  return {};
}

std::unique_ptr<stock_shelf> sqlite_stock::open_stock() {
  return std::make_unique<stock_session>(writer_);
}

}  // namespace orrery
