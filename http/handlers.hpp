#pragma once
/// One function per row of the route table. Each answers the exchange exactly once.

#include "http/exchange.hpp"

namespace orrery::http::handlers {

void submit_one(const exchange_ptr& ex);
void submit_batch(const exchange_ptr& ex);
void run_command(const exchange_ptr& ex);
void get_one(const exchange_ptr& ex);
void list(const exchange_ptr& ex);
void history(const exchange_ptr& ex);
void put_flow(const exchange_ptr& ex);
void list_flows(const exchange_ptr& ex);
void get_flow(const exchange_ptr& ex);
void compensation(const exchange_ptr& ex);
void create_product(const exchange_ptr& ex);
void adjust_product(const exchange_ptr& ex);
void get_product(const exchange_ptr& ex);
void list_products(const exchange_ptr& ex);
void order_statistics(const exchange_ptr& ex);
void letters(const exchange_ptr& ex);
void letter(const exchange_ptr& ex);
void settle_letter(const exchange_ptr& ex);
void settle_letters(const exchange_ptr& ex);
void events(const exchange_ptr& ex);
void entity_events(const exchange_ptr& ex);
/// Opens the live feed and answers with it.
void stream(const exchange_ptr& ex, feed_wish wish);
void task_runs(const exchange_ptr& ex);
void task_logs(const exchange_ptr& ex);
void task_result(const exchange_ptr& ex);
void task_why(const exchange_ptr& ex);
void task_counts(const exchange_ptr& ex);
void begin_operation(const exchange_ptr& ex);
void get_operation(const exchange_ptr& ex);
void list_operations(const exchange_ptr& ex);
void stop_operation(const exchange_ptr& ex);
void create_schedule(const exchange_ptr& ex);
void update_schedule(const exchange_ptr& ex);
void delete_schedule(const exchange_ptr& ex);
void schedule_history(const exchange_ptr& ex);
void preview_schedule(const exchange_ptr& ex);
void health(const exchange_ptr& ex);
void ready(const exchange_ptr& ex);
void metrics(const exchange_ptr& ex);
void cluster(const exchange_ptr& ex);
void node_logs(const exchange_ptr& ex);
void follow_node_logs(const exchange_ptr& ex);
void index(const exchange_ptr& ex);
void account(const exchange_ptr& ex);
void openapi(const exchange_ptr& ex);
void asyncapi(const exchange_ptr& ex);
void start_page(const exchange_ptr& ex);
void docs_page(const exchange_ptr& ex);
void docs_asset(const exchange_ptr& ex);

/// Calls `next` with the entity that the path names: its id, or what `find` knows of its reference.
void with_entity(const exchange_ptr& ex, std::function<void(entity_id)> next);
/// Calls `next` with the task of the path, or answers why not.
void with_task(const exchange_ptr& ex, std::function<void(const task&)> next);
/// Refuses (and answers) where the query has parameters; for routes that take none.
bool refuses_parameters(const exchange_ptr& ex);

}  // namespace orrery::http::handlers
