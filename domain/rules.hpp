#pragma once
/// Rules of queues and kinds, set by operators: how much may run at once, how much may begin in a second,
/// and what is held. Durable, and the same on all nodes.

#include "base/result.hpp"
#include "base/time.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace orrery {

/// What follows where a limit key has as many running as it may.
enum class on_limit : uint8_t {
  queue = 0,       ///< The new task waits.
  cancel_running,  ///< The oldest running task of the key is cancelled for it.
  cancel_new,      ///< The new task is cancelled.
};
std::string_view to_string(on_limit choice) noexcept;
std::optional<on_limit> parse_on_limit(std::string_view text) noexcept;

/// How much; 0 = no limit.
struct work_limit {
  uint32_t concurrency = 0;  ///< Attempts at a time.
  double rate = 0;           ///< Attempts that begin in a second, on average.
  uint32_t burst = 0;        ///< As many may begin at once after a pause; 0 = one.

  bool none() const noexcept { return concurrency == 0 && rate <= 0; }
  friend bool operator==(const work_limit&, const work_limit&) = default;
};

enum class rule_scope : uint8_t { queue = 0, kind };
std::string_view to_string(rule_scope scope) noexcept;

struct work_rule {
  rule_scope scope = rule_scope::queue;
  std::string name;                     ///< Of the queue or kind.
  bool paused = false;                  ///< Nothing of it begins. What runs goes on.
  bool draining = false;                ///< Nothing new is taken. What is there goes on.
  std::string note = {};                ///< Why, for people.
  work_limit whole = {};                ///< Of the queue, over all nodes. Queues only.
  work_limit each_key = {};             ///< Of each limit key in the queue. Queues only.
  on_limit strategy = on_limit::queue;  ///< For `each_key.concurrency`.
  uint64_t version = 0;                 ///< Counts the changes.
  time_point changed_at = {};

  friend bool operator==(const work_rule&, const work_rule&) = default;
};
inline constexpr size_t rules_max = 10'000;

/// Checks a rule; the failure names the field as the JSON calls it.
result<void> validate(const work_rule& rule);

/// All rules at one moment.
class work_rules {
public:
  work_rules() = default;
  explicit work_rules(std::vector<work_rule> all);

  /// Null where there is none.
  const work_rule* of_queue(const std::string& name) const { return find(rule_scope::queue, name); }
  const work_rule* of_kind(const std::string& name) const { return find(rule_scope::kind, name); }
  /// What holds a task of this queue and kind, in a sentence; empty = nothing.
  std::string pause_of(const std::string& queue, const std::string& kind) const;
  /// The same for what refuses it at submission.
  std::string drain_of(const std::string& queue, const std::string& kind) const;
  bool empty() const noexcept { return by_name_.empty(); }
  friend bool operator==(const work_rules&, const work_rules&) = default;

private:
  const work_rule* find(rule_scope scope, const std::string& name) const;
  std::map<std::pair<rule_scope, std::string>, work_rule> by_name_;
};

/// A token bucket. Begins full unless told otherwise; time is the caller's, and never goes back.
class token_bucket {
public:
  token_bucket() = default;
  token_bucket(double rate, uint32_t burst, double tokens)
      : rate_(rate), burst_(burst), tokens_(tokens) {}

  /// From now on by these; what it holds is cut to the new burst.
  void change(double rate, uint32_t burst, duration now);
  /// Takes up to `wanted`; answers how many it took.
  uint32_t take(uint32_t wanted, duration now);
  /// When there will be one; `now` where there is one already.
  duration next(duration now) const;
  bool is_full(duration now) const;

private:
  void refill(duration now);
  double size() const { return burst_ > 0 ? burst_ : 1; }

  double rate_ = 0;
  uint32_t burst_ = 0;
  double tokens_ = 0;
  duration at_{};
};

/// Between a node that holds a part of what a queue may do and the node that keeps it.
struct quota_note {
  std::string queue;
  bool answer = false;  ///< From the keeper.
  uint64_t number = 0;  ///< Of the keeper's answer; in a wish: of the last answer seen.
  uint32_t holds = 0;   ///< Wish: slots in use, or allowed and not given up.
  uint32_t wants = 0;   ///< Wish: slots it would use now.
  uint32_t slots = 0;   ///< Answer: it may hold so many.
  uint32_t starts = 0;  ///< Wish: attempts it would begin; answer: it may begin.
};

}  // namespace orrery
