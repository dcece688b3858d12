#include "actors/quota.hpp"

#include <algorithm>
#include <vector>

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
  if (answer.number > last_answer_) {  // else it was overtaken by a later one
    last_answer_ = answer.number;
    allowed_ = answer.slots;
  }
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
    bucket_ = token_bucket(0, limit.burst, now >= careful_until_ ? 1 : 0);
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

/// What this node may hold where those that were heard of share what the others leave: who wants little
/// gets it, the rest is even. What cannot be even goes around.
uint32_t quota_keeper::fair_share(const std::string& node, duration now) const {
  uint64_t left = limit_.concurrency;
  std::vector<uint32_t> wants;
  for (const auto& [name, one] : nodes_) {
    if (now - one.heard_at <= fresh)
      wants.push_back(one.wants);
    else
      left -= std::min<uint64_t>(left, one.at_most);
  }
  std::sort(wants.begin(), wants.end());
  auto sharers = wants.size();
  for (const auto want : wants) {
    if (want > left / sharers)
      break;
    left -= want;
    if (--sharers == 0)
      return nodes_.at(node).wants;
  }
  const auto even = left / sharers;
  const auto own = nodes_.at(node).wants;
  if (own <= even)
    return own;
  size_t rank = static_cast<size_t>(now / turn);
  for (const auto& [name, one] : nodes_) {
    if (name == node)
      break;
    rank += now - one.heard_at <= fresh && one.wants > even ? 1 : 0;
  }
  return static_cast<uint32_t>(even + (rank % sharers < left % sharers ? 1 : 0));
}

quota_note quota_keeper::wish(const std::string& node, const quota_note& asked, duration now) {
  auto& one = nodes_[node];
  one.heard_at = now;
  one.wants = std::max(asked.wants, asked.holds);
  if (asked.number >= one.seen) {
    one.seen = asked.number;
    // Later answers may still be on their way to it, and allow more than it says.
    one.unseen.erase(one.unseen.begin(), one.unseen.upper_bound(asked.number));
    one.at_most = asked.holds;
    for (const auto& [number, slots] : one.unseen)
      one.at_most = std::max(one.at_most, slots);
  } else {  // overtaken by a later one, or it began anew
    one.at_most = std::max(one.at_most, asked.holds);
  }
  uint32_t may = one.wants;
  if (limit_.concurrency > 0) {
    const auto others = held() - one.at_most;
    const auto left =
        static_cast<uint32_t>(limit_.concurrency > others ? limit_.concurrency - others : 0);
    may = std::min(fair_share(node, now), left);
    if (now < careful_until_)
      may = std::min(one.wants, asked.holds);
  }
  quota_note answer;
  answer.queue = asked.queue;
  answer.answer = true;
  answer.number = ++number_;
  answer.slots = may;
  // Without a slot it could begin nothing with them.
  const auto starts = may > 0 ? asked.starts : 0;
  answer.starts = limit_.rate > 0 ? bucket_.take(starts, now) : starts;
  one.at_most = std::max(one.at_most, may);
  if (one.at_most == 0 && one.wants == 0)
    nodes_.erase(node);
  else
    one.unseen[answer.number] = may;
  return answer;
}

}  // namespace orrery::actors
