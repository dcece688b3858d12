#include "domain/order_statistics.hpp"

namespace orrery {

namespace {

using enum order_status;

struct led_to {
  using answer = std::optional<order_status>;
  answer operator()(const order_created&) const { return created; }
  answer operator()(const order_confirmed&) const { return confirmed; }
  answer operator()(const order_rejected&) const { return rejected; }
  answer operator()(const order_fulfilment_started&) const { return fulfilling; }
  answer operator()(const order_completed&) const { return completed; }
  answer operator()(const order_cancelled&) const { return cancelled; }
  answer operator()(const order_expired&) const { return expired; }
  answer operator()(const order_compensation_started&) const { return compensating; }
  answer operator()(const order_failed&) const { return failed; }
  answer operator()(const order_compensation_failed&) const { return compensation_failed; }
  answer operator()(const order_compensation_resumed&) const { return compensating; }
  answer operator()(const order_resumed&) const { return fulfilling; }
  answer operator()(const order_flow_begun&) const { return {}; }
  answer operator()(const order_step_started&) const { return {}; }
  answer operator()(const order_step_ended&) const { return {}; }
  answer operator()(const order_step_skipped&) const { return {}; }
  answer operator()(const order_submission_refused&) const { return {}; }
  answer operator()(const order_erased&) const { return {}; }
};

}  // namespace

std::optional<order_status> status_led_to(const order_event& event) noexcept {
  return std::visit(led_to{}, event);
}

time_point minute_of(time_point at) noexcept {
  return std::chrono::floor<std::chrono::minutes>(at);
}

void order_statistics_fold::add(const event_record& record, const order_spec& spec) {
  const auto status = status_led_to(std::get<order_event>(record.event));
  if (!status)
    return;
  auto& row = rows_[{minute_of(record.at), spec.product, *status}];
  ++row.orders;
  row.quantity += spec.quantity;
}

std::vector<order_statistic> order_statistics_fold::rows() const {
  std::vector<order_statistic> list;
  for (const auto& [key, sum] : rows_)
    list.push_back(
        {std::get<0>(key), std::get<1>(key), std::get<2>(key), sum.orders, sum.quantity});
  return list;
}

}  // namespace orrery
