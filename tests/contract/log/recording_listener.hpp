#pragma once
/// A listener that writes down everything it is told, and the waiting around it.

#include "domain/ports/intake_log.hpp"
#include "tests/support/process.hpp"

#include <array>
#include <future>
#include <map>
#include <memory>
#include <mutex>
#include <set>

namespace orrery::test {

/// Thread-safe. Records of shards that are not owned are a failure of the log and are kept apart.
class recording_listener final : public intake_listener {
public:
  void assigned(const std::vector<shard_id>& shards) override {
    const std::lock_guard lock(guard_);
    owned_.insert(shards.begin(), shards.end());
    ++assignments_;
  }

  void revoked(const std::vector<shard_id>& shards, bool lost) override {
    const std::lock_guard lock(guard_);
    for (const auto shard : shards)
      owned_.erase(shard);
    ever_revoked_.insert(shards.begin(), shards.end());
    lost_ = lost_ || lost;
  }

  void records(shard_id shard, epoch_t tenure, std::vector<log_record> batch) override {
    const std::lock_guard lock(guard_);
    if (!owned_.contains(shard))
      ++strays_;
    tenures_[shard] = tenure;
    for (auto& record : batch)
      seen_[{shard, record.topic}].push_back(std::move(record));
  }

  void failed(const failure& why) override {
    const std::lock_guard lock(guard_);
    failures_.push_back(why);
  }

  std::set<shard_id> owned() const {
    const std::lock_guard lock(guard_);
    return owned_;
  }
  bool ever_lost() const {
    const std::lock_guard lock(guard_);
    return lost_;
  }
  std::set<shard_id> ever_revoked() const {
    const std::lock_guard lock(guard_);
    return ever_revoked_;
  }
  void forget_revocations() {
    const std::lock_guard lock(guard_);
    ever_revoked_.clear();
  }
  /// Batches that came for a shard while it was not owned.
  size_t strays() const {
    const std::lock_guard lock(guard_);
    return strays_;
  }
  /// What the last batch of the shard was marked with.
  epoch_t last_tenure(shard_id shard) const {
    const std::lock_guard lock(guard_);
    const auto found = tenures_.find(shard);
    return found == tenures_.end() ? epoch_t{} : found->second;
  }
  size_t assignments() const {
    const std::lock_guard lock(guard_);
    return assignments_;
  }
  std::vector<failure> failures() const {
    const std::lock_guard lock(guard_);
    return failures_;
  }
  std::vector<log_record> records_of(shard_id shard, intake topic) const {
    const std::lock_guard lock(guard_);
    const auto found = seen_.find({shard, topic});
    return found == seen_.end() ? std::vector<log_record>{} : found->second;
  }
  std::vector<std::string> values(shard_id shard, intake topic) const {
    const std::lock_guard lock(guard_);
    std::vector<std::string> out;
    if (const auto found = seen_.find({shard, topic}); found != seen_.end())
      for (const auto& record : found->second)
        out.push_back(record.value);
    return out;
  }
  size_t count(shard_id shard, intake topic) const {
    const std::lock_guard lock(guard_);
    const auto found = seen_.find({shard, topic});
    return found == seen_.end() ? 0 : found->second.size();
  }
  void forget() {
    const std::lock_guard lock(guard_);
    seen_.clear();
    owned_.clear();
    ever_revoked_.clear();
    failures_.clear();
    strays_ = 0;
    lost_ = false;
  }

  bool eventually_owns(size_t shards, std::chrono::milliseconds limit) const {
    return eventually([&] { return owned().size() == shards; }, limit);
  }
  bool eventually_has(shard_id shard, intake topic, size_t records,
                      std::chrono::milliseconds limit) const {
    return eventually([&] { return count(shard, topic) >= records; }, limit);
  }

private:
  mutable std::mutex guard_;
  std::set<shard_id> owned_;
  std::set<shard_id> ever_revoked_;
  std::map<std::pair<shard_id, intake>, std::vector<log_record>> seen_;
  std::vector<failure> failures_;
  size_t assignments_ = 0;
  size_t strays_ = 0;
  std::map<shard_id, epoch_t> tenures_;
  bool lost_ = false;
};

inline std::vector<std::string> values_of(const std::vector<log_message>& messages) {
  std::vector<std::string> out;
  for (const auto& m : messages)
    out.push_back(m.value);
  return out;
}

/// Produces and waits for the answer. The promise is shared, because a late answer may come after we
/// have stopped waiting.
inline result<std::vector<log_place>> produce_and_wait(intake_log& log,
                                                       std::vector<log_message> messages,
                                                       std::chrono::milliseconds limit) {
  using outcome = result<std::vector<log_place>>;
  auto promise = std::make_shared<std::promise<outcome>>();
  auto answer = promise->get_future();
  log.producer().produce(std::move(messages),
                         [promise](outcome o) { promise->set_value(std::move(o)); });
  if (answer.wait_for(limit) != std::future_status::ready)
    return failure{errc::unavailable, "no answer from the producer"};
  return answer.get();
}

}  // namespace orrery::test
