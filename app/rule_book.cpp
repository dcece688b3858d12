#include "app/rule_book.hpp"

#include "base/log.hpp"
#include "codec/worker_bodies.hpp"

namespace orrery::app {

namespace {

constexpr std::string_view prefix = "rule/";
constexpr size_t changes_waiting = 1000;
constexpr int tries = 5;

std::string name_of(rule_scope scope, const std::string& name) {
  return std::string(prefix) + std::string(to_string(scope)) + '/' + name;
}

/// Empty where it is of a newer program or broken: such a rule is left out, and said so.
std::optional<work_rule> rule_of(const setting_row& row) {
  auto rest = std::string_view(row.name).substr(prefix.size());
  const auto slash = rest.find('/');
  if (slash == std::string_view::npos)
    return std::nullopt;
  const auto scope = rest.substr(0, slash) == "kind" ? rule_scope::kind : rule_scope::queue;
  auto rule = codec::read_rule(scope, std::string(rest.substr(slash + 1)), row.value);
  if (!rule) {
    log::warning("rules.unreadable", {{"name", row.name}, {"detail", rule.error().detail}});
    return std::nullopt;
  }
  rule->version = row.version;
  return std::move(*rule);
}

}  // namespace

rule_book::rule_book(settings_source& source, const clock& time, actors::limit_board& board,
                     std::function<void()> changed)
    : source_(source),
      time_(time),
      board_(board),
      changed_(std::move(changed)),
      for_changes_(source.open_settings()),
      changes_("rules", changes_waiting) {}

rule_book::~rule_book() { stop(); }

result<void> rule_book::start() {
  auto rules = read(*for_changes_);
  if (!rules)
    return std::move(rules).error();
  publish(std::move(*rules));
  thread_ = std::jthread([this](const std::stop_token& stopping) { run(stopping); });
  return {};
}

void rule_book::stop() {
  if (thread_.joinable()) {
    thread_.request_stop();
    thread_.join();
  }
  changes_.stop();
}

result<std::vector<work_rule>> rule_book::read(settings_store& from) {
  const auto rows = from.all(prefix);
  if (!rows)
    return rows.error();
  std::vector<work_rule> rules;
  for (const auto& row : *rows)
    if (auto rule = rule_of(row))
      rules.push_back(std::move(*rule));
  return rules;
}

void rule_book::publish(std::vector<work_rule> rules) {
  if (board_.set(work_rules(std::move(rules))))
    changed_();
}

void rule_book::run(const std::stop_token& stopping) {
  name_this_thread("rules");
  const auto session = source_.open_settings();
  while (!stopping.stop_requested()) {
    {
      std::unique_lock lock(guard_);
      wake_.wait_for(lock, stopping, period, [] { return false; });
    }
    if (auto rules = read(*session))
      publish(std::move(*rules));
  }
}

void rule_book::list(std::function<void(result<std::vector<work_rule>>)> done) {
  if (!changes_.submit([this, done] { done(read(*for_changes_)); }))
    done(failure{errc::busy, "too many changes of rules wait"});
}

void rule_book::change(rule_scope scope, std::string name, std::function<void(work_rule&)> edit,
                       answer done) {
  const bool taken = changes_.submit([this, scope, name = std::move(name), edit, done] {
    for (int i = 0; i < tries; ++i) {
      auto rules = read(*for_changes_);
      if (!rules)
        return done(rules.error());
      work_rule rule;
      rule.scope = scope;
      rule.name = name;
      for (const auto& one : *rules)
        if (one.scope == scope && one.name == name)
          rule = one;
      if (rule.version == 0 && rules->size() >= rules_max)
        return done(failure{errc::rejected, "there are too many rules"});
      edit(rule);
      rule.changed_at = time_.now();
      if (auto ok = validate(rule); !ok)
        return done(ok.error());
      std::string text;
      codec::append(text, rule);
      const auto version = for_changes_->put(name_of(scope, name), text, rule.version);
      if (!version && version.error().code == errc::conflict)
        continue;
      if (!version)
        return done(version.error());
      rule.version = *version;
      std::erase_if(*rules,
                    [&](const work_rule& one) { return one.scope == scope && one.name == name; });
      rules->push_back(rule);
      publish(std::move(*rules));
      return done(rule);
    }
    done(failure{errc::conflict, "others change this rule at the same time"});
  });
  if (!taken)
    done(failure{errc::busy, "too many changes of rules wait"});
}

}  // namespace orrery::app
