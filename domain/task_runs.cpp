#include "domain/task_runs.hpp"

namespace orrery {

namespace {

void end_attempt(run_record& run, const task& before, const task& after, time_point at) {
  if (before.status != task_status::running || run.attempts.empty())
    return;
  auto& last = run.attempts.back();
  if (last.reason != end_reason::none)
    return;
  last.ended_at = at;
  last.reason = after.reason;
  if (after.reason != end_reason::succeeded) {
    last.error = after.error;
    last.error_code = after.error_code;
  }
  last.next_at = after.next_at;
}

}  // namespace

std::vector<run_record> runs_of(const std::vector<event_record>& history) {
  std::vector<run_record> runs;
  std::optional<task> state;
  for (const auto& record : history) {
    const auto* event = std::get_if<task_event>(&record.event);
    if (event == nullptr)
      continue;
    const auto before = state;
    evolve(state, record.id, *event, record.at);
    if (!before || before->run != state->run)
      runs.push_back({.run = state->run, .created_at = record.at, .result = {}, .attempts = {}});
    auto& run = runs.back();
    if (const auto* begun = std::get_if<task_started>(event))
      run.attempts.push_back({.attempt = begun->token.attempt,
                              .worker = begun->worker,
                              .started_at = record.at,
                              .error = {},
                              .error_code = {}});
    else if (before && before->run == state->run && before->status != state->status)
      end_attempt(run, *before, *state, record.at);
    run.status = state->status;
    run.reason = state->reason;
    run.finished_at = state->finished_at;
    run.result = state->result;
  }
  return runs;
}

}  // namespace orrery
