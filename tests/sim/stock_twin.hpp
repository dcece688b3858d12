#pragma once
/// Stock and flows of a simulated cluster: steps that take from one store's stock, and the flows that
/// orders name. Each twin does one thing when it is stepped.

#include "domain/flow.hpp"
#include "domain/ports/executor.hpp"
#include "domain/ports/stock.hpp"
#include "domain/ports/store.hpp"
#include "tests/sim/dice.hpp"

#include <map>
#include <vector>

namespace orrery::sim {

class world;

/// What there is of each product at the beginning.
inline const std::map<std::string, int64_t> products_of_shop = {{"Laptop", 40}, {"Bag", 12}};

/// `sell` takes what the order asks for, `pair` also a bag.
std::vector<flow> flows_with_stock();

/// The executor of both built-in kinds, as the product's is: a reservation holds in a transaction of the
/// stock alone, which may fail, or be done and not told; nothing stops it once it has begun.
class stock_twin final : public executor {
public:
  stock_twin(world& around, std::string node);
  ~stock_twin() override;
  void start(work_item item, std::function<void(work_outcome)> done) override;
  void stop(entity_id, attempt_token, stop_mode) override {}
  result<void> check(const std::string&) const override { return {}; }
  bool step();
  void gone();

private:
  struct waiting {
    stock_hold wish;
    std::function<void(work_outcome)> done;
    time_point due{};
    bool release = false;
  };
  work_outcome hold(const stock_hold& wish);
  bool sweep();

  world& world_;
  const std::string node_;
  std::unique_ptr<stock_shelf> shelf_;
  std::unique_ptr<entity_store> tasks_;
  std::vector<waiting> waiting_;
  time_point sweep_due_{};
  bool gone_ = false;
};

}  // namespace orrery::sim
