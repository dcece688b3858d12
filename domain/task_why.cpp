#include "domain/task_why.hpp"

namespace orrery {

namespace {

std::string used_of(size_t used, size_t limit) {
  return std::to_string(used) + " of " + std::to_string(limit);
}

blocker why_queued(const task& t, const lane_view& lane) {
  if (lane.node.empty())
    return {"shard-moving", "its shard has no owner that can be reached just now"};
  if (!lane.known_kind)
    return {"unknown-kind", "nobody on " + lane.node + " executes the kind " + t.spec->kind};
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
