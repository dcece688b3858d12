#include "app/log_office.hpp"

#include "app/log_follower.hpp"

#include <charconv>

namespace orrery::app {

namespace {

/// Between two looks for followers.
constexpr auto look_pace = std::chrono::milliseconds{250};

}  // namespace

std::string to_string(const line_place& place) {
  return std::to_string(place.chunk) + '.' + std::to_string(place.line);
}

std::optional<line_place> parse_line_place(std::string_view text) {
  line_place place;
  const auto* end = text.data() + text.size();
  const auto [dot, bad_chunk] = std::from_chars(text.data(), end, place.chunk);
  if (bad_chunk != std::errc{} || dot == end || *dot != '.')
    return std::nullopt;
  const auto [last, bad_line] = std::from_chars(dot + 1, end, place.line);
  if (bad_line != std::errc{} || last != end || place.chunk < 0 || place.line < 0)
    return std::nullopt;
  return place;
}

log_answer lines_behind(log_content content, const line_place& after, size_t tail) {
  log_answer answer;
  for (auto& chunk : content.chunks)
    for (size_t i = 0; i < chunk.lines.size(); ++i) {
      const auto line = static_cast<int64_t>(i);
      if (chunk.number < after.chunk || (chunk.number == after.chunk && line <= after.line))
        continue;
      answer.lines.push_back(std::move(chunk.lines[i]));
      answer.places.push_back(to_string(line_place{chunk.number, line}));
    }
  if (answer.lines.size() > tail) {
    const auto gone = static_cast<std::ptrdiff_t>(answer.lines.size() - tail);
    answer.lines.erase(answer.lines.begin(), answer.lines.begin() + gone);
    answer.places.erase(answer.places.begin(), answer.places.begin() + gone);
  }
  content.chunks.clear();
  answer.kept = std::move(content);
  return answer;
}

log_office::log_office(task_log_source& where, store& truth, const clock& time, log_options how)
    : truth_(truth),
      how_(how),
      recorder_(where, time, std::move(how)),
      reads_(where.open_logs()),
      follows_(where.open_logs()) {
  looks_ = std::jthread([this](std::stop_token stopped) { look(std::move(stopped)); });
}

log_office::~log_office() { stop(); }

void log_office::read(log_wish wish, std::function<void(result<log_answer>)> done) {
  line_place after;
  if (!wish.after.empty()) {
    const auto place = parse_line_place(wish.after);
    if (!place)
      return done(failure{errc::invalid, "is not the place of a line", "after"});
    after = *place;
  }
  const bool taken = worker_.submit([this, wish = std::move(wish), after, done] {
    auto content = reads_->read(wish.task, wish.token, std::max<int64_t>(after.chunk - 1, 0));
    if (!content)
      return done(std::move(content).error());
    done(lines_behind(std::move(*content), wish.after.empty() ? line_place{0, -1} : after,
                      wish.tail));
  });
  if (!taken)
    done(failure{errc::busy, "too many requests wait for the store"});
}

void log_office::follow(log_wish wish, std::function<void()> wake,
                        std::function<void(result<std::shared_ptr<feed_stream>>)> done) {
  auto follower = std::make_shared<log_follower>(wish, std::move(wake));
  {
    const std::lock_guard lock(guard_);
    std::erase_if(followers_, [](const auto& one) { return one.expired(); });
    if (ending_ || followers_.size() >= how_.followers_max)
      return done(failure{errc::busy, "too many follow logs on this node"});
  }
  read(std::move(wish), [this, follower, done](result<log_answer> first) {
    if (!first)
      return done(std::move(first).error());
    follower->begin(std::move(*first));
    {
      const std::lock_guard lock(guard_);
      if (ending_)
        follower->end(feed_end::stopping);
      followers_.push_back(follower);
    }
    wake_.notify_all();
    done(std::shared_ptr<feed_stream>(follower));
  });
}

void log_office::look(std::stop_token stopped) {
  name_this_thread("log-follow");
  const auto tasks = truth_.open_reader();
  while (!stopped.stop_requested()) {
    followers now;
    {
      std::unique_lock lock(guard_);
      std::erase_if(followers_, [](const auto& one) {
        const auto alive = one.lock();
        return !alive || alive->is_over();
      });
      wake_.wait(lock, stopped, [this] { return !followers_.empty(); });
      wake_.wait_for(lock, stopped, look_pace, [] { return false; });
      now = followers_;
    }
    for (const auto& one : now)
      if (const auto alive = one.lock(); alive && !stopped.stop_requested())
        look_at(*alive, *follows_, *tasks);
  }
}

void log_office::look_at(log_follower& one, task_log_store& logs, entity_store& tasks) {
  const auto after = one.wants();
  if (!after)
    return;
  auto content = logs.read(one.wish().task, one.wish().token, *after);
  if (!content)
    return;  // the store is away: it goes on when it is back
  if (one.take_news(std::move(*content)) || !one.asks_for_state())
    return;
  const auto found = tasks.load(std::span(&one.wish().task, 1));
  if (!found)
    return;
  if (found->empty() || !std::holds_alternative<task>(found->front()))
    return one.hear_state(true);
  const auto& t = std::get<task>(found->front());
  const auto& token = one.wish().token;
  one.hear_state(t.token() > token || is_final(t.status) ||
                 (t.token() == token && t.status != task_status::running));
}

void log_office::end_streams() {
  const std::lock_guard lock(guard_);
  ending_ = true;
  for (const auto& one : followers_)
    if (const auto alive = one.lock())
      alive->end(feed_end::stopping);
}

void log_office::stop() {
  end_streams();
  looks_.request_stop();
  wake_.notify_all();
  if (looks_.joinable())
    looks_.join();
  worker_.stop();
  recorder_.stop();
}

}  // namespace orrery::app
