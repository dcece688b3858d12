#include "app/log_news.hpp"

#include <algorithm>
#include <charconv>
#include <optional>

namespace orrery::app {

namespace {

std::string_view line_of_news(std::string_view& rest) {
  const auto end = std::min(rest.find('\n'), rest.size());
  const auto line = rest.substr(0, end);
  rest.remove_prefix(std::min(rest.size(), end + 1));
  return line;
}

std::optional<uint64_t> count_in(std::string_view text) {
  uint64_t n = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), n);
  if (error != std::errc{} || end != text.data() + text.size())
    return std::nullopt;
  return n;
}

}  // namespace

std::string to_text(const log_question& question) {
  return std::to_string(static_cast<int>(question.least)) + '\n' + question.after.run + '\n' +
         std::to_string(question.after.number) + '\n' +
         std::to_string(std::max<int64_t>(0, question.age.count()));
}

log_question log_question_in(std::string_view text) {
  log_question out;
  out.least =
      static_cast<log::level>(std::min<uint64_t>(count_in(line_of_news(text)).value_or(0), 3));
  out.after.run = line_of_news(text);
  out.after.number = count_in(line_of_news(text)).value_or(0);
  constexpr auto day = std::chrono::duration_cast<duration>(std::chrono::hours{24});
  const auto age = count_in(line_of_news(text)).value_or(0);
  out.age = duration{static_cast<int64_t>(std::min<uint64_t>(age, day.count()))};
  return out;
}

std::string to_text(const log_news& news) {
  std::string out = news.upto.run + '\n' + std::to_string(news.upto.number) + '\n' +
                    std::to_string(news.lost) + '\n' + (news.more ? "1\n" : "0\n");
  for (const auto& line : news.lines)
    out.append(line) += '\n';
  return out;
}

result<log_news> log_news_in(std::string_view text) {
  log_news out;
  out.upto.run = line_of_news(text);
  const auto number = count_in(line_of_news(text));
  const auto lost = count_in(line_of_news(text));
  const auto more = line_of_news(text);
  if (out.upto.run.empty() || !number || !lost || (more != "0" && more != "1"))
    return failure{errc::corrupt, "this is no news of a log"};
  out.upto.number = *number;
  out.lost = *lost;
  out.more = more == "1";
  while (!text.empty())
    out.lines.emplace_back(line_of_news(text));
  return out;
}

void log_memory::add(log::level lvl, std::string_view line, steady_time now) {
  entries_.push_back({lvl, now, std::string(line)});
  bytes_ += line.size();
  for (; bytes_ > bytes_max_ && entries_.size() > 1; ++first_) {
    bytes_ -= entries_.front().line.size();
    entries_.pop_front();
  }
}

log_news log_memory::after(const log_question& question, steady_time now, size_t bytes_max) const {
  log_news out;
  const auto end = first_ + entries_.size();  // the number that the next line gets
  auto next = first_;
  if (question.after.run == run_) {
    // A place beyond the end is none of ours: nothing is shown twice for it.
    next = std::clamp(question.after.number + 1, first_, end);
    out.lost = next > question.after.number + 1 ? next - question.after.number - 1 : 0;
  } else if (question.after.run.empty()) {
    while (next < end && entries_[next - first_].at < now - question.age)
      ++next;
  } else {
    out.lost = first_ - 1;  // of a process that was not heard at all
  }
  size_t bytes = 0;
  for (; next < end && bytes < bytes_max; ++next) {
    const auto& one = entries_[next - first_];
    if (one.lvl < question.least)
      continue;
    bytes += one.line.size() + 1;
    out.lines.push_back(one.line);
  }
  out.upto = {run_, next - 1};
  out.more = next < end;
  return out;
}

}  // namespace orrery::app
