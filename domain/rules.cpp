#include "domain/rules.hpp"

#include "domain/limits.hpp"

#include <algorithm>
#include <array>
#include <cmath>

namespace orrery {

namespace {

constexpr std::array<std::string_view, 3> strategies = {"queue", "cancel-running", "cancel-new"};
constexpr double rate_max = 1'000'000;
constexpr uint32_t concurrency_max = 10'000'000;

result<void> validate(const work_limit& limit, const std::string& prefix) {
  if (limit.concurrency > concurrency_max)
    return failure{errc::invalid, "must lie between 0 and 10000000", prefix + "concurrency"};
  if (!(limit.rate >= 0 && limit.rate <= rate_max))
    return failure{errc::invalid, "must lie between 0 and 1000000 a second", prefix + "rate"};
  if (limit.burst > concurrency_max)
    return failure{errc::invalid, "must lie between 0 and 10000000", prefix + "burst"};
  if (limit.burst > 0 && limit.rate <= 0)
    return failure{errc::invalid, "means nothing without a rate", prefix + "burst"};
  return {};
}

}  // namespace

std::string_view to_string(on_limit choice) noexcept {
  return strategies[static_cast<size_t>(choice)];
}

std::optional<on_limit> parse_on_limit(std::string_view text) noexcept {
  const auto found = std::find(strategies.begin(), strategies.end(), text);
  if (found == strategies.end())
    return std::nullopt;
  return static_cast<on_limit>(found - strategies.begin());
}

std::string_view to_string(rule_scope scope) noexcept {
  return scope == rule_scope::queue ? "queue" : "kind";
}

result<void> validate(const work_rule& rule) {
  if (rule.name.empty() || rule.name.size() > limits::name_bytes)
    return failure{errc::invalid, "must have 1 to 128 bytes", "name"};
  if (rule.note.size() > limits::text_bytes)
    return failure{errc::invalid, "is longer than 4096 bytes", "note"};
  if (auto ok = validate(rule.whole, ""); !ok)
    return ok;
  if (auto ok = validate(rule.each_key, "perKey."); !ok)
    return ok;
  if (rule.scope == rule_scope::kind && !(rule.whole.none() && rule.each_key.none()))
    return failure{errc::invalid, "can be set for queues only", "concurrency"};
  if (rule.strategy != on_limit::queue && rule.each_key.concurrency == 0)
    return failure{errc::invalid, "needs perKey.concurrency", "strategy"};
  return {};
}

work_rules::work_rules(std::vector<work_rule> all) {
  for (auto& one : all) {
    auto key = std::pair(one.scope, one.name);
    by_name_.insert_or_assign(std::move(key), std::move(one));
  }
}

const work_rule* work_rules::find(rule_scope scope, const std::string& name) const {
  if (by_name_.empty())
    return nullptr;
  const auto found = by_name_.find({scope, name});
  return found == by_name_.end() ? nullptr : &found->second;
}

std::string work_rules::pause_of(const std::string& queue, const std::string& kind) const {
  const auto sentence = [](const work_rule* rule) {
    if (rule == nullptr || !rule->paused)
      return std::string();
    return std::string(to_string(rule->scope)) + " " + rule->name + " is paused" +
           (rule->note.empty() ? "" : ": " + rule->note);
  };
  auto of = sentence(of_queue(queue));
  return of.empty() ? sentence(of_kind(kind)) : of;
}

std::string work_rules::drain_of(const std::string& queue, const std::string& kind) const {
  const auto sentence = [](const work_rule* rule) {
    if (rule == nullptr || !rule->draining)
      return std::string();
    return std::string(to_string(rule->scope)) + " " + rule->name + " takes nothing new" +
           (rule->note.empty() ? "" : ": " + rule->note);
  };
  auto of = sentence(of_queue(queue));
  return of.empty() ? sentence(of_kind(kind)) : of;
}

void token_bucket::refill(duration now) {
  if (now <= at_)
    return;
  tokens_ += rate_ * static_cast<double>((now - at_).count()) / 1e6;
  // Full, it keeps the part of the next one: else who asks a little late gets less than the rate.
  if (tokens_ > size())
    tokens_ = size() + (tokens_ - std::floor(tokens_));
  at_ = now;
}

void token_bucket::change(double rate, uint32_t burst, duration now) {
  refill(now);
  rate_ = rate;
  burst_ = burst;
  tokens_ = std::min(tokens_, size());
  at_ = std::max(at_, now);
}

uint32_t token_bucket::take(uint32_t wanted, duration now) {
  refill(now);
  // What a sum of fractions misses by rounding is not waited for.
  const auto whole = static_cast<uint32_t>(std::clamp(std::floor(tokens_ + 1e-9), 0.0, size()));
  const auto taken = std::min(wanted, whole);
  tokens_ = std::max(0.0, tokens_ - taken);
  return taken;
}

bool token_bucket::is_full(duration now) const {
  auto copy = *this;
  copy.refill(now);
  return copy.tokens_ >= size();
}

duration token_bucket::next(duration now) const {
  auto copy = *this;
  copy.refill(now);
  if (copy.tokens_ + 1e-9 >= 1)
    return now;
  if (rate_ <= 0)
    return duration::max();
  return now + duration{static_cast<int64_t>(std::ceil((1 - copy.tokens_) / rate_ * 1e6))};
}

}  // namespace orrery
