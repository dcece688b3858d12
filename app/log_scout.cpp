#include "app/log_scout.hpp"

#include "base/worker.hpp"

#include <algorithm>

namespace orrery::app {

namespace {

using scout_clock = std::chrono::steady_clock;

/// Between two questions to one node.
constexpr auto scout_pace = 200ms;
/// After a question that was not answered.
constexpr auto scout_pause = 1s;
/// Lines of that long before the oldest reader began are his as well: a question takes its time.
constexpr duration scout_margin = 250ms;
/// A node that was not there for so long is forgotten; where it comes back, it is a new one.
constexpr auto scout_memory = 10min;

}  // namespace

struct log_scout::board {
  struct peer {
    log_place place;
    bool asked = false;  ///< A question is under way.
    bool heard = false;  ///< It has answered the last one.
    bool known = false;  ///< At least one question has come to an end.
    steady_time next{};
    steady_time listed{};
  };
  std::mutex guard;
  std::condition_variable_any changed;
  std::map<std::string, peer> peers;
  bool news = false;  ///< An answer came with more behind it.
  bool stopped = false;
  uint64_t watch = 0;  ///< Answers of an earlier watch are ignored.
};

log_scout::log_scout(std::string self, std::shared_ptr<log_hub> hub, names others, asker ask)
    : self_(std::move(self)),
      hub_(std::move(hub)),
      others_(std::move(others)),
      ask_(std::move(ask)),
      board_(std::make_shared<board>()),
      thread_([this](std::stop_token stop) { run(std::move(stop)); }) {}

log_scout::~log_scout() { stop(); }

void log_scout::stop() {
  thread_.request_stop();
  if (thread_.joinable())
    thread_.join();
  const std::lock_guard lock(board_->guard);
  board_->stopped = true;
}

void log_scout::run(std::stop_token stop) {
  name_this_thread("log-scout");
  while (!stop.stop_requested()) {
    const auto wanted = hub_->wanted();
    if (!wanted.any) {
      {
        // Who follows next begins anew.
        const std::lock_guard lock(board_->guard);
        board_->peers.clear();
        ++board_->watch;
      }
      hub_->await_interest(stop);
      continue;
    }
    go_round(wanted);
    hub_->look();
    std::unique_lock lock(board_->guard);
    board_->changed.wait_for(lock, stop, scout_pace, [&] { return board_->news; });
    board_->news = false;
  }
}

void log_scout::go_round(const log_hub::interest& wanted) {
  const auto now = scout_clock::now();
  auto list = others_();
  if (!wanted.all)
    std::erase_if(list, [&](const auto& node) { return !wanted.nodes.contains(node); });
  std::sort(list.begin(), list.end());
  struct errand {
    std::string node;
    log_question question;
  };
  std::vector<errand> errands;
  std::vector<std::string> heard, missing;
  if (wanted.all)
    heard.push_back(self_);
  uint64_t watch = 0;
  bool all_known = true;
  {
    const std::lock_guard lock(board_->guard);
    watch = board_->watch;
    for (const auto& node : list) {
      auto& one = board_->peers[node];
      one.listed = now;
      all_known = all_known && one.known;
      if (one.known)
        (one.heard ? heard : missing).push_back(node);
      if (one.asked || one.next > now)
        continue;
      one.asked = true;
      const auto age = std::chrono::duration_cast<duration>(now - wanted.since) + scout_margin;
      errands.push_back({node, {wanted.least, one.place, age}});
    }
    std::erase_if(board_->peers, [&](const auto& one) {
      return !one.second.asked && one.second.listed + scout_memory < now;
    });
  }
  if (all_known)
    hub_->tell_nodes(heard, missing);
  for (auto& one : errands)
    ask_(one.node, to_text(one.question),
         [board = board_, hub = hub_, node = one.node, watch](result<std::string> told) {
           hear(*board, *hub, node, watch, std::move(told));
         });
}

void log_scout::hear(board& on, log_hub& hub, const std::string& node, uint64_t watch,
                     result<std::string> told) {
  const auto peer_of_watch = [&]() -> board::peer* {
    const auto found = on.peers.find(node);
    return on.stopped || on.watch != watch || found == on.peers.end() ? nullptr : &found->second;
  };
  const auto news = told ? log_news_in(*told) : result<log_news>(std::move(told).error());
  {
    const std::lock_guard lock(on.guard);
    if (peer_of_watch() == nullptr)
      return;
  }
  // Before the next question may go out, so that lines of one node keep their order.
  if (news && news->lost > 0)
    hub.tell_loss(node, news->lost);
  if (news)
    hub.bring(news->lines);
  {
    const std::lock_guard lock(on.guard);
    auto* peer = peer_of_watch();
    if (peer == nullptr)
      return;
    peer->asked = false;
    peer->known = true;
    peer->heard = news.has_value();
    const auto pause = !news        ? scout_clock::duration{scout_pause}
                       : news->more ? scout_clock::duration{}
                                    : scout_clock::duration{scout_pace / 2};
    peer->next = scout_clock::now() + pause;
    if (!news)
      return;
    peer->place = news->upto;
    if (!news->more)
      return;
    on.news = true;
  }
  on.changed.notify_all();
}

}  // namespace orrery::app
