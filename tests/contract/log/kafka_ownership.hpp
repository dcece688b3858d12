#pragma once
/// Several nodes on one real broker: who owns which shard, and what a change of members costs.

#include "bridge/kafka/kafka_log.hpp"
#include "tests/contract/log/log_contract.hpp"
#include "tests/contract/log/raw_kafka.hpp"

#include <arpa/inet.h>
#include <condition_variable>
#include <netinet/in.h>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>

namespace orrery::test {

inline constexpr uint32_t group_shards = 12;
inline constexpr auto group_patience = 60s;

/// What a store does for its nodes: it knows where each shard goes on and which owner is the present
/// one, and it takes nothing from a former one.
class shared_store {
public:
  struct place {
    intake_offsets next{};
    epoch_t epoch;
  };

  place acquire(shard_id shard) {
    const std::lock_guard lock(guard_);
    auto& mine = shards_[shard];
    mine.epoch = epoch_t{mine.epoch.value + 1};
    return mine;
  }
  void commit(shard_id shard, epoch_t tenure, const std::vector<log_record>& batch) {
    const std::lock_guard lock(guard_);
    auto& mine = shards_[shard];
    if (tenure != mine.epoch)
      return;
    for (const auto& record : batch) {
      auto& next = mine.next[static_cast<size_t>(record.topic)];
      EXPECT_EQ(record.offset, next) << "a gap or a repeat in shard " << shard.value;
      next = record.offset + 1;
    }
  }
  bool has_all(int64_t per_topic) const {
    const std::lock_guard lock(guard_);
    return shards_.size() == group_shards &&
           std::all_of(shards_.begin(), shards_.end(), [&](const auto& one) {
             return one.second.next == intake_offsets{per_topic, per_topic};
           });
  }
  epoch_t epoch_of(shard_id shard) const {
    const std::lock_guard lock(guard_);
    const auto found = shards_.find(shard);
    return found == shards_.end() ? epoch_t{} : found->second.epoch;
  }

private:
  mutable std::mutex guard_;
  std::map<shard_id, place> shards_;
};

/// A node that starts each of its shards where the store says.
class group_node final : public intake_listener {
public:
  group_node(const kafka_options& options, shared_store& store) : store_(store) {
    auto made = kafka_log::make(options);
    if (!made)
      throw std::runtime_error(made.error().detail);
    log_ = std::move(*made);
  }
  ~group_node() override {
    let_go();
    log_->consumer().close();
  }

  void join() { ASSERT_TRUE(log_->consumer().open(*this)); }
  void leave() { log_->consumer().close(); }

  /// From now on the node takes its time to give up shards, until `let_go`.
  void hold_on() { set_holding(true); }
  void let_go() { set_holding(false); }

  void assigned(const std::vector<shard_id>& shards) override {
    heard.assigned(shards);
    for (const auto shard : shards) {
      const auto at = store_.acquire(shard);
      log_->consumer().start(shard, at.next, at.epoch);
    }
  }
  void revoked(const std::vector<shard_id>& shards, bool lost) override {
    std::unique_lock lock(guard_);
    giving_up_.insert(shards.begin(), shards.end());
    changed_.wait_for(lock, group_patience, [&] { return !holding_; });
    lock.unlock();
    heard.revoked(shards, lost);
  }
  void records(shard_id shard, epoch_t tenure, std::vector<log_record> batch) override {
    store_.commit(shard, tenure, batch);
    heard.records(shard, tenure, std::move(batch));
  }
  void failed(const failure& why) override { heard.failed(why); }

  std::set<shard_id> giving_up() const {
    const std::lock_guard lock(guard_);
    return giving_up_;
  }
  intake_log& log() { return *log_; }

  recording_listener heard;

private:
  void set_holding(bool on) {
    const std::lock_guard lock(guard_);
    holding_ = on;
    changed_.notify_all();
  }

  shared_store& store_;
  std::unique_ptr<kafka_log> log_;
  mutable std::mutex guard_;
  std::condition_variable changed_;
  std::set<shard_id> giving_up_;
  bool holding_ = false;
};

class group_of_nodes : public ::testing::Test {
protected:
  void SetUp() override {
    const auto prepared = outside_->prepare(group_shards);
    ASSERT_TRUE(prepared) << prepared.error().detail;
  }
  void TearDown() override { write_until_told(false); }

  std::unique_ptr<group_node> node() { return std::make_unique<group_node>(options_, store_); }

  /// Each owns as many as it should, and nothing is left over.
  static bool settled(const std::vector<group_node*>& nodes) {
    return eventually(
        [&] {
          return std::all_of(nodes.begin(), nodes.end(), [&](auto* one) {
            return one->heard.owned().size() == group_shards / nodes.size();
          });
        },
        group_patience);
  }

  /// One record to both topics of each shard.
  void write_once() {
    std::vector<log_message> messages;
    for (uint16_t s = 0; s < group_shards; ++s)
      for (const auto topic : {intake::orders, intake::tasks})
        messages.push_back(message_to(shard_id{s}, "v", topic));
    ASSERT_TRUE(produce_and_wait(*outside_, std::move(messages), group_patience));
    ++written_;
  }
  /// Somebody else writes all the time, so that there is a record at every moment of a change.
  void write_until_told(bool go_on) {
    writing_ = go_on;
    if (writer_.joinable())
      writer_.join();
    if (go_on)
      writer_ = std::thread([this] {
        while (writing_)
          write_once();
      });
  }
  bool all_arrives() {
    return eventually([&] { return store_.has_all(written_); }, group_patience);
  }

  kafka_options options_ =
      options_for(kafka_cluster::shared(), kafka_cluster::shared().fresh_prefix());
  std::unique_ptr<kafka_log> outside_ = std::move(*kafka_log::make(options_));
  shared_store store_;
  std::atomic<int64_t> written_{0};
  std::atomic<bool> writing_{false};
  std::thread writer_;
};

inline std::set<shard_id> both(std::set<shard_id> some, const std::set<shard_id>& more) {
  some.insert(more.begin(), more.end());
  return some;
}

TEST_F(group_of_nodes, a_member_that_joins_takes_only_what_moves_and_the_rest_is_read_on) {
  const auto a = node(), b = node(), c = node();
  a->join();
  ASSERT_TRUE(settled({a.get()}));
  b->join();
  ASSERT_TRUE(settled({a.get(), b.get()}));
  const auto before = both(a->heard.owned(), b->heard.owned());
  EXPECT_EQ(before.size(), group_shards);
  EXPECT_EQ(a->heard.ever_revoked(), b->heard.owned());
  a->heard.forget_revocations();
  write_until_told(true);

  c->join();
  ASSERT_TRUE(settled({a.get(), b.get(), c.get()}));
  write_until_told(false);
  EXPECT_EQ(both(a->heard.ever_revoked(), b->heard.ever_revoked()), c->heard.owned());
  EXPECT_EQ(both(both(a->heard.owned(), b->heard.owned()), c->heard.owned()).size(), group_shards);
  EXPECT_TRUE(all_arrives());
  for (const auto shard : a->heard.owned())
    EXPECT_EQ(store_.epoch_of(shard), epoch_t{1}) << "a shard that stayed was started again";
  for (const auto* one : {a.get(), b.get(), c.get()}) {
    EXPECT_EQ(one->heard.strays(), 0U);
    EXPECT_FALSE(one->heard.ever_lost());
  }
}

TEST_F(group_of_nodes, a_member_that_leaves_disturbs_nobody) {
  const auto a = node(), b = node(), c = node();
  for (auto* one : {a.get(), b.get(), c.get()})
    one->join();
  ASSERT_TRUE(settled({a.get(), b.get(), c.get()}));
  write_until_told(true);
  for (auto* one : {a.get(), b.get(), c.get()})
    one->heard.forget_revocations();

  c->leave();
  ASSERT_TRUE(settled({a.get(), b.get()}));
  a->heard.forget_revocations();
  b->leave();
  ASSERT_TRUE(settled({a.get()}));
  write_until_told(false);
  EXPECT_TRUE(a->heard.ever_revoked().empty());
  EXPECT_TRUE(all_arrives());
  EXPECT_EQ(a->heard.strays() + b->heard.strays() + c->heard.strays(), 0U);
  EXPECT_FALSE(b->heard.ever_lost() || c->heard.ever_lost());
}

TEST_F(group_of_nodes, shards_that_stay_are_read_while_others_are_still_being_given_up) {
  const auto a = node(), b = node();
  a->join();
  ASSERT_TRUE(settled({a.get()}));
  a->hold_on();
  b->join();
  ASSERT_TRUE(
      eventually([&] { return a->giving_up().size() == group_shards / 2; }, group_patience));
  write_once();
  for (uint16_t s = 0; s < group_shards; ++s) {
    if (a->giving_up().contains(shard_id{s}))
      continue;
    EXPECT_TRUE(a->heard.eventually_has(shard_id{s}, intake::orders, 1, group_patience));
    EXPECT_TRUE(a->heard.eventually_has(shard_id{s}, intake::tasks, 1, group_patience));
  }
  for (const auto shard : a->giving_up())
    EXPECT_EQ(a->heard.count(shard, intake::tasks), 0U) << "delivered while it was given up";
  EXPECT_TRUE(b->heard.owned().empty()) << "owned by two";
  a->let_go();
  ASSERT_TRUE(settled({a.get(), b.get()}));
  EXPECT_TRUE(all_arrives());
}

/// Takes a member out of its group by its name, as a coordinator does whose patience is over: a request
/// LeaveGroup, version 0, sent by hand.
inline void throw_out(const kafka_options& options, const std::string& group,
                      const std::string& member) {
  std::string body;
  const auto put16 = [&](size_t n) {
    body += static_cast<char>(n >> 8);
    body += static_cast<char>(n & 0xff);
  };
  const auto put_text = [&](const std::string& text) {
    put16(text.size());
    body += text;
  };
  put16(13);  // LeaveGroup
  put16(0);   // its version
  body += std::string("\0\0\0\1", 4);
  put_text("test");
  put_text(group);
  put_text(member);
  std::string frame = std::string("\0\0", 2);
  frame += static_cast<char>(body.size() >> 8);
  frame += static_cast<char>(body.size() & 0xff);
  frame += body;

  const auto colon = options.bootstrap.find(':');
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(static_cast<uint16_t>(std::stoi(options.bootstrap.substr(colon + 1))));
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
  ASSERT_EQ(::connect(fd, reinterpret_cast<const sockaddr*>(&to), sizeof to), 0);
  ASSERT_EQ(::send(fd, frame.data(), frame.size(), 0), static_cast<ssize_t>(frame.size()));
  std::array<char, 10> answer{};  // size, correlation, error
  ASSERT_EQ(::recv(fd, answer.data(), answer.size(), MSG_WAITALL), 10);
  ::close(fd);
  ASSERT_EQ(answer[8] | answer[9], 0) << "refused";
}

inline std::vector<std::string> members_of(const kafka_options& options, const std::string& group) {
  const auto client = raw_client(options, RD_KAFKA_PRODUCER, {});
  const struct rd_kafka_group_list* list = nullptr;
  std::vector<std::string> out;
  if (rd_kafka_list_groups(client.get(), group.c_str(), &list, 10'000) !=
      RD_KAFKA_RESP_ERR_NO_ERROR)
    return out;
  for (int g = 0; g < list->group_cnt; ++g)
    for (int m = 0; m < list->groups[g].member_cnt; ++m)
      out.emplace_back(list->groups[g].members[m].member_id);
  rd_kafka_group_list_destroy(list);
  return out;
}

TEST_F(group_of_nodes, a_member_that_was_thrown_out_loses_everything_and_comes_back) {
  const auto a = node();
  a->join();
  ASSERT_TRUE(settled({a.get()}));
  write_once();
  ASSERT_TRUE(all_arrives());
  const auto members = members_of(options_, options_.prefix + options_.group);
  ASSERT_EQ(members.size(), 1U);

  throw_out(options_, options_.prefix + options_.group, members.front());
  ASSERT_TRUE(eventually([&] { return a->heard.ever_lost(); }, group_patience));
  ASSERT_TRUE(settled({a.get()}));
  EXPECT_EQ(a->heard.ever_revoked().size(), group_shards);
  write_once();
  EXPECT_TRUE(all_arrives());
  EXPECT_EQ(store_.epoch_of(first_shard), epoch_t{2});
  EXPECT_TRUE(a->heard.failures().empty());
}

}  // namespace orrery::test
