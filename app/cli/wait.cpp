#include "app/cli/printer.hpp"
#include "app/cli/runner.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <thread>

namespace orrery::cli {

namespace {

using codec::json_tree;
using steady = std::chrono::steady_clock;

struct waited_thing {
  std::string_view path;
  std::string_view member;
  std::array<std::string_view, 6> ended;
  std::string_view success;
};

waited_thing thing_of(awaited what) {
  switch (what) {
    case awaited::task_success:
    case awaited::task_end:
      return {"/api/tasks/",
              "status",
              {"SUCCEEDED", "FAILED", "EXPIRED", "CANCELLED"},
              what == awaited::task_success ? "SUCCEEDED" : ""};
    case awaited::operation: return {"/api/operations/", "state", {"DONE", "STOPPED"}, "DONE"};
    default:
      return {"/api/orders/",
              "status",
              {"COMPLETED", "REJECTED", "CANCELLED", "EXPIRED", "FAILED", "COMPENSATION_FAILED"},
              what == awaited::order_success ? "COMPLETED" : ""};
  }
}

}  // namespace

result<duration> read_wait(const std::string& text) {
  if (text == "true")
    return duration{1h};
  auto limit = parse_duration(text);
  if (!limit || *limit <= duration{})
    return failure{errc::invalid, "--wait must be a duration, like --wait=5m"};
  return limit;
}

int wait_for(connection& to, const invocation& wish, awaited what, const std::string& id) {
  const auto command = std::string(wish.what->row.noun) + " " + std::string(wish.what->row.verb);
  const auto limit = read_wait(wish.wait.empty() ? "true" : wish.wait);
  if (!limit)
    return complain(command, {exit_usage, limit.error().detail});
  const auto thing = thing_of(what);
  const auto end = steady::now() + *limit;
  const auto path = std::string(thing.path) + http::url_encode(id);
  duration pause = 50ms;
  for (std::string status;;) {
    auto answer = to.call({.target = path}, true);
    if (!answer)
      return complain(command, complaint_of(answer.error(), to.server()));
    if (answer->status != 200)
      return complain(command, complaint_of(*answer));
    const auto tree = json_tree::read(answer->body);
    const auto* found = tree ? tree->find(thing.member) : nullptr;
    status = found == nullptr ? "" : found->scalar;
    const bool ended = !status.empty() && std::find(thing.ended.begin(), thing.ended.end(),
                                                    status) != thing.ended.end();
    if (ended) {
      print_answer(wish, answer->body);
      if (thing.success.empty() || status == thing.success)
        return exit_ok;
      const auto* reason = tree->find("reason");
      return complain(command, {exit_unsuccessful,
                                id + " is " + status +
                                    (reason != nullptr ? ": " + reason->scalar : std::string{})});
    }
    if (steady::now() + pause >= end)
      return complain(command,
                      {exit_timed_out, id + " is " + (status.empty() ? "unknown" : status) +
                                           " after " + format_duration(*limit)});
    std::this_thread::sleep_for(pause);
    pause = std::min<duration>(pause * 3 / 2, 1s);
  }
}

}  // namespace orrery::cli
