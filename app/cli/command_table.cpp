#include "app/cli/command_table.hpp"

#include <algorithm>
#include <array>
#include <deque>
#include <set>

namespace orrery::cli {

namespace {

constexpr std::string_view task_columns =
    "ID:taskId STATUS:status KIND:kind QUEUE:queue RUN:run "
    "ATTEMPT:attempt AGE:createdAt~";
constexpr std::string_view task_wide = "PRIORITY:priority NEXT:nextAt WORKER:worker REASON:reason";
constexpr std::string_view order_columns =
    "ID:orderId STATUS:status PRODUCT:product "
    "QUANTITY:quantity CUSTOMER:customer AGE:createdAt~";
constexpr std::string_view order_wide = "FLOW:flow EXPIRES:expiresAt REASON:reason";
constexpr std::string_view schedule_columns =
    "NAME:name STATUS:status NEXT:nextAt "
    "EXPRESSIONS:expressions AGE:createdAt~";
constexpr std::string_view event_columns = "POSITION:position AT:at TYPE:type";
constexpr std::string_view rule_columns =
    "QUEUE:queue KIND:kind PAUSED:paused DRAINING:draining "
    "CONCURRENCY:concurrency RATE:rate CHANGED:changedAt~";
constexpr std::string_view letter_columns =
    "ID:id TOPIC:topic SHARD:shard STATE:state AGE:at~ "
    "REASON:reason";
constexpr std::string_view operation_columns =
    "ID:operationId ACTION:action STATE:state "
    "MATCHED:matched APPLIED:applied REFUSED:refused "
    "AGE:createdAt~";
constexpr std::string_view accepted_task = "ID:taskId STATUS:status SHARD:shard";
constexpr std::string_view accepted_order = "ID:orderId STATUS:status SHARD:shard";

using enum awaited;

constexpr std::array work_commands{
    command_row{"orders", "list", "listOrders", order_columns, order_wide},
    command_row{"orders", "get", "getOrder"},
    command_row{"orders", "submit", "submitOrder", {}, {}, order_success},
    command_row{"orders", "submit-batch", "submitOrders", accepted_order},
    command_row{"orders", "confirm", "confirmOrder", {}, {}, order_success},
    command_row{"orders", "reject", "rejectOrder", {}, {}, order_end},
    command_row{"orders", "begin-fulfilment", "beginFulfilment", {}, {}, order_success},
    command_row{"orders", "resume", "resumeOrder", {}, {}, order_success},
    command_row{"orders", "skip-step", "skipOrderStep", {}, {}, order_success},
    command_row{"orders", "complete", "completeOrder", {}, {}, order_end},
    command_row{"orders", "cancel", "cancelOrder", {}, {}, order_end},
    command_row{"orders", "kill", "killOrder", {}, {}, order_end},
    command_row{
        "orders", "compensation", "planCompensation", "STEP:name KIND:kind", {}, nothing, "steps"},
    command_row{"orders", "events", "listOrderEvents", event_columns},
    command_row{"tasks", "list", "listTasks", task_columns, task_wide},
    command_row{"tasks", "get", "getTask"},
    command_row{"tasks", "counts", "countTasks",
                "QUEUE:queue KIND:kind QUEUED:QUEUED RUNNING:RUNNING RETRYING:RETRYING "
                "SCHEDULED:SCHEDULED PAUSED:PAUSED SUCCEEDED:SUCCEEDED FAILED:FAILED",
                "EXPIRED:EXPIRED CANCELLED:CANCELLED"},
    command_row{"tasks", "submit", "submitTask", {}, {}, task_success},
    command_row{"tasks", "submit-batch", "submitTasks", accepted_task},
    command_row{"tasks", "cancel", "cancelTask", {}, {}, task_end},
    command_row{"tasks", "kill", "killTask", {}, {}, task_end},
    command_row{"tasks", "pause", "pauseTask"},
    command_row{"tasks", "resume", "resumeTask", {}, {}, task_success},
    command_row{"tasks", "rerun", "rerunTask", {}, {}, task_success},
    command_row{"tasks", "reschedule", "rescheduleTask", {}, {}, task_success},
    command_row{"tasks", "adopt", "adoptTaskResult"},
    command_row{"tasks", "pin", "pinTask"},
    command_row{"tasks", "unpin", "unpinTask"},
    command_row{"tasks", "events", "listTaskEvents", event_columns},
    command_row{"tasks", "runs", "listTaskRuns",
                "RUN:run STATUS:status REASON:reason AGE:createdAt~ FINISHED:finishedAt"},
    command_row{"tasks", "result", "getTaskResult"},
    command_row{"tasks", "why", "explainTask"},
    command_row{"tasks", "logs", "readTaskLogs", "AT:at SOURCE:source TEXT:text"},
    command_row{"tasks", "heartbeat", "heartbeatTask"},
    command_row{"tasks", "snooze", "snoozeTask"},
    command_row{"tasks", "complete", "completeTask"},
    command_row{"tasks", "fail", "failTask"},
    command_row{"schedules", "list", "listSchedules", schedule_columns, "ID:scheduleId NOTE:note"},
    command_row{"schedules", "get", "getSchedule"},
    command_row{"schedules", "create", "createSchedule"},
    command_row{"schedules", "update", "updateSchedule"},
    command_row{"schedules", "delete", "deleteSchedule"},
    command_row{"schedules", "pause", "pauseSchedule"},
    command_row{"schedules", "resume", "resumeSchedule"},
    command_row{"schedules", "trigger", "triggerSchedule"},
    command_row{"schedules", "backfill", "backfillSchedule"},
    command_row{"schedules", "history", "listScheduleFires",
                "AT:at FIRED:firedAt LATENESS:lateness KIND:kind OUTCOME:outcome STARTED:started"},
    command_row{"schedules", "preview", "previewSchedule", "AT:at LOCAL:local NOTE:note"},
    command_row{"schedules", "events", "listScheduleEvents", event_columns},
    command_row{"flows", "list", "listFlows", "NAME:name VERSION:version EXPIRES:expiresIn"},
    command_row{"flows", "get", "getFlow"},
    command_row{"flows", "store", "storeFlow"},
    command_row{"letters", "list", "listDeadLetters", letter_columns, "OFFSET:offset KEY:key"},
    command_row{"letters", "get", "getDeadLetter"},
    command_row{"letters", "redrive", "redriveDeadLetter"},
    command_row{"letters", "discard", "discardDeadLetter"},
    command_row{"letters", "redrive-all", "redriveDeadLetters"},
    command_row{"letters", "discard-all", "discardDeadLetters"},
    command_row{"operations", "list", "listOperations", operation_columns, "BY:by NODE:node"},
    command_row{"operations", "get", "getOperation"},
    command_row{"operations", "start", "beginOperation", {}, {}, operation},
    command_row{"operations", "stop", "stopOperation", {}, {}, operation},
};

constexpr std::array system_commands{
    command_row{"queues", "list", "listRules", rule_columns, "NOTE:note"},
    command_row{"queues", "get", "getQueue"},
    command_row{"queues", "set", "setQueue"},
    command_row{"queues", "pause", "pauseQueue"},
    command_row{"queues", "resume", "resumeQueue"},
    command_row{"queues", "drain", "drainQueue"},
    command_row{"kinds", "get", "getKind"},
    command_row{"kinds", "set", "setKind"},
    command_row{"kinds", "pause", "pauseKind"},
    command_row{"kinds", "resume", "resumeKind"},
    command_row{"kinds", "drain", "drainKind"},
    command_row{"workers", "list", "listWorkers",
                "WORKER:worker LEASED:leased SILENT:silent QUIET:quiet TERMINATE:terminate"},
    command_row{"workers", "quiet", "quietWorker"},
    command_row{"workers", "terminate", "terminateWorker"},
    command_row{"workers", "resume", "resumeWorker"},
    command_row{"workers", "lease", "leaseWork",
                "LEASE:lease TASK:taskId RUN:run ATTEMPT:attempt "
                "KIND:kind"},
    command_row{"leases", "complete", "completeLease"},
    command_row{"leases", "fail", "failLease"},
    command_row{"leases", "heartbeat", "heartbeatLease"},
    command_row{"leases", "snooze", "snoozeLease"},
    command_row{"nodes", "list", "getCluster",
                "NAME:name VERSION:version HTTP:http SHARDS:shards "
                "SEEN:seenAt~ AGE:startedAt~",
                "MESH:mesh", nothing, "nodes"},
    command_row{"shards",
                "list",
                "getCluster",
                "SHARD:shard OWNER:owner EPOCH:epoch "
                "POSITION:position PUBLISHED:published ORDERS:waitingOrders TASKS:waitingTasks",
                {},
                nothing,
                "shards"},
    command_row{"kafka",
                "lag",
                "getCluster",
                "PARTITION:shard ORDERS:waitingOrders TASKS:waitingTasks POSITION:position "
                "PUBLISHED:published OWNER:owner",
                {},
                nothing,
                "shards"},
    command_row{"kafka", "topics", "getAsyncApi"},
    command_row{"cluster", "get", "getCluster"},
    command_row{"logs", "list", "listLogLines",
                "TIME:time LEVEL:level NODE:node EVENT:event TASK:task",
                "TRACE:trace DETAIL:detail ERROR:error"},
    command_row{"server", "health", "getHealth"},
    command_row{"server", "ready", "getReadiness"},
    command_row{"server", "metrics", "getMetrics"},
    command_row{"server", "openapi", "getOpenApi"},
    command_row{"server", "asyncapi", "getAsyncApi"},
    command_row{"server", "routes", "listRoutes", {}, {}, nothing, "routes"},
    command_row{"users", "list", "listUsers",
                "NAME:name ROLES:roles DISABLED:disabled "
                "AGE:createdAt~",
                "CHANGED:updatedAt VERSION:version"},
    command_row{"users", "get", "getUser"},
    command_row{"users", "create", "createUser"},
    command_row{"users", "update", "updateUser"},
    command_row{"users", "delete", "deleteUser"},
    command_row{"sessions", "list", "listSessions",
                "ID:id USER:user ADDRESS:address AGE:createdAt~ "
                "EXPIRES:expiresAt"},
    command_row{"sessions", "end", "deleteSession"},
    command_row{"keys", "list", "listKeys",
                "ID:id NAME:name USER:user PREFIX:prefix SCOPES:scopes "
                "AGE:createdAt~",
                "USED:usedAt EXPIRES:expiresAt"},
    command_row{"keys", "create", "createKey"},
    command_row{"keys", "delete", "deleteKey"},
    command_row{"audit", "list", "listAudit",
                "NUMBER:number AT:at ACTOR:actor ACTION:action "
                "TARGET:target OUTCOME:outcome",
                "ADDRESS:address NODE:node REASON:reason"},
    command_row{"auth", "whoami", "whoAmI"},
    command_row{"auth", "password", "changePassword"},
    command_row{"auth", "register", "registerUser"},
    command_row{"auth", "bootstrap", "bootstrap"},
    command_row{"auth", "tokens", "login"},
    command_row{"auth", "refresh", "refreshSession"},
    command_row{"auth", "end", "logout"},
    command_row{"auth", "rotate-keys", "rotateKeys"},
    command_row{"auth", "jwks", "getJwks"},
};

constexpr std::array noun_table{
    noun_row{"orders", "Orders: submit, read, command", "order"},
    noun_row{"tasks", "Tasks: submit, read, command", "task"},
    noun_row{"schedules", "Schedules: what fires by the calendar", "schedule"},
    noun_row{"flows", "Flows: how orders are fulfilled", "flow"},
    noun_row{"letters", "Dead letters: records that could not be read or applied", "letter dlq"},
    noun_row{"operations", "One command for every task that a filter finds", "operation"},
    noun_row{"queues", "Limits and pauses of queues", "queue"},
    noun_row{"kinds", "Pauses of kinds of tasks", "kind"},
    noun_row{"workers", "External workers", "worker"},
    noun_row{"leases", "What an external worker says of its attempts", "lease"},
    noun_row{"nodes", "The nodes of the system", "node"},
    noun_row{"shards", "The shards and their owners", "shard"},
    noun_row{"kafka", "The topics, and what waits in their partitions"},
    noun_row{"cluster", "The system as a whole; certificates"},
    noun_row{"logs", "The log of all nodes", "log"},
    noun_row{"server", "The node that is asked"},
    noun_row{"users", "Users", "user"},
    noun_row{"sessions", "Sessions of users", "session"},
    noun_row{"keys", "API keys", "key"},
    noun_row{"audit", "Every change and every refused access"},
    noun_row{"auth", "Who asks: tokens, passwords"},
    noun_row{"events", "What happens, as it happens", "event"},
};

constexpr std::array<std::pair<std::string_view, std::string_view>, 4> verb_others{
    {{"list", "ls"}, {"get", "describe"}, {"rerun", "retry"}, {"submit", "start"}}};

/// Pages and streams: nothing for a terminal, or done by commands of their own (app/cli/watch.cpp).
constexpr std::array<std::string_view, 5> not_commands = {
    "getDocsPage", "getStartPage", "getDocsAsset", "streamEvents", "streamLogLines"};

const http::route* route_of(std::string_view operation) {
  for (const auto& r : http::routes())
    if (r.name == operation)
      return &r;
  return nullptr;
}

std::vector<command> make_commands() {
  std::vector<command> out;
  std::set<std::string_view> named(not_commands.begin(), not_commands.end());
  const auto add = [&](const command_row& row) {
    if (const auto* route = route_of(row.operation)) {
      out.push_back({row, route});
      named.insert(row.operation);
    }
  };
  std::for_each(work_commands.begin(), work_commands.end(), add);
  std::for_each(system_commands.begin(), system_commands.end(), add);
  static std::deque<std::string> names;  // for as long as the program
  for (const auto& r : http::routes())
    if (named.insert(r.name).second)
      out.push_back({{r.group, names.emplace_back(kebab(r.name)), r.name}, &r});
  return out;
}

}  // namespace

const std::vector<command>& commands() {
  static const auto all = make_commands();
  return all;
}

std::span<const noun_row> nouns() noexcept { return noun_table; }

std::string_view help_of_noun(std::string_view noun) noexcept {
  for (const auto& row : noun_table)
    if (row.name == noun)
      return row.help;
  return noun;
}

std::vector<std::string_view> other_names_of_noun(std::string_view noun) {
  std::vector<std::string_view> out;
  for (const auto& row : noun_table)
    if (row.name == noun)
      for (auto rest = row.others; !rest.empty();) {
        out.push_back(rest.substr(0, rest.find(' ')));
        rest.remove_prefix(std::min(rest.size(), out.back().size() + 1));
      }
  return out;
}

std::string_view other_name_of_verb(std::string_view verb) noexcept {
  for (const auto& [name, other] : verb_others)
    if (name == verb)
      return other;
  return {};
}

const command* find_command(std::string_view noun, std::string_view verb) {
  for (const auto& one : commands())
    if (one.row.noun == noun && one.row.verb == verb)
      return &one;
  return nullptr;
}

std::string kebab(std::string_view name) {
  std::string out;
  for (const char c : name) {
    if (c >= 'A' && c <= 'Z') {
      if (!out.empty() && out.back() != '-')
        out += '-';
      out += static_cast<char>(c - 'A' + 'a');
    } else {
      out += c == '_' || c == '.' ? '-' : c;
    }
  }
  return out;
}

}  // namespace orrery::cli
