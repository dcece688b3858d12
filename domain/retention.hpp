#pragma once
/// Retention: how long the rows of tasks and orders are kept after their end. Pure.
///
/// A rule names an end state, a kind of task, both, or neither; the closest one counts. As text, in
/// the configuration: `7d, FAILED=30d, mail=1d, mail/SUCCEEDED=1h, EXPIRED=never`. Without a rule that
/// fits a row is kept for ever.

#include "domain/events.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace orrery {

struct retention_rule {
  std::string task_kind;        ///< Of tasks; empty = all.
  int status = -1;              ///< By its number; -1 = all.
  duration keep = duration{0};  ///< `kept_for_ever`: never deleted.
  friend bool operator==(const retention_rule&, const retention_rule&) = default;
};
inline constexpr duration kept_for_ever = duration::max();
/// The shortest time that a rule may name.
inline constexpr duration retention_min = std::chrono::seconds{1};
inline constexpr size_t retention_rules_max = 1000;

/// The rules of one kind of entity.
class retention {
public:
  retention() = default;
  /// Reads the text of `kind`'s rules. A failure says which rule is wrong, and why.
  static result<retention> parse(entity_kind kind, std::string_view text);
  std::string text() const;

  const std::vector<retention_rule>& rules() const noexcept { return rules_; }
  /// How long this one is kept after its end.
  duration keep(const entity& e) const noexcept;
  /// Whether its time is over: it has ended, is not pinned, and holds no unique key. Whether its parent
  /// still needs it is another question (`needs`).
  bool may_erase(const entity& e, time_point now) const noexcept;

  friend bool operator==(const retention&, const retention&) = default;

private:
  entity_kind kind_ = entity_kind::task;
  std::vector<retention_rule> rules_;
};

/// Whether the child must stay because of its parent: the tasks of an order are kept as long as the order,
/// what a schedule has started until the schedule has heard of its end.
bool needs(const entity& parent, entity_id child);

}  // namespace orrery
