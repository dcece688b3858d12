/// The routes of external workers, and of the rules of queues and kinds.

#include "http/handlers_workers.hpp"
#include "http/routes.hpp"

#include <array>

namespace orrery::http {

namespace {

using enum method;

constexpr route report(std::string_view pattern, std::string_view name, std::string_view body,
                       std::string_view description) {
  return {.verb = post,
          .pattern = pattern,
          .handle = handlers::report_on_lease,
          .needs = permission::work,
          .name = name,
          .group = "workers",
          .description = description,
          .body = body_kind::single,
          .request = body,
          .answer = "LeaseReport",
          .parameters = "lease",
          .errors = "404 409"};
}

constexpr route order(std::string_view pattern, std::string_view name,
                      std::string_view description) {
  return {.verb = post,
          .pattern = pattern,
          .handle = handlers::order_worker,
          .needs = permission::operate,
          .name = name,
          .group = "workers",
          .description = description,
          .body = body_kind::single,
          .request = "Nothing",
          .answer = "WorkerOrders",
          .parameters = "worker"};
}

constexpr route rule(method verb, std::string_view pattern, std::string_view name,
                     void (*handle)(const exchange_ptr&), std::string_view body,
                     std::string_view parameter, std::string_view description) {
  return {.verb = verb,
          .pattern = pattern,
          .handle = handle,
          .needs = verb == get ? permission::read : permission::operate,
          .name = name,
          .group = "queues",
          .description = description,
          .body = verb == get ? body_kind::none : body_kind::single,
          .request = body,
          .answer = "Rule",
          .parameters = parameter};
}

constexpr std::array worker_table{
    route{.verb = post,
          .pattern = "/api/workers/lease",
          .handle = handlers::lease_work,
          .needs = permission::work,
          .name = "leaseWork",
          .group = "workers",
          .description =
              "Attempts for an external worker, of this node or any other; waits where there "
              "are none.",
          .body = body_kind::single,
          .request = "LeaseWish",
          .answer = "LeasedTasks"},
    report("/api/leases/{lease}/complete", "completeLease", "LeaseComplete",
           "The attempt has succeeded. 409 says what happened instead; the result is then kept "
           "aside."),
    report("/api/leases/{lease}/fail", "failLease", "LeaseFail",
           "The attempt has failed; the retry policy decides what follows."),
    report("/api/leases/{lease}/heartbeat", "heartbeatLease", "LeaseHeartbeat",
           "The worker is alive; with progress, a cursor for the next attempt, and more time."),
    report("/api/leases/{lease}/snooze", "snoozeLease", "LeaseSnooze",
           "Not now: the task is queued again after the delay, and no attempt is counted."),
    route{.verb = post,
          .pattern = "/api/leases/{lease}/logs",
          .handle = handlers::log_of_lease,
          .needs = permission::work,
          .name = "logLease",
          .group = "workers",
          .description =
              "Lines for the log of the attempt, while the lease is held. They are stored "
              "a moment later; where too many come, the oldest are dropped and counted.",
          .body = body_kind::single,
          .request = "LeaseLogs",
          .answer = "LeaseLogged",
          .parameters = "lease",
          .errors = "404 409"},
    route{.pattern = "/api/workers",
          .handle = handlers::list_workers,
          .name = "listWorkers",
          .group = "workers",
          .description = "External workers as this node knows them.",
          .answer = "WorkerList"},
    order("/api/workers/{worker}/quiet", "quietWorker",
          "The worker shall take no more work; it is told with each answer."),
    order("/api/workers/{worker}/terminate", "terminateWorker",
          "The worker shall take no more work, and end."),
    order("/api/workers/{worker}/resume", "resumeWorker", "The worker may take work again."),
    route{.pattern = "/api/queues",
          .handle = handlers::list_rules,
          .name = "listRules",
          .group = "queues",
          .description = "The rules of all queues and kinds that have one.",
          .answer = "RuleList"},
    rule(get, "/api/queues/{queue}", "getQueue", handlers::get_rule, {}, "queue_name",
         "The rule of a queue."),
    rule(put, "/api/queues/{queue}", "setQueue", handlers::set_rule, "RuleWish", "queue_name",
         "Sets limits and pause of a queue, for all nodes, durably."),
    rule(post, "/api/queues/{queue}/pause", "pauseQueue", handlers::change_rule, "RuleNote",
         "queue_name", "Nothing of the queue begins; what runs goes on."),
    rule(post, "/api/queues/{queue}/resume", "resumeQueue", handlers::change_rule, "RuleNote",
         "queue_name", "Ends pause and drain of the queue."),
    rule(post, "/api/queues/{queue}/drain", "drainQueue", handlers::change_rule, "RuleNote",
         "queue_name", "The queue takes nothing new; what is there goes on."),
    rule(get, "/api/kinds/{kind}", "getKind", handlers::get_rule, {}, "kind_name",
         "The rule of a kind."),
    rule(put, "/api/kinds/{kind}", "setKind", handlers::set_rule, "RuleWish", "kind_name",
         "Sets pause and drain of a kind, for all nodes, durably."),
    rule(post, "/api/kinds/{kind}/pause", "pauseKind", handlers::change_rule, "RuleNote",
         "kind_name", "Nothing of the kind begins; what runs goes on."),
    rule(post, "/api/kinds/{kind}/resume", "resumeKind", handlers::change_rule, "RuleNote",
         "kind_name", "Ends pause and drain of the kind."),
    rule(post, "/api/kinds/{kind}/drain", "drainKind", handlers::change_rule, "RuleNote",
         "kind_name", "The kind takes nothing new; what is there goes on."),
};

}  // namespace

std::span<const route> worker_routes() noexcept { return worker_table; }

}  // namespace orrery::http
