#include "persistence/sqlite/sqlite_stock.hpp"

#include "base/crash_point.hpp"
#include "persistence/sqlite/sqlite_writer.hpp"

#include <type_traits>

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

/// Every row that is left, each as `read` has it, unless that fails.
template <class Row, class Read>
result<std::vector<Row>> all_rows(query& q, Read read) {
  std::vector<Row> rows;
  for (;;) {
    const auto more = q.step();
    if (!more)
      return more.error();
    if (!*more)
      return rows;
    result<Row> row = read();
    if (!row)
      return std::move(row).error();
    rows.push_back(std::move(*row));
  }
}

/// Runs `sql` for one task after the other: how many rows it changed.
result<size_t> run_for_each(database& db, const char* sql, std::span<const entity_id> tasks) {
  size_t n = 0;
  for (const auto task : tasks) {
    const auto id = to_bytes(task.value);
    if (auto ok = db.prepared(sql).add_id(id).run(); !ok)
      return std::move(ok).error();
    n += static_cast<size_t>(db.changes());
  }
  return n;
}

class stock_session final : public stock_shelf {
public:
  explicit stock_session(std::shared_ptr<sqlite_writer> writer) : writer_(std::move(writer)) {}

  result<product_stock> create(const stock_change& first, time_point now) override {
    return write([&](database& db) -> result<product_stock> {
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
    return write([&](database& db) -> result<product_stock> {
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
    return read([&](database& db) { return find_product(db, product); });
  }

  result<stock_page> list(std::string_view after, size_t limit) override {
    return read([&](database& db) -> result<stock_page> {
      auto q = db.prepared(page_of_products);
      q.add(after).add(static_cast<int64_t>(limit + 1));
      auto items = all_rows<product_stock>(q, [&] { return read_product_row(q); });
      if (!items)
        return std::move(items).error();
      stock_page page{.items = std::move(*items), .next = {}};
      if (page.items.size() > limit) {
        page.items.resize(limit);
        page.next = page.items.back().product;
      }
      return page;
    });
  }

  result<std::vector<hold_outcome>> hold(std::span<const stock_hold> wishes,
                                         time_point now) override {
    auto outcomes = write([&](database& db) -> result<std::vector<hold_outcome>> {
      auto plan = planned_holds(db, wishes);
      if (!plan)
        return std::move(plan).error();
      if (auto ok = carry_out_holds(db, *plan, wishes, now); !ok)
        return std::move(ok).error();
      return std::move(plan->outcomes);
    });
    if (outcomes)
      reach(crash_point::stock_held);
    return outcomes;
  }

  result<size_t> settle(size_t limit) override {
    return write([&](database& db) -> result<size_t> {
      if (auto done = db.prepared("UPDATE stock_products SET available = available + released.n"
                                  " FROM (SELECT product, sum(quantity) AS n FROM (SELECT product,"
                                  " quantity FROM stock_reservations WHERE state = 2 ORDER BY at,"
                                  " task LIMIT ?) GROUP BY product) AS released"
                                  " WHERE stock_products.product = released.product")
                          .add(static_cast<int64_t>(limit))
                          .run();
          !done)
        return std::move(done).error();
      if (auto done =
              db.prepared("UPDATE stock_reservations SET state = 3 WHERE task IN (SELECT task"
                          " FROM stock_reservations WHERE state = 2 ORDER BY at, task"
                          " LIMIT ?)")
                  .add(static_cast<int64_t>(limit))
                  .run();
          !done)
        return std::move(done).error();
      return static_cast<size_t>(db.changes());
    });
  }

  result<std::vector<stale_hold>> stale(time_point before, size_t limit) override {
    return read([&](database& db) {
      auto q = db.prepared(
          "SELECT task, at FROM stock_reservations WHERE state = 0 AND at < ?"
          " ORDER BY at, task LIMIT ?");
      q.add(micros(before)).add(static_cast<int64_t>(limit));
      return all_rows<stale_hold>(q, [&]() -> result<stale_hold> {
        const auto id = q.id(0);
        if (!id)
          return id.error();
        return stale_hold{entity_id{*id}, q.time(1)};
      });
    });
  }

  result<void> let_go(std::span<const entity_id> tasks) override {
    auto changed = write([&](database& db) {
      return run_for_each(
          db, "UPDATE stock_reservations SET state = 2 WHERE task = ? AND state = 0", tasks);
    });
    return changed ? result<void>{} : result<void>{std::move(changed).error()};
  }

  result<std::vector<settled_hold>> settled(const settled_hold& after, time_point before,
                                            size_t limit) override {
    return read([&](database& db) {
      const auto order = to_bytes(after.order.value);
      const auto task = to_bytes(after.task.value);
      auto q = db.prepared(
          "SELECT task, order_id, state FROM stock_reservations WHERE state IN (1, 3) AND at < ?"
          " AND (order_id, task) > (?, ?) ORDER BY order_id, task LIMIT ?");
      q.add(micros(before)).add_id(order).add_id(task).add(static_cast<int64_t>(limit));
      return all_rows<settled_hold>(q, [&]() -> result<settled_hold> {
        const auto of_task = q.id(0);
        const auto of_order = q.id(1);
        if (!of_task || !of_order)
          return failure{errc::corrupt, "a reservation has no id"};
        return settled_hold{entity_id{*of_task}, entity_id{*of_order}, q.number(2) == 1};
      });
    });
  }

  result<size_t> forget(std::span<const entity_id> tasks) override {
    return write([&](database& db) {
      return run_for_each(db, "DELETE FROM stock_reservations WHERE task = ? AND state IN (1, 3)",
                          tasks);
    });
  }

private:
  template <class Steps>
  using answer_of = std::invoke_result_t<Steps&, database&>;

  /// In one transaction, undone where `steps` fail.
  template <class Steps>
  answer_of<Steps> write(Steps steps) {
    return answered(&sqlite_writer::write, steps);
  }
  template <class Steps>
  answer_of<Steps> read(Steps steps) {
    return answered(&sqlite_writer::read, steps);
  }
  /// What `steps` answer, or why they were not carried out.
  template <class Steps>
  answer_of<Steps> answered(result<void> (sqlite_writer::*way)(const sqlite_writer::work&),
                            Steps& steps) {
    answer_of<Steps> answer = failure{};
    auto ok = ((*writer_).*way)([&](database& db) -> result<void> {
      answer = steps(db);
      return answer ? result<void>{} : result<void>{answer.error()};
    });
    if (!ok)
      answer = std::move(ok).error();
    return answer;
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
