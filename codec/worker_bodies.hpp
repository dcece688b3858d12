#pragma once
/// JSON of external workers and of the rules of queues and kinds, as HTTP shows it.

#include "domain/events.hpp"
#include "domain/ports/peers.hpp"
#include "domain/ports/workers.hpp"
#include "domain/rules.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace orrery::codec {

/// The body of `POST /api/workers/lease`: `{worker, queues?, kinds?, labels?, max?, wait?}`.
result<lease_wish> read_lease_wish(std::string_view body);
/// The body of a report on a lease, by the last part of its path: `complete` `{result?}`, `fail`
/// `{error?, errorCode?, retryable?, retryAfter?}`, `heartbeat` `{progress?, message?, cursor?, extend?}`,
/// `snooze` `{delay, reason?}`. The command carries the lease's token and secret.
result<entity_command> read_report(const lease_id& lease, std::string_view verb,
                                   std::string_view body);

void append(std::string& out, const lease_answer& answer);
/// The answer to a report: `{taskId, run, attempt, status, cancel, quiet, terminate, endsAt?}`.
void append_report(std::string& out, const task& state, const lease_id& lease,
                   const worker_orders& orders);
void append(std::string& out, const std::vector<worker_row>& workers);
void append(std::string& out, const std::string& worker, const worker_orders& orders);

/// The body of `PUT /api/queues/{queue}`: `{concurrency?, rate?, burst?, perKey?, strategy?, note?, version?}`.
/// Scope and name are the path's. What is left out is no limit.
result<work_rule> read_rule(rule_scope scope, std::string name, std::string_view body);
/// `{"note":…}` of pause and drain; may be empty.
result<std::string> read_note(std::string_view body);
void append(std::string& out, const work_rule& rule);

}  // namespace orrery::codec
