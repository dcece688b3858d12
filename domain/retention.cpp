#include "domain/retention.hpp"

#include "domain/unique_key.hpp"

#include <algorithm>

namespace orrery {

namespace {

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && text.front() == ' ')
    text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ')
    text.remove_suffix(1);
  return text;
}

/// The number of an end state by its name; -1 = there is none of this name.
int end_state(entity_kind kind, std::string_view name) {
  const auto count = kind == entity_kind::task ? task_statuses : order_statuses;
  for (size_t i = 0; i < count; ++i) {
    const auto status = static_cast<uint8_t>(i);
    const bool final = kind == entity_kind::task ? is_final(static_cast<task_status>(status))
                                                 : is_final(static_cast<order_status>(status));
    if (final && status_text(kind, status) == name)
      return status;
  }
  return -1;
}

result<retention_rule> read_rule(entity_kind kind, std::string_view text) {
  const auto bad = [&](std::string_view why) {
    return failure{errc::invalid, "'" + std::string(text) + "' " + std::string(why)};
  };
  retention_rule rule;
  const auto equals = text.find('=');
  const auto length = trimmed(equals == std::string_view::npos ? text : text.substr(equals + 1));
  if (length == "never") {
    rule.keep = kept_for_ever;
  } else {
    const auto keep = parse_duration(length);
    if (!keep)
      return bad(keep.error().detail);
    if (*keep < retention_min)
      return bad("is shorter than a second");
    rule.keep = *keep;
  }
  if (equals == std::string_view::npos)
    return rule;
  const auto what = trimmed(text.substr(0, equals));
  const auto slash = what.find('/');
  if (slash == std::string_view::npos) {
    rule.status = end_state(kind, what);
    if (rule.status >= 0)
      return rule;
    if (kind == entity_kind::order)
      return bad("names no end state of orders");
    rule.task_kind = what;
  } else {
    if (kind == entity_kind::order)
      return bad("names a kind, and orders have none");
    rule.task_kind = trimmed(what.substr(0, slash));
    rule.status = end_state(kind, trimmed(what.substr(slash + 1)));
    if (rule.status < 0)
      return bad("names no end state of tasks");
  }
  if (rule.task_kind.empty() || rule.task_kind.size() > limits::name_bytes)
    return bad("names no kind");
  return rule;
}

/// How close a rule is to what it fits: the kind counts more than the state.
int closeness(const retention_rule& rule) {
  return (rule.task_kind.empty() ? 0 : 2) + (rule.status < 0 ? 0 : 1);
}

time_point finished_at(const entity& e) {
  return std::visit([](const auto& one) { return one.finished_at; }, e);
}

}  // namespace

result<retention> retention::parse(entity_kind kind, std::string_view text) {
  retention all;
  all.kind_ = kind;
  for (size_t at = 0; at < text.size();) {
    const auto end = std::min(text.find(',', at), text.size());
    const auto one = trimmed(text.substr(at, end - at));
    at = end + 1;
    if (one.empty())
      continue;
    auto rule = read_rule(kind, one);
    if (!rule)
      return std::move(rule).error();
    for (const auto& other : all.rules_)
      if (other.task_kind == rule->task_kind && other.status == rule->status)
        return failure{errc::invalid, "'" + std::string(one) + "' says again what is said already"};
    if (all.rules_.size() == retention_rules_max)
      return failure{errc::invalid, "more than " + std::to_string(retention_rules_max) + " rules"};
    all.rules_.push_back(std::move(*rule));
  }
  return all;
}

std::string retention::text() const {
  std::string out;
  for (const auto& rule : rules_) {
    out += out.empty() ? "" : ",";
    out += rule.task_kind;
    if (rule.status >= 0)
      out += (rule.task_kind.empty() ? "" : "/") +
             std::string(status_text(kind_, static_cast<uint8_t>(rule.status)));
    if (!rule.task_kind.empty() || rule.status >= 0)
      out += '=';
    out += rule.keep == kept_for_ever ? "never" : format_duration(rule.keep);
  }
  return out;
}

duration retention::keep(const entity& e) const noexcept {
  const auto* of_task = std::get_if<task>(&e);
  const auto* of_order = std::get_if<order>(&e);
  const bool waits_for_person =
      of_order != nullptr && of_order->status == order_status::compensation_failed;
  const retention_rule* best = nullptr;
  for (const auto& rule : rules_) {
    if (waits_for_person && rule.status < 0)
      continue;
    if (rule.status >= 0 && rule.status != status_of(e))
      continue;
    if (!rule.task_kind.empty() && (of_task == nullptr || rule.task_kind != of_task->spec->kind))
      continue;
    if (best == nullptr || closeness(rule) > closeness(*best))
      best = &rule;
  }
  return best == nullptr ? kept_for_ever : best->keep;
}

bool retention::may_erase(const entity& e, time_point now) const noexcept {
  if (kind_of(e) != kind_ || !is_final(e))
    return false;
  if (const auto* t = std::get_if<task>(&e))
    if (t->pinned || (may_hold_key(*t) && holder_of(*t).holds(now)))
      return false;
  const auto kept = keep(e);
  return kept != kept_for_ever && finished_at(e) != never && now - finished_at(e) >= kept;
}

bool needs(const entity& parent, entity_id child) {
  if (const auto* s = std::get_if<schedule>(&parent)) {
    const auto watches = s->watches();
    return std::any_of(watches.begin(), watches.end(),
                       [&](const child_watch& one) { return one.id == child; });
  }
  return true;
}

}  // namespace orrery
