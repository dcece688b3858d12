#include "actors/schedule_actor.hpp"

#include "domain/flow.hpp"

namespace orrery::actors {

namespace {

/// A fire this near is waited for in memory: it then needs no read.
constexpr duration near = 2s;
/// A schedule whose zone cannot be read is looked at again after this.
constexpr duration zone_patience = 60s;

}  // namespace

caf::behavior schedule_actor::make_behavior() {
  must_look_ = state_ && state_->waits_for_children();
  if (first_) {
    take(*first_);
    first_.reset();
  }
  if (left_)
    return {};
  return {
      [this](do_command& wish) { receive(wish); },
      [this](const may_leave&) {
        may_leave_ = true;
        emit({});
      },
      [this](const give_back&) {
        giving_back_ = true;
        emit({});
      },
  };
}

/// After a takeover the ends of children are not known, and a command that makes what is due would leave fires
/// out for them: it waits for the news, and all that comes after it does as well.
void schedule_actor::receive(do_command& wish) {
  const auto* mine = std::get_if<schedule_command>(&wish.command);
  const bool is_news = mine != nullptr && std::holds_alternative<schedule_children_ended>(*mine);
  if (!is_news && (!behind_.empty() || (mine != nullptr && must_hear_first(*mine)))) {
    behind_.push_back(std::move(wish));  // as bounded as the mailbox: each has a caller who waits
    return ask_after_children();
  }
  if (behind_.empty())
    return take(wish);
  // The shard counts answers in the order of what it sent: the news is counted behind the others.
  catching_up_ = true;
  --handled_;
  take(wish);
  for (auto& one : std::exchange(behind_, {}))
    take(one);
  catching_up_ = false;
  ++handled_;
  emit({});
}

bool schedule_actor::must_hear_first(const schedule_command& wish) const {
  if (!must_look_ || giving_back_ || !state_ || !state_->waits_for_children())
    return false;
  return !std::holds_alternative<wake_schedule>(wish) && std::visit(
                                                             [](const auto& c) {
                                                               return requires { c.times; };
                                                             },
                                                             wish);
}

void schedule_actor::ask_after_children() {
  if (std::exchange(asked_, true))
    return;
  woken_ = true;  // `settle` asks
  emit({});
}

bool schedule_actor::waits() const {
  if (!state_)
    return false;
  if (state_->waits_for_children())
    return true;
  const auto alarm = state_->alarm_at();
  return alarm != never && alarm - now() < near;
}

result<shared_times> schedule_actor::times_of(const fire_times_spec& spec) const {
  if (!context_.zones)
    return failure{errc::unavailable, "this node knows no time zones"};
  auto made = fire_times::make(spec, context_.zones);
  if (made)
    return shared_times(std::make_shared<const fire_times>(std::move(*made)));
  auto why = std::move(made).error();
  if (why.code == errc::not_found)
    why.code = errc::invalid;  // a zone, not the schedule
  return why;
}

result<shared_times> schedule_actor::times_of_state() {
  if (!state_)
    return shared_times();
  if (times_ == nullptr || times_spec_ != state_->spec->times) {
    auto made = times_of(state_->spec->times);
    if (!made)
      return made;
    times_ = std::move(*made);
    times_spec_ = state_->spec->times;
  }
  return times_;
}

/// What a fire starts must be something that can be done here.
result<void> schedule_actor::known_kind(const schedule_spec& spec) const {
  if (spec.action == schedule_action::message) {
    if (!context_.may_publish_to)
      return failure{errc::invalid, "this node publishes no messages", "message.topic"};
    if (auto ok = context_.may_publish_to(spec.message.topic); !ok)
      return failure{errc::invalid, ok.error().detail, "message.topic"};
  }
  if (spec.action == schedule_action::task &&
      (is_stock_kind(spec.task.kind) || !context_.takes_kind(spec.task.kind)))
    return failure{errc::invalid, "kind has no executor here: " + spec.task.kind, "task.kind"};
  return {};
}

result<void> schedule_actor::prepare(schedule_command& wish) {
  return std::visit(
      [&](auto& c) -> result<void> {
        if constexpr (requires { c.spec; }) {
          if (auto known = known_kind(c.spec); !known)
            return known;
          auto made = times_of(c.spec.times);
          if (!made)
            return std::move(made).error();
          c.times = std::move(*made);
          if constexpr (requires { c.before; })
            if (auto before = times_of_state())
              c.before = std::move(*before);
        } else if constexpr (requires { c.times; }) {
          if (!state_)
            return {};  // decided without
          auto made = times_of_state();
          if (made)
            c.times = std::move(*made);
          else if constexpr (!std::is_same_v<decltype(c), pause_schedule&>)
            return std::move(made).error();  // a pause needs no zone
        }
        return {};
      },
      wish);
}

void schedule_actor::refuse(do_command& wish, failure why) {
  ++handled_;
  entity_effect effect;
  effect.sequence = wish.sequence;
  effect.refused = why;
  if (wish.reply)
    wish.reply(std::move(why));
  emit(std::move(effect));
}

void schedule_actor::take(do_command& wish) {
  may_leave_ = false;
  auto* mine = std::get_if<schedule_command>(&wish.command);
  if (mine == nullptr)
    return refuse(wish, {errc::invalid, "the command is for another kind of entity"});
  woken_ = std::holds_alternative<wake_schedule>(*mine);
  if (std::holds_alternative<schedule_children_ended>(*mine))
    must_look_ = false;
  if (woken_ && must_look_ && state_->waits_for_children()) {
    // What it started may have ended while nobody listened: a fire must not be left out for that. The
    // answer comes as news, and decides.
    ++handled_;
    return emit({});
  }
  if (auto ready = prepare(*mine); !ready) {
    if (woken_) {
      log::error("schedule.unready", {{"id", to_string(id_)},
                                      {"trace", trace_text()},
                                      {"detail", ready.error().detail},
                                      {"again_s", 60}});
    }
    return refuse(wish, std::move(ready).error());
  }
  handle(wish);
}

/// Woken, perhaps by a new owner of the shard: asks for what it missed. And where a wake came to nothing
/// (the clock was set back), nothing else would wake it again.
void schedule_actor::settle(entity_effect& effect) {
  if (!std::exchange(woken_, false) || !state_)
    return;
  const bool looks = must_look_ && state_->waits_for_children();
  auto alarm = state_->alarm_at();
  if (effect.refused)
    alarm = now() + zone_patience;
  else if (alarm <= now() && alarm != never)
    alarm = looks || effect.steps.empty() ? never : alarm;
  const bool rearms = alarm != never && effect.steps.empty();
  if (!looks && !rearms)
    return;
  if (effect.children == nullptr)
    effect.children = std::make_shared<offspring>();
  if (looks)
    effect.children->watches = state_->watches();
  if (rearms)
    effect.children->alarm = alarm;
}

}  // namespace orrery::actors
