#include "domain/unique_key.hpp"

#include <algorithm>

namespace orrery {

const std::string& home_key(const task_spec& spec) noexcept {
  return spec.options->limit_key.empty() ? spec.unique_key : spec.options->limit_key;
}

std::string held_as(const task_spec& spec) {
  constexpr char mark = '\x1f';
  const auto& limit = spec.options->limit_key;
  const auto& unique = spec.unique_key;
  if (unique.empty() || (limit.empty() && unique.front() != mark))
    return unique;
  return limit.empty() ? mark + unique : mark + std::to_string(limit.size()) + ':' + limit + unique;
}

bool key_holder::may_hold() const noexcept {
  switch (mode) {
    case unique_mode::until_done:
    case unique_mode::latest: return !is_final(status);
    case unique_mode::until_start:
    case unique_mode::debounce:
      return !started && (status == task_status::scheduled || status == task_status::queued ||
                          status == task_status::paused);
    case unique_mode::window: return !is_final(status) || status == task_status::succeeded;
  }
  return false;
}

bool key_holder::holds(time_point now) const noexcept {
  return may_hold() && (mode != unique_mode::window || now < created_at + window);
}

key_holder holder_of(const task& t) {
  const auto& o = *t.spec->options;
  return {t.id,     t.spec->kind,  t.spec->queue, o.unique, o.unique_window,
          t.status, t.attempt > 0, t.created_at};
}

bool may_hold_key(const task& t) { return !t.spec->unique_key.empty() && holder_of(t).may_hold(); }

std::string held_key(const task& t) { return may_hold_key(t) ? held_as(*t.spec) : std::string(); }

key_verdict judge_key(const std::optional<key_holder>& holder, const task_spec& wish,
                      time_point now) noexcept {
  if (!holder || !holder->holds(now))
    return key_verdict::free;
  const auto mode = wish.options->unique;
  const bool passes_on = mode == unique_mode::debounce || mode == unique_mode::latest;
  // Another kind of work cannot take the place of what waits.
  return passes_on && wish.kind == holder->kind && wish.queue == holder->queue
             ? key_verdict::follow
             : key_verdict::duplicate;
}

void settle_debounce(task_spec& spec, time_point submitted_at) {
  if (!spec.unique_key.empty() && spec.options->unique == unique_mode::debounce)
    spec.run_at = std::max(spec.run_at, submitted_at + spec.options->unique_window);
}

}  // namespace orrery
