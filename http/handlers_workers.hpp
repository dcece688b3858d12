#pragma once
/// Handlers of external workers, and of the rules of queues and kinds.

#include "domain/ports/task_logs.hpp"
#include "http/exchange.hpp"

namespace orrery::http::handlers {

void lease_work(const exchange_ptr& ex);
void report_on_lease(const exchange_ptr& ex);
void log_of_lease(const exchange_ptr& ex);
void list_workers(const exchange_ptr& ex);
void order_worker(const exchange_ptr& ex);
void list_rules(const exchange_ptr& ex);
void get_rule(const exchange_ptr& ex);
void set_rule(const exchange_ptr& ex);
void change_rule(const exchange_ptr& ex);

/// Null where this node keeps no logs.
log_desk* logs_of(const exchange_ptr& ex);

}  // namespace orrery::http::handlers
