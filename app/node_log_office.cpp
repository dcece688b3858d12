#include "app/node_log_office.hpp"

#include "app/log_files.hpp"

#include <algorithm>
#include <charconv>

namespace orrery::app {

namespace {

constexpr size_t waiting_reads_max = 32;
/// Newest lines that other nodes can ask for: seconds of a node that writes thousands a second.
constexpr size_t memory_bytes_max = 1 << 20;
/// How long lines are held back, so that those of other nodes find their place among them: a question's pace
/// and its way.
constexpr duration settle_time = 400ms;

std::string text_of(int64_t n) { return std::to_string(n); }

int64_t number_in(std::string_view text) {
  int64_t n = 0;
  std::from_chars(text.data(), text.data() + text.size(), n);
  return n;
}

std::string_view next_line(std::string_view& rest) {
  const auto end = std::min(rest.find('\n'), rest.size());
  const auto line = rest.substr(0, end);
  rest.remove_prefix(std::min(rest.size(), end + 1));
  return line;
}

/// Between nodes: lines of text, none of which holds a line end.
std::string question_of(const node_log_wish& wish) {
  return text_of(static_cast<int64_t>(wish.least)) + '\n' + text_of(micros(wish.from)) + '\n' +
         text_of(micros(wish.to)) + '\n' + wish.trace + '\n' +
         text_of(static_cast<int64_t>(wish.limit)) + '\n' + wish.text;
}

node_log_wish wish_in(std::string_view rest) {
  node_log_wish out;
  out.least = static_cast<log::level>(std::clamp<int64_t>(number_in(next_line(rest)), 0, 3));
  out.from = from_micros(number_in(next_line(rest)));
  out.to = from_micros(number_in(next_line(rest)));
  out.trace = next_line(rest);
  out.limit = static_cast<size_t>(std::clamp<int64_t>(number_in(next_line(rest)), 1, 1000));
  out.text = next_line(rest);
  return out;
}

/// As much as fits: the newest lines.
std::string answer_of(node_log_page page) {
  constexpr size_t bytes_max = 900 * 1024;
  size_t bytes = 0;
  size_t first = page.lines.size();
  while (first > 0 && bytes + page.lines[first - 1].size() < bytes_max)
    bytes += page.lines[--first].size() + 1;
  if (first > 0 && first < page.lines.size())
    page.next = time_of_line(page.lines[first]).value_or(page.next);
  std::string out = text_of(micros(page.next)) + '\n';
  for (size_t i = first; i < page.lines.size(); ++i)
    out += page.lines[i] + '\n';
  return out;
}

node_log_page page_in(std::string_view rest) {
  node_log_page out;
  out.next = from_micros(number_in(next_line(rest)));
  while (!rest.empty())
    out.lines.emplace_back(next_line(rest));
  return out;
}

/// What several nodes answered, as one: nothing is shown that is older than what one of them has left out.
struct gathering {
  node_log_wish wish;
  std::function<void(result<node_log_page>)> done;
  std::mutex guard;
  std::vector<node_log_page> pages;
  std::vector<std::string> missing;
  size_t left = 0;

  void add(const std::string& node, result<node_log_page> page) {
    {
      const std::lock_guard lock(guard);
      if (page)
        pages.push_back(std::move(*page));
      else
        missing.push_back(node);
      if (--left > 0)
        return;
    }
    done(merged());
  }
  node_log_page merged() {
    std::vector<std::pair<time_point, std::string>> all;
    auto floor = time_point{never};
    for (auto& page : pages) {
      floor = std::max(floor, page.next);
      for (auto& line : page.lines)
        all.emplace_back(time_of_line(line).value_or(time_point{}), std::move(line));
    }
    std::stable_sort(all.begin(), all.end(),
                     [](const auto& a, const auto& b) { return a.first < b.first; });
    if (all.size() > wish.limit)
      floor = std::max(floor, all[all.size() - wish.limit].first);
    node_log_page out;
    out.next = floor;
    for (auto& [at, line] : all)
      if (floor == never || at >= floor)
        out.lines.push_back(std::move(line));
    out.missing = std::move(missing);
    return out;
  }
};

}  // namespace

node_log_office::node_log_office(options how)
    : how_(std::move(how)),
      hub_(std::make_shared<log_hub>(
          log_hub::options{.node = how_.node,
                           .run = how_.run,
                           .streams_max = how_.readers_max,
                           .memory_bytes = how_.others ? memory_bytes_max : 0})),
      reader_("log-reader", waiting_reads_max) {
  log::add_tap(hub_);
}

node_log_office::~node_log_office() { stop(); }

void node_log_office::stop() {
  std::unique_lock lock(reach_guard_);
  const auto scout = std::move(scout_);
  lock.unlock();
  if (scout)
    scout->stop();
  log::remove_tap(hub_);
  hub_->end();
  reader_.stop();
}

void node_log_office::reach(names others, asker ask_lines, asker ask_news) {
  const std::lock_guard lock(reach_guard_);
  others_ = std::move(others);
  ask_ = std::move(ask_lines);
  scout_ = std::make_unique<log_scout>(how_.node, hub_, others_, std::move(ask_news));
}

std::string node_log_office::tell_news(const std::string& question) const {
  return to_text(hub_->answer(log_question_in(question)));
}

void node_log_office::answer_peer(const std::string& question,
                                  std::function<void(result<std::string>)> done) {
  read_here(wish_in(question), [done = std::move(done)](result<node_log_page> page) {
    if (!page)
      return done(std::move(page).error());
    done(answer_of(std::move(*page)));
  });
}

void node_log_office::read_here(node_log_wish wish,
                                std::function<void(result<node_log_page>)> done) {
  if (how_.file.empty())
    return done(failure{errc::unavailable, "this node keeps no log file"});
  auto shared = std::make_shared<decltype(done)>(std::move(done));
  const bool taken = reader_.submit([this, wish = std::move(wish), shared] {
    (*shared)(read_log_files(how_.file, how_.files_kept, wish, how_.read_limit));
  });
  if (!taken)
    (*shared)(failure{errc::busy, "too many read the log"});
}

void node_log_office::read(node_log_wish wish, std::function<void(result<node_log_page>)> done) {
  std::unique_lock lock(reach_guard_);
  const auto list = others_;
  const auto ask = ask_;
  lock.unlock();
  const auto others = list ? list() : std::vector<std::string>{};
  if (wish.node == how_.node || (wish.node.empty() && others.empty()))
    return read_here(std::move(wish), std::move(done));
  if (!wish.node.empty() && std::find(others.begin(), others.end(), wish.node) == others.end())
    return done(failure{errc::not_found, "there is no such node, or it cannot be reached"});
  auto all = std::make_shared<gathering>();
  all->wish = wish;
  all->done = std::move(done);
  std::vector<std::string> asked = others;
  if (!wish.node.empty())
    asked = {wish.node};
  all->left = asked.size() + (wish.node.empty() ? 1 : 0);
  for (const auto& node : asked)
    ask(node, question_of(wish), [all, node](result<std::string> told) {
      all->add(node, told ? result<node_log_page>(page_in(*told)) : std::move(told).error());
    });
  if (wish.node.empty())
    read_here(std::move(wish), [all, self = how_.node](result<node_log_page> page) {
      all->add(self, std::move(page));
    });
}

result<std::shared_ptr<feed_stream>> node_log_office::follow(node_log_wish wish,
                                                             std::function<void()> wake) {
  std::unique_lock lock(reach_guard_);
  const auto list = others_;
  lock.unlock();
  if (!wish.node.empty() && wish.node != how_.node) {
    const auto others = list ? list() : std::vector<std::string>{};
    if (std::find(others.begin(), others.end(), wish.node) == others.end())
      return failure{errc::not_found, "there is no such node, or it cannot be reached"};
  }
  const bool of_several = wish.node.empty() && list != nullptr;
  auto one = hub_->open(std::move(wish), of_several ? settle_time : duration{}, std::move(wake));
  if (!one)
    return failure{errc::busy, "too many follow the log"};
  return std::shared_ptr<feed_stream>(std::move(one));
}

}  // namespace orrery::app
