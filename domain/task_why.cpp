#include "domain/task_why.hpp"

namespace orrery {

namespace {

std::string used_of(size_t used, size_t limit) {
  return std::to_string(used) + " of " + std::to_string(limit);
}

std::string rate_text(double rate) {
  auto text = std::to_string(rate);
  text.erase(text.find_last_not_of('0') + 1);
  if (text.ends_with('.'))
    text.pop_back();
  return text;
}

blocker why_no_worker(const task& t, const lane_view& lane) {
  if (lane.worker_asks)
    return {"turn", "a worker is about to get it; " + std::to_string(lane.waiting) +
                        " tasks of its queue and kind wait on " + lane.node};
  if (lane.missing_labels.empty())
    return {"no-worker", "no worker asks for the kind " + t.spec->kind + " of the queue " +
                             t.spec->queue + " just now"};
  std::string labels;
  for (const auto& label : lane.missing_labels)
    labels += (labels.empty() ? "" : ", ") + label;
  return {"no-label", "no worker that asks for such work has the label " + labels};
}

blocker why_queued(const task& t, const lane_view& lane) {
  if (lane.node.empty())
    return {"shard-moving", "its shard has no owner that can be reached just now"};
  if (!lane.known_kind)
    return {"unknown-kind", "nobody on " + lane.node + " executes the kind " + t.spec->kind};
  if (!lane.pause.empty())
    return {"rule-pause", lane.pause};
  if (lane.rule_reached)
    return {"limit-of-queue", std::to_string(lane.rule_limit) + " attempts of the queue " +
                                  t.spec->queue + " may run on all nodes together; " + lane.node +
                                  " runs " + std::to_string(lane.used_by_queue) +
                                  " and may begin no more"};
  if (lane.key_limit > 0 && lane.key_running >= lane.key_limit)
    return {"limit-of-key", used_of(lane.key_running, lane.key_limit) +
                                " attempts of the limit key " + t.spec->options->limit_key +
                                " run"};
  if (lane.rate > 0)
    return {lane.rate_of_key ? "rate-of-key" : "rate-of-queue",
            rate_text(lane.rate) + " attempts of the " +
                (lane.rate_of_key ? "limit key " + t.spec->options->limit_key
                                  : "queue " + t.spec->queue) +
                " may begin in a second",
            lane.rate_until};
  if (lane.external)
    return why_no_worker(t, lane);
  if (lane.used_by_kind >= lane.limit_of_kind)
    return {"slots-of-kind", used_of(lane.used_by_kind, lane.limit_of_kind) +
                                 " slots of the kind " + t.spec->kind + " are in use on " +
                                 lane.node};
  if (lane.used_by_queue >= lane.limit_of_queue)
    return {"slots-of-queue", used_of(lane.used_by_queue, lane.limit_of_queue) +
                                  " slots of the queue " + t.spec->queue + " are in use on " +
                                  lane.node};
  return {"turn", "it is about to get a slot; " + std::to_string(lane.waiting) +
                      " tasks of its queue and kind wait on " + lane.node};
}

}  // namespace

held_by holders_of(const blocker& why) noexcept {
  if (why.code == "limit-of-key")
    return held_by::key;
  if (why.code == "limit-of-queue" || why.code == "slots-of-queue")
    return held_by::queue;
  return why.code == "slots-of-kind" ? held_by::kind : held_by::nobody;
}

blocker why_waiting(const task& t, const lane_view& lane) {
  switch (t.status) {
    case task_status::scheduled: {
      const bool snoozed = t.reason == end_reason::snoozed;
      return {"delay", snoozed ? "its worker gave it back for a while" : "its time has not come",
              t.next_at};
    }
    case task_status::retrying:
      return {"retry",
              "attempt " + std::to_string(t.attempt) + " ended by " +
                  std::string(to_string(t.reason)) + ", the next one waits for its time",
              t.next_at};
    case task_status::paused: {
      const bool exhausted = t.paused_from == task_status::running;
      auto text = exhausted ? std::string("its attempts are used up; a rerun leads on")
                            : std::string("it was paused; resume leads on");
      if (!exhausted && !t.reason_text.empty())
        text += ": " + t.reason_text;
      return {"paused", std::move(text)};
    }
    case task_status::queued: return why_queued(t, lane);
    case task_status::running:
      return {"none", "attempt " + std::to_string(t.attempt) + " runs on " + t.worker};
    default: return {"none", "it has ended: " + std::string(to_string(t.status))};
  }
}

}  // namespace orrery
