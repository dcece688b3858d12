#pragma once
/// How nodes share what a queue may do on all of them together. Pure.
///
/// The node that owns the queue's home shard keeps the quota. Every other node says, again and again, how
/// many slots of the queue it holds and how many it would like; the keeper answers how many it may hold,
/// and how many attempts it may begin. A node never begins more than it was allowed, and the keeper counts
/// for every node what it may hold at most, so the sum never exceeds the limit. What a node that is gone
/// held comes back when its lease is over.

#include "domain/rules.hpp"

#include <algorithm>
#include <map>
#include <string>

namespace orrery::actors {

/// What one node may do.
class quota_share {
public:
  static constexpr duration start_life = 1s;

  bool has_room(bool slots_limited, bool rate_limited, duration now) const {
    return (!slots_limited || used_ < allowed_) &&
           (!rate_limited || (starts_ > 0 && now < starts_until_));
  }
  /// `fresh`: an attempt begins; else one that ran before is counted.
  void begun(bool fresh) {
    ++used_;
    if (fresh && starts_ > 0)
      --starts_;
  }
  void ended(size_t count) { used_ -= std::min<uint32_t>(used_, static_cast<uint32_t>(count)); }

  /// What to tell the keeper; `waiting` tasks would begin.
  quota_note wish(const std::string& queue, size_t waiting, duration now);
  void answered(const quota_note& answer, duration now);
  /// The keeper is another: it does not know what we were allowed.
  void keeper_changed() { last_answer_ = 0; }
  bool idle() const noexcept { return used_ == 0 && allowed_ == 0; }
  uint32_t used() const noexcept { return used_; }

  duration said_at{};  ///< When the keeper last heard of us.
  std::string keeper;  ///< Whom we asked.

private:
  uint32_t used_ = 0;
  uint32_t allowed_ = 0;
  uint32_t starts_ = 0;
  duration starts_until_{};
  uint64_t last_answer_ = 0;
};

/// Of one queue, at its home.
class quota_keeper {
public:
  /// `lease`: what a node held comes back so long after it was last heard of. `careful_until`: until then
  /// nobody gets more than it says it holds, as others may hold some of which we do not know yet.
  quota_keeper(duration lease, duration careful_until, uint64_t first_number)
      : lease_(lease), careful_until_(careful_until), number_(first_number) {}

  void change(const work_limit& limit, duration now);
  quota_note wish(const std::string& node, const quota_note& asked, duration now);
  /// Takes back what nodes hold that were not heard of for the lease, unless `alive` says that they live.
  template <class Alive>
  void sweep(duration now, Alive alive) {
    std::erase_if(nodes_, [&](const auto& entry) {
      return now - entry.second.heard_at > lease_ && !alive(entry.first);
    });
  }
  /// When the rate lets an attempt begin again; `now` where it does already.
  duration next_start(duration now) const { return has_bucket_ ? bucket_.next(now) : now; }
  /// What all nodes together may hold at most, by what we know.
  uint64_t held() const;
  bool idle() const { return held() == 0; }

private:
  /// Who was not heard of for so long keeps what it holds, and is not waited for with more.
  static constexpr duration fresh = 1s;
  /// What cannot be shared evenly goes to the next so often.
  static constexpr duration turn = 1s;
  struct holder {
    uint32_t at_most = 0;  ///< It cannot hold more.
    uint32_t wants = 0;
    uint64_t seen = 0;                    ///< Number of the last answer it told us it has.
    std::map<uint64_t, uint32_t> unseen;  ///< What answers after that allow it, by number.
    duration heard_at{};
  };

  uint32_t fair_share(const std::string& node, duration now) const;

  const duration lease_;
  const duration careful_until_;
  uint64_t number_;
  work_limit limit_;
  token_bucket bucket_;
  bool has_bucket_ = false;
  std::map<std::string, holder> nodes_;
};

}  // namespace orrery::actors
