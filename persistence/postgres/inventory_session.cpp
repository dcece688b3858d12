#include "persistence/postgres/inventory_session.hpp"

#include "base/crash_point.hpp"
#include "persistence/postgres/row_text.hpp"

#include <algorithm>

namespace orrery::postgres {

namespace {

/// What is taken is what came in and is nowhere else.
constexpr const char* select_products =
    "select p.product, p.available, p.received,"
    " (extract(epoch from p.updated_at) * 1000000)::bigint, coalesce(o.held, 0),"
    " coalesce(o.released, 0) from stock_products p left join lateral ("
    "select sum(quantity) filter (where state = 0) as held,"
    " sum(quantity) filter (where state = 2) as released from stock_reservations r"
    " where r.product = p.product and r.state in (0, 2)) o on true ";

product_stock read_product_row(const pqxx::row& row) {
  product_stock out;
  out.product = row[0].as<std::string>();
  out.available = row[1].as<int64_t>();
  out.held = row[4].as<int64_t>();
  out.released = row[5].as<int64_t>();
  out.taken = row[2].as<int64_t>() - out.available - out.held - out.released;
  out.updated_at = from_micros(row[3].as<int64_t>());
  return out;
}

result<product_stock> find_product(pqxx::transaction_base& work, const std::string& product) {
  const auto rows =
      work.exec_params(std::string(select_products) + "where p.product = $1", product);
  if (rows.empty())
    return failure{errc::not_found, "there is no product " + product};
  return read_product_row(rows[0]);
}

void note_adjustment(pqxx::transaction_base& work, const stock_change& change, time_point now) {
  work.exec_params(
      "insert into stock_adjustments values (nullif($1, ''), $2, $3, $4, $5, $6::timestamptz)",
      change.key, change.product, change.by, change.reason, change.who, instant_text(now));
}

hold_plan planned_holds(pqxx::transaction_base& work, std::span<const stock_hold> wishes) {
  std::vector<std::string> names;
  std::vector<entity_id> tasks;
  for (const auto& wish : wishes) {
    names.push_back(wish.product);
    tasks.push_back(wish.task);
  }
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  std::map<std::string, int64_t> available;
  for (const auto& row : work.exec_params("select product, available from stock_products"
                                          " where product = any($1::text[]) order by product"
                                          " for update",
                                          array_text(names)))
    available.emplace(row[0].as<std::string>(), row[1].as<int64_t>());
  std::map<entity_id, known_reservation> known;
  for (const auto& row : work.exec_params("select task::text, state, quantity"
                                          " from stock_reservations where task = any($1::uuid[])",
                                          array_text(tasks)))
    if (const auto id = parse_entity_id(row[0].as<std::string>()))
      known[*id] = {static_cast<reservation_state>(row[1].as<int>()), row[2].as<int64_t>()};
  return plan_holds(wishes, available, known);
}

void add_fresh(pqxx::transaction_base& work, const hold_plan& plan,
               std::span<const stock_hold> wishes, time_point now) {
  if (plan.fresh.empty())
    return;
  std::vector<entity_id> tasks;
  std::vector<entity_id> orders;
  std::vector<std::string> products;
  std::vector<std::string> quantities;
  for (const auto i : plan.fresh) {
    tasks.push_back(wishes[i].task);
    orders.push_back(wishes[i].order);
    products.push_back(wishes[i].product);
    quantities.push_back(std::to_string(wishes[i].quantity));
  }
  work.exec_params(
      "insert into stock_reservations select t, o, p, q, 0, $5::timestamptz"
      " from unnest($1::uuid[], $2::uuid[], $3::text[], $4::bigint[]) n(t, o, p, q)",
      array_text(tasks), array_text(orders), array_text(products), array_text(quantities),
      instant_text(now));
}

/// False where others moved a row in between: then all of it is tried again.
bool hold_again(pqxx::transaction_base& work, const std::vector<size_t>& which,
                std::span<const stock_hold> wishes, reservation_state from, time_point now) {
  if (which.empty())
    return true;
  std::vector<entity_id> tasks;
  for (const auto i : which)
    tasks.push_back(wishes[i].task);
  const auto done = work.exec_params(
      "update stock_reservations set state = 0, at = $3::timestamptz"
      " where task = any($1::uuid[]) and state = $2",
      array_text(tasks), static_cast<int>(from), instant_text(now));
  return done.affected_rows() == which.size();
}

void take_available(pqxx::transaction_base& work, const hold_plan& plan, time_point now) {
  std::vector<std::string> names;
  std::vector<std::string> counts;
  for (const auto& [product, n] : plan.takes) {
    names.push_back(product);
    counts.push_back(std::to_string(n));
  }
  if (!names.empty())
    work.exec_params(
        "update stock_products p set available = available - n.q,"
        " updated_at = $3::timestamptz from unnest($1::text[], $2::bigint[]) n(p, q)"
        " where p.product = n.p",
        array_text(names), array_text(counts), instant_text(now));
}

}  // namespace

std::string array_text(std::span<const std::string> values) {
  std::string out = "{";
  for (const auto& value : values) {
    out += out.size() == 1 ? "\"" : ",\"";
    for (const char c : value) {
      if (c == '"' || c == '\\')
        out += '\\';
      out += c;
    }
    out += '"';
  }
  return out + "}";
}

std::string array_text(std::span<const entity_id> ids) {
  std::string out = "{";
  for (const auto id : ids) {
    if (out.size() > 1)
      out += ',';
    append_uuid(out, id.value);
  }
  return out + "}";
}

result<product_stock> inventory_session::create(const stock_change& first, time_point now) {
  return session_.on_connection([&](pqxx::connection& connection) -> result<product_stock> {
    pqxx::work work(connection);
    const auto made = work.exec_params(
        "insert into stock_products values ($1, $2, $2, $3::timestamptz) on conflict do nothing",
        first.product, first.by, instant_text(now));
    if (made.affected_rows() != 1)
      return failure{errc::conflict, "there is a product " + first.product + " already"};
    note_adjustment(work, first, now);
    auto after = find_product(work, first.product);
    work.commit();
    return after;
  });
}

result<product_stock> inventory_session::adjust(const stock_change& change, time_point now) {
  return session_.on_connection([&](pqxx::connection& connection) -> result<product_stock> {
    pqxx::work work(connection);
    const auto rows = work.exec_params(
        "select available from stock_products where product = $1 for update", change.product);
    if (rows.empty())
      return failure{errc::not_found, "there is no product " + change.product};
    const bool done =
        !change.key.empty() &&
        !work.exec_params("select 1 from stock_adjustments where key = $1", change.key).empty();
    if (!done) {
      if (rows[0][0].as<int64_t>() + change.by < 0)
        return failure{errc::rejected, "only " + rows[0][0].as<std::string>() +
                                           " are available of " + change.product};
      work.exec_params(
          "update stock_products set available = available + $2,"
          " received = received + $2, updated_at = $3::timestamptz where product = $1",
          change.product, change.by, instant_text(now));
      note_adjustment(work, change, now);
    }
    auto after = find_product(work, change.product);
    work.commit();
    return after;
  });
}

result<product_stock> inventory_session::get(std::string_view product) {
  return session_.call(
      [&](pqxx::transaction_base& work) { return find_product(work, std::string(product)); });
}

result<stock_page> inventory_session::list(std::string_view after, size_t limit) {
  return session_.call([&](pqxx::transaction_base& work) -> result<stock_page> {
    stock_page page;
    for (const auto& row : work.exec_params(
             std::string(select_products) + "where p.product > $1 order by p.product limit $2",
             std::string(after), static_cast<int64_t>(limit + 1)))
      page.items.push_back(read_product_row(row));
    if (page.items.size() > limit) {
      page.items.resize(limit);
      page.next = page.items.back().product;
    }
    return page;
  });
}

result<std::vector<hold_outcome>> inventory_session::hold(std::span<const stock_hold> wishes,
                                                          time_point now) {
  return session_.on_connection(
      [&](pqxx::connection& connection) -> result<std::vector<hold_outcome>> {
        pqxx::work work(connection);
        auto plan = planned_holds(work, wishes);
        add_fresh(work, plan, wishes, now);
        if (!hold_again(work, plan.again, wishes, reservation_state::closed, now) ||
            !hold_again(work, plan.kept, wishes, reservation_state::released, now))
          return failure{errc::busy, "a reservation was moved in between"};
        take_available(work, plan, now);
        work.commit();
        reach(crash_point::stock_held);
        return std::move(plan.outcomes);
      });
}

result<size_t> inventory_session::settle(size_t limit) {
  return session_.on_connection([&](pqxx::connection& connection) -> result<size_t> {
    pqxx::work work(connection);
    // Products first, in order, as `hold` does; then only what nobody is preparing.
    work.exec(
        "select 1 from stock_products where product in (select product from"
        " stock_reservations where state = 2) order by product for update");
    const auto done = work.exec_params(
        "with picked as (select task from stock_reservations where state = 2"
        "  and product in (select product from stock_products) limit $1 for update skip locked),"
        " given as (update stock_reservations r set state = 3 from picked"
        "  where r.task = picked.task returning r.product, r.quantity),"
        " sums as (select product, sum(quantity) as n, count(*) as c from given group by product),"
        " added as (update stock_products p set available = available + sums.n from sums"
        "  where p.product = sums.product)"
        " select coalesce(sum(c), 0) from sums",
        static_cast<int64_t>(limit));
    work.commit();
    return done[0][0].as<size_t>();
  });
}

result<std::vector<stale_hold>> inventory_session::stale(time_point before, size_t limit) {
  return session_.call([&](pqxx::transaction_base& work) -> result<std::vector<stale_hold>> {
    std::vector<stale_hold> list;
    for (const auto& row : work.exec_params(
             "select task::text, (extract(epoch from at) * 1000000)::bigint from stock_reservations"
             " where state = 0 and at < $1::timestamptz order by at limit $2",
             instant_text(before), static_cast<int64_t>(limit)))
      if (const auto id = parse_entity_id(row[0].as<std::string>()))
        list.push_back({*id, from_micros(row[1].as<int64_t>())});
    return list;
  });
}

result<std::vector<settled_hold>> inventory_session::settled(const settled_hold& after,
                                                             time_point before, size_t limit) {
  return session_.call([&](pqxx::transaction_base& work) -> result<std::vector<settled_hold>> {
    std::vector<settled_hold> list;
    for (const auto& row : work.exec_params(
             "select task::text, order_id::text, state = 1 from stock_reservations"
             " where state in (1, 3) and at < $1::timestamptz"
             " and (order_id, task) > ($2::uuid, $3::uuid) order by order_id, task limit $4",
             instant_text(before), to_string(after.order), to_string(after.task),
             static_cast<int64_t>(limit))) {
      const auto task = parse_entity_id(row[0].as<std::string>());
      const auto order = parse_entity_id(row[1].as<std::string>());
      if (task && order)
        list.push_back({*task, *order, row[2].as<bool>()});
    }
    return list;
  });
}

/// What somebody moves at this moment is left for the next time.
result<size_t> inventory_session::forget(std::span<const entity_id> tasks) {
  return session_.call([&](pqxx::transaction_base& work) -> result<size_t> {
    return work
        .exec_params(
            "delete from stock_reservations where task in (select task from stock_reservations"
            " where task = any($1::uuid[]) and state in (1, 3) for update skip locked)",
            array_text(tasks))
        .affected_rows();
  });
}

result<void> inventory_session::let_go(std::span<const entity_id> tasks) {
  return session_.call([&](pqxx::transaction_base& work) -> result<void> {
    work.exec_params(
        "update stock_reservations set state = 2 where task in (select task from stock_reservations"
        " where task = any($1::uuid[]) and state = 0 for update skip locked)",
        array_text(tasks));
    return {};
  });
}

}  // namespace orrery::postgres
