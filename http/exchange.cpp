#include "http/exchange.hpp"

#include "http/problem.hpp"
#include "http/routes.hpp"

#include <utility>

namespace orrery::http {

void exchange::keep_with(keeper keep) {
  const std::lock_guard lock(guard_);
  keep_ = std::move(keep);
}

void exchange::finish(response answer) {
  keeper keep;
  {
    const std::lock_guard lock(guard_);
    if (keeping_)
      return;
    keeping_ = static_cast<bool>(keep_);
    keep = std::exchange(keep_, nullptr);
  }
  if (!keep)
    return deliver(std::move(answer));
  const auto shared = std::make_shared<response>(std::move(answer));
  keep(*shared, [self = shared_from_this(), shared] { self->deliver(std::move(*shared)); });
}

void exchange::deliver(response answer) {
  // `wake_` runs under the lock: after `close` has returned, no call of it can be under way, so
  // that it may point at an io thread which ends soon after. It only posts.
  const std::lock_guard lock(guard_);
  if (state_ != state::open)
    return;
  answer_ = std::move(answer);
  state_ = state::answered;
  if (wake_)
    std::exchange(wake_, nullptr)();
}

void exchange::fail(const failure& why) {
  finish(problem_of(why, matched && matched->submits, in.target));
}

bool exchange::open() const {
  const std::lock_guard lock(guard_);
  return state_ == state::open;
}

void exchange::reset() {
  in.verb = method::other;
  in.target.clear();
  in.path = in.query = {};
  in.id.clear();
  in.action.clear();
  in.body.clear();
  in.lines = false;
  in.idempotency_key.reset();
  in.traceparent.clear();
  in.tracestate.clear();
  in.wait = {};
  in.request_id.clear();
  in.principal.clear();
  in.accepts_events = false;
  in.last_event_id.clear();
  in.who = {};
  in.if_match.reset();
  in.gzip = false;
  in.if_none_match.clear();
  matched = nullptr;
  const std::lock_guard lock(guard_);
  state_ = state::open;
  answer_ = {};
  wake_ = nullptr;
  keep_ = nullptr;
  keeping_ = false;
}

bool exchange::answered() const {
  const std::lock_guard lock(guard_);
  return state_ == state::answered;
}

void exchange::when_answered(std::function<void()> wake) {
  const std::lock_guard lock(guard_);
  if (state_ == state::open)
    wake_ = std::move(wake);
  else
    wake();
}

response exchange::take() {
  const std::lock_guard lock(guard_);
  return std::exchange(answer_, {});
}

void exchange::close() {
  const std::lock_guard lock(guard_);
  state_ = state::closed;
  wake_ = nullptr;
}

}  // namespace orrery::http
