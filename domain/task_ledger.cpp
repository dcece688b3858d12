#include "domain/task.hpp"

#include <numeric>

/// Which events end an attempt, and why.

namespace orrery {

namespace {

struct reason_of {
  end_reason operator()(const task_succeeded&) const { return end_reason::succeeded; }
  end_reason operator()(const task_retry_scheduled& e) const { return e.reason; }
  end_reason operator()(const task_interrupted&) const { return end_reason::interrupted; }
  end_reason operator()(const task_failed& e) const { return e.reason; }
  end_reason operator()(const task_expired& e) const { return e.clock; }
  end_reason operator()(const task_cancelled& e) const { return e.reason; }
  end_reason operator()(const task_paused& e) const { return e.reason; }
  end_reason operator()(const task_snoozed&) const { return end_reason::snoozed; }
  end_reason operator()(const auto&) const { return end_reason::none; }
};

}  // namespace

bool attempt_ledger::note(bool running, const task_event& event) noexcept {
  if (std::holds_alternative<task_started>(event)) {
    ++started;
    return true;
  }
  const auto why = running ? std::visit(reason_of{}, event) : end_reason::none;
  if (why == end_reason::none)
    return running;
  ++ended[static_cast<size_t>(why)];
  return false;
}

int64_t attempt_ledger::ends() const noexcept {
  return std::accumulate(ended.begin(), ended.end(), int64_t{0});
}

}  // namespace orrery
