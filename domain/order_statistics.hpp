#pragma once
/// How many orders of a product came into a status in a minute: a projection of the journal.
///
/// Pure. Folding the same events in the same order gives the same rows; who stores them keeps beside
/// them, in one transaction, the position up to which a shard is counted.

#include "domain/events.hpp"

#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

namespace orrery {

struct order_statistic {
  time_point minute{};
  std::string product;
  order_status status{};
  int64_t orders = 0;
  int64_t quantity = 0;  ///< Of these orders together.

  friend bool operator==(const order_statistic&, const order_statistic&) = default;
};

/// The status that an event leads to; empty where it leaves the status as it was.
std::optional<order_status> status_led_to(const order_event& event) noexcept;
time_point minute_of(time_point at) noexcept;

class order_statistics_fold {
public:
  /// `spec` is the order's own.
  void add(const event_record& record, const order_spec& spec);
  /// By minute, product and status.
  std::vector<order_statistic> rows() const;

private:
  struct sums {
    int64_t orders = 0;
    int64_t quantity = 0;
  };
  std::map<std::tuple<time_point, std::string, order_status>, sums> rows_;
};

}  // namespace orrery
