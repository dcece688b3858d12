#include "app/log_follower.hpp"

#include "codec/json.hpp"
#include "codec/log_lines.hpp"

namespace orrery::app {

namespace {

/// Frames that wait for a reader; beyond it the store keeps them.
constexpr size_t frames_bytes_max = 512 * 1024;
constexpr auto ask_after = std::chrono::milliseconds{500};
/// What an attempt wrote last is stored so long after its end at most, as a rule.
constexpr auto silence = std::chrono::milliseconds{1500};

}  // namespace

log_follower::log_follower(log_wish wish, std::function<void()> wake)
    : wish_(std::move(wish)), wake_(std::move(wake)), taken_(wish_.after) {
  if (const auto place = parse_line_place(taken_))
    seen_ = *place;
}

void log_follower::take(std::string& out, size_t bytes_max) {
  const std::lock_guard lock(guard_);
  for (size_t size = 0; size < bytes_max && !frames_.empty(); frames_.pop_front()) {
    size += frames_.front().text.size();
    bytes_ -= frames_.front().text.size();
    out += frames_.front().text;
    taken_ = std::move(frames_.front().place);
  }
}

std::string log_follower::place() const {
  const std::lock_guard lock(guard_);
  return taken_;
}

feed_end log_follower::ended() const {
  const std::lock_guard lock(guard_);
  return frames_.empty() ? end_ : feed_end::none;
}

void log_follower::begin(log_answer first) {
  const std::lock_guard lock(guard_);
  add(first);
}

std::optional<int64_t> log_follower::wants() const {
  const std::lock_guard lock(guard_);
  if (end_ != feed_end::none || bytes_ > frames_bytes_max)
    return std::nullopt;
  return seen_.chunk;
}

bool log_follower::take_news(log_content content) {
  const std::lock_guard lock(guard_);
  const auto news = lines_behind(std::move(content), seen_, SIZE_MAX);
  if (news.lines.empty())
    return false;
  add(news);
  quiet_since_ = steady::now();
  wake_();
  return true;
}

void log_follower::tell_gap(const log_loss& lost) {
  frame cut;
  cut.place = to_string(seen_);
  cut.text = "event: lost\ndata: ";
  codec::json_writer(cut.text)
      .begin_object()
      .field("lostLines", lost.lines)
      .field("lostBytes", lost.bytes)
      .end_object();
  cut.text += "\n\n";
  bytes_ += cut.text.size();
  frames_.push_back(std::move(cut));
}

void log_follower::add(const log_answer& news) {
  if (seen_.chunk > 0 && !news.places.empty() &&
      parse_line_place(news.places.front())->chunk > seen_.chunk + 1)
    tell_gap(news.kept.lost);
  for (size_t i = 0; i < news.lines.size(); ++i) {
    frame one;
    one.place = news.places[i];
    one.text = "id: " + one.place + "\nevent: line\ndata: ";
    codec::append(one.text, news.lines[i]);
    one.text += "\n\n";
    bytes_ += one.text.size();
    frames_.push_back(std::move(one));
  }
  if (!news.places.empty())
    seen_ = *parse_line_place(news.places.back());
}

bool log_follower::asks_for_state() {
  const std::lock_guard lock(guard_);
  const auto now = steady::now();
  if (now - quiet_since_ < ask_after || now - asked_at_ < ask_after)
    return false;
  asked_at_ = now;
  return true;
}

void log_follower::hear_state(bool over) {
  {
    const std::lock_guard lock(guard_);
    const auto now = steady::now();
    if (!over)
      over_since_.reset();
    else if (!over_since_)
      over_since_ = now;
    if (!over_since_ || now - *over_since_ < silence || now - quiet_since_ < silence)
      return;
  }
  end(feed_end::complete);
}

void log_follower::end(feed_end why) {
  {
    const std::lock_guard lock(guard_);
    if (end_ == feed_end::none)
      end_ = why;
  }
  wake_();
}

bool log_follower::is_over() const {
  const std::lock_guard lock(guard_);
  return end_ != feed_end::none;
}

}  // namespace orrery::app
