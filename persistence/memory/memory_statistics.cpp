#include "persistence/memory/memory_statistics.hpp"

#include <algorithm>

namespace orrery {

namespace {

using statistic_key = std::tuple<time_point, std::string, order_status>;

statistic_key key_of_statistic(const order_statistic& row) {
  return {row.minute, row.product, row.status};
}

void sum_statistic(std::vector<order_statistic>& rows, const order_statistic& one) {
  const auto place = std::lower_bound(
      rows.begin(), rows.end(), one,
      [](const auto& a, const auto& b) { return key_of_statistic(a) < key_of_statistic(b); });
  if (place == rows.end() || key_of_statistic(*place) != key_of_statistic(one)) {
    rows.insert(place, one);
  } else {
    place->orders += one.orders;
    place->quantity += one.quantity;
  }
}

}  // namespace

class memory_statistics::session final : public statistics_store {
public:
  explicit session(memory_statistics& of) : of_(of) {}

  result<position_t> mark(shard_id shard) override {
    const std::lock_guard lock(of_.guard_);
    return of_.shards_[shard].upto;
  }
  result<bool> add(shard_id shard, position_t from, position_t upto,
                   std::span<const order_statistic> rows) override {
    const std::lock_guard lock(of_.guard_);
    auto& kept = of_.shards_[shard];
    if (kept.upto != from)
      return false;
    kept.upto = upto;
    for (const auto& row : rows)
      sum_statistic(kept.rows, row);
    return true;
  }
  result<shard_statistics> of_shard(shard_id shard) override {
    const std::lock_guard lock(of_.guard_);
    return of_.shards_[shard];
  }
  result<void> replace(shard_id shard, const shard_statistics& whole) override {
    const std::lock_guard lock(of_.guard_);
    of_.shards_[shard] = whole;
    return {};
  }
  result<std::vector<order_statistic>> find(const statistics_query& query) override {
    const std::lock_guard lock(of_.guard_);
    std::vector<order_statistic> sums;
    for (const auto& [shard, kept] : of_.shards_)
      for (const auto& row : kept.rows) {
        const bool status = query.statuses.empty() ||
                            std::find(query.statuses.begin(), query.statuses.end(), row.status) !=
                                query.statuses.end();
        if (status && (query.product.empty() || query.product == row.product) &&
            row.minute >= query.from && (query.to == time_point{} || row.minute < query.to))
          sum_statistic(sums, row);
      }
    std::stable_sort(sums.begin(), sums.end(),
                     [](const auto& a, const auto& b) { return a.minute > b.minute; });
    sums.resize(std::min(sums.size(), query.limit));
    return sums;
  }

private:
  memory_statistics& of_;
};

std::unique_ptr<statistics_store> memory_statistics::open_statistics() {
  return std::make_unique<session>(*this);
}

}  // namespace orrery
