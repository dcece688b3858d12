#include "actors/quota.hpp"

#include <algorithm>

namespace orrery::actors {

quota_note quota_share::wish(const std::string& queue, size_t waiting, duration now) {
  const auto would = static_cast<uint32_t>(std::min<size_t>(used_ + waiting, 1'000'000'000));
  // What is allowed and not needed is given up by asking for less.
  allowed_ = std::min(allowed_, std::max(would, used_));
  if (now >= starts_until_)
    starts_ = 0;
  quota_note note;
  note.queue = queue;
  note.number = last_answer_;
  note.holds = std::max(used_, allowed_);
  note.wants = would;
  note.starts =
      static_cast<uint32_t>(std::min<size_t>(waiting, 10'000)) -
      std::min<uint32_t>(starts_, static_cast<uint32_t>(std::min<size_t>(waiting, 10'000)));
  said_at = now;
  return note;
}

void quota_share::answered(const quota_note& answer, duration now) {
  last_answer_ = answer.number;
  allowed_ = answer.slots;
  if (answer.starts > 0) {
    starts_ = (now < starts_until_ ? starts_ : 0) + answer.starts;
    starts_until_ = now + start_life;
  }
}

void quota_keeper::change(const work_limit& limit, duration now) {
  if (limit == limit_)
    return;
  limit_ = limit;
  if (!has_bucket_ && limit.rate > 0) {
    // After a change of home some may have been used just now: it begins empty.
    bucket_ = token_bucket(limit.rate, limit.burst, now >= careful_until_ ? 1 : 0);
    has_bucket_ = true;
  }
  bucket_.change(limit.rate, limit.burst, now);
}

uint64_t quota_keeper::held() const {
  uint64_t sum = 0;
  for (const auto& [node, one] : nodes_)
    sum += one.at_most;
  return sum;
}

quota_note quota_keeper::wish(const std::string& node, const quota_note& asked, duration now) {
  auto& one = nodes_[node];
  one.heard_at = now;
  one.wants = std::max(asked.wants, asked.holds);
  // Our last answer may still be on its way to it, and allow more than it says.
  one.at_most = asked.number == one.answer ? asked.holds : std::max(asked.holds, one.at_most);
  uint32_t may = one.wants;
  if (limit_.concurrency > 0) {
    uint64_t others = 0;
    uint32_t wanting = 0;
    bool starving = false;
    for (const auto& [name, other] : nodes_) {
      wanting += other.wants > 0 ? 1 : 0;
      if (name == node)
        continue;
      others += other.at_most;
      starving |= other.wants > other.at_most;
    }
    const auto left =
        static_cast<uint32_t>(limit_.concurrency > others ? limit_.concurrency - others : 0);
    may = std::min(one.wants, left);
    const auto fair = std::max<uint32_t>(1, limit_.concurrency / std::max<uint32_t>(1, wanting));
    if (starving)
      may = std::min(may, fair);
    if (now < careful_until_)
      may = std::min(may, asked.holds);
  }
  quota_note answer;
  answer.queue = asked.queue;
  answer.answer = true;
  answer.number = one.answer = ++number_;
  answer.slots = may;
  if (limit_.rate > 0)
    answer.starts = bucket_.take(asked.starts, now);
  else
    answer.starts = asked.starts;
  one.at_most = std::max(one.at_most, may);
  if (one.at_most == 0 && one.wants == 0)
    nodes_.erase(node);
  return answer;
}

}  // namespace orrery::actors
