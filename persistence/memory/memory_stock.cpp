#include "persistence/memory/memory_stock.hpp"

#include "persistence/memory/memory_state.hpp"

#include <algorithm>

namespace orrery {

bool memory_stock_book::can(std::span<const stock_movement> moves) const {
  return std::all_of(moves.begin(), moves.end(), [&](const stock_movement& m) {
    if (m.release)
      return true;
    const auto found = reservations.find(m.task);
    return found != reservations.end() && found->second.state <= reservation_state::taken;
  });
}

void memory_stock_book::move(std::span<const stock_movement> moves) {
  for (const auto& m : moves) {
    if (!m.release) {
      reservations.at(m.task).state = reservation_state::taken;
      continue;
    }
    for (auto& [task, one] : reservations) {
      const bool meant = m.reservation.is_nil()
                             ? one.what.order == m.order && one.what.product == m.product &&
                                   one.state == reservation_state::taken
                             : task == m.reservation && one.state <= reservation_state::taken;
      if (meant)
        one.state = reservation_state::released;
    }
  }
}

namespace {

class stock_session final : public stock_shelf {
public:
  explicit stock_session(std::shared_ptr<memory_state> state) : state_(std::move(state)) {}

  result<product_stock> create(const stock_change& first, time_point now) override {
    const std::lock_guard lock(state_->guard);
    const auto [place, fresh] =
        book().products.try_emplace(first.product, memory_product{first.by, first.by, now});
    if (!fresh)
      return failure{errc::conflict, "there is a product " + first.product + " already"};
    return view(place->first, place->second);
  }

  result<product_stock> adjust(const stock_change& change, time_point now) override {
    const std::lock_guard lock(state_->guard);
    const auto found = book().products.find(change.product);
    if (found == book().products.end())
      return missing(change.product);
    auto& product = found->second;
    if (change.key.empty() || !book().adjusted.contains(change.key)) {
      if (product.available + change.by < 0)
        return failure{errc::rejected, "only " + std::to_string(product.available) +
                                           " are available of " + change.product};
      product.available += change.by;
      product.received += change.by;
      product.updated_at = now;
      if (!change.key.empty())
        book().adjusted.insert(change.key);
    }
    return view(found->first, product);
  }

  result<product_stock> get(std::string_view product) override {
    const std::lock_guard lock(state_->guard);
    const auto found = book().products.find(product);
    if (found == book().products.end())
      return missing(product);
    return view(found->first, found->second);
  }

  result<stock_page> list(std::string_view after, size_t limit) override {
    const std::lock_guard lock(state_->guard);
    stock_page page;
    for (auto i = book().products.upper_bound(after); i != book().products.end(); ++i) {
      if (page.items.size() == limit) {
        page.next = page.items.back().product;
        break;
      }
      page.items.push_back(view(i->first, i->second));
    }
    return page;
  }

  result<std::vector<hold_outcome>> hold(std::span<const stock_hold> wishes,
                                         time_point now) override {
    if (auto ok = state_->may("hold"); !ok)
      return std::move(ok).error();
    const std::lock_guard lock(state_->guard);
    std::map<std::string, int64_t> available;
    std::map<entity_id, known_reservation> known;
    for (const auto& wish : wishes) {
      if (const auto p = book().products.find(wish.product); p != book().products.end())
        available[wish.product] = p->second.available;
      if (const auto r = book().reservations.find(wish.task); r != book().reservations.end())
        known[wish.task] = {r->second.state, r->second.what.quantity};
    }
    auto plan = plan_holds(wishes, available, known);
    for (const auto i : plan.fresh)
      book().reservations[wishes[i].task] = {wishes[i], reservation_state::held, now};
    for (const auto* list : {&plan.again, &plan.kept})
      for (const auto i : *list) {
        auto& row = book().reservations[wishes[i].task];
        row.state = reservation_state::held;
        row.at = now;
      }
    for (const auto& [product, n] : plan.takes)
      book().products.at(product).available -= n;
    return std::move(plan.outcomes);
  }

  result<size_t> settle(size_t limit) override {
    const std::lock_guard lock(state_->guard);
    size_t n = 0;
    for (auto& [task, one] : book().reservations)
      if (n < limit && one.state == reservation_state::released) {
        one.state = reservation_state::closed;
        book().products.at(one.what.product).available += one.what.quantity;
        ++n;
      }
    return n;
  }

  result<std::vector<stale_hold>> stale(time_point before, size_t limit) override {
    const std::lock_guard lock(state_->guard);
    std::vector<stale_hold> list;
    for (const auto& [task, one] : book().reservations)
      if (one.state == reservation_state::held && one.at < before)
        list.push_back({task, one.at});
    std::sort(list.begin(), list.end(), [](auto& a, auto& b) { return a.at < b.at; });
    list.resize(std::min(list.size(), limit));
    return list;
  }

  result<void> let_go(std::span<const entity_id> tasks) override {
    const std::lock_guard lock(state_->guard);
    for (const auto task : tasks)
      if (const auto found = book().reservations.find(task);
          found != book().reservations.end() && found->second.state == reservation_state::held)
        found->second.state = reservation_state::released;
    return {};
  }

  result<std::vector<settled_hold>> settled(const settled_hold& after, time_point before,
                                            size_t limit) override {
    const std::lock_guard lock(state_->guard);
    std::vector<settled_hold> list;
    for (const auto& [task, one] : book().reservations) {
      const bool taken = one.state == reservation_state::taken;
      if ((taken || one.state == reservation_state::closed) && one.at < before &&
          std::pair(one.what.order, task) > std::pair(after.order, after.task))
        list.push_back({task, one.what.order, taken});
    }
    std::sort(list.begin(), list.end(), [](const auto& a, const auto& b) {
      return std::pair(a.order, a.task) < std::pair(b.order, b.task);
    });
    list.resize(std::min(list.size(), limit));
    return list;
  }

  result<size_t> forget(std::span<const entity_id> tasks) override {
    const std::lock_guard lock(state_->guard);
    size_t n = 0;
    for (const auto task : tasks) {
      const auto found = book().reservations.find(task);
      if (found == book().reservations.end())
        continue;
      const auto& one = found->second;
      if (one.state != reservation_state::taken && one.state != reservation_state::closed)
        continue;
      if (one.state == reservation_state::taken)
        book().products.at(one.what.product).taken_before += one.what.quantity;
      book().reservations.erase(found);
      ++n;
    }
    return n;
  }

private:
  memory_stock_book& book() { return state_->stock; }
  static failure missing(std::string_view product) {
    return {errc::not_found, "there is no product " + std::string(product)};
  }
  product_stock view(const std::string& name, const memory_product& p) {
    product_stock out{name, p.available, 0, p.taken_before, 0, p.updated_at};
    for (const auto& [task, one] : book().reservations)
      if (one.what.product == name) {
        out.held += one.state == reservation_state::held ? one.what.quantity : 0;
        out.taken += one.state == reservation_state::taken ? one.what.quantity : 0;
        out.released += one.state == reservation_state::released ? one.what.quantity : 0;
      }
    return out;
  }

  std::shared_ptr<memory_state> state_;
};

}  // namespace

memory_stock::memory_stock(const memory_store& where) : state_(where.state()) {}
memory_stock::~memory_stock() = default;

std::unique_ptr<stock_shelf> memory_stock::open_stock() {
  return std::make_unique<stock_session>(state_);
}

std::map<entity_id, std::pair<stock_hold, reservation_state>> memory_stock::reservations() const {
  const std::lock_guard lock(state_->guard);
  std::map<entity_id, std::pair<stock_hold, reservation_state>> all;
  for (const auto& [task, one] : state_->stock.reservations)
    all.emplace(task, std::pair(one.what, one.state));
  return all;
}

}  // namespace orrery
