#include "app/line_stream.hpp"

#include "codec/json.hpp"

#include <algorithm>

namespace orrery::app {

namespace {

/// What a reader may leave waiting. A page of another node's news comes at once, so there is room for many.
constexpr size_t waiting_lines_max = 10'000;
constexpr size_t waiting_bytes_max = 4 << 20;
constexpr size_t waiting_notes_bytes_max = 16 << 10;

}  // namespace

line_stream::line_stream(node_log_wish wish, duration settle, std::function<void()> wake)
    : wish_(std::move(wish)), settle_(settle), wake_(std::move(wake)) {}

void line_stream::take(std::string& out, size_t bytes_max) {
  const auto now = std::chrono::steady_clock::now();
  const std::lock_guard lock(guard_);
  if (std::exchange(told_is_new_, false))
    out += told_;
  out += std::exchange(notes_, {});
  const auto until = out.size() + bytes_max;
  while (!lines_.empty() && out.size() < until && lines_.front().came + settle_ <= now) {
    out.append("id: ").append(std::to_string(++number_)).append("\nevent: log\ndata: ");
    out.append(lines_.front().text).append("\n\n");
    bytes_ -= lines_.front().text.size();
    lines_.pop_front();
  }
}

std::string line_stream::place() const {
  const std::lock_guard lock(guard_);
  return std::to_string(number_);
}

feed_end line_stream::ended() const {
  const std::lock_guard lock(guard_);
  return end_;
}

void line_stream::offer(std::string_view line, steady_time now) {
  if (!fits(wish_, line))
    return;
  {
    const std::lock_guard lock(guard_);
    if (lines_.size() >= waiting_lines_max || bytes_ >= waiting_bytes_max) {
      end_ = feed_end::slow;
    } else {
      const auto written = time_of_line(line).value_or(time_point{});
      auto at = lines_.end();
      while (settle_ > duration{} && at != lines_.begin() && std::prev(at)->written > written)
        --at;
      lines_.insert(at, {written, now, std::string(line)});
      bytes_ += line.size();
    }
    if (settle_ > duration{} && end_ == feed_end::none)
      return;  // `look` wakes
  }
  wake_();
}

void line_stream::tell_loss(const std::string& node, uint64_t lines) {
  if (!wish_.node.empty() && wish_.node != node)
    return;
  {
    const std::lock_guard lock(guard_);
    if (notes_.size() > waiting_notes_bytes_max)
      end_ = feed_end::slow;
    notes_ += "event: lost\ndata: ";
    codec::json_writer(notes_)
        .begin_object()
        .field("node", node)
        .field("lostLines", lines)
        .end_object();
    notes_ += "\n\n";
  }
  wake_();
}

void line_stream::tell_nodes(const std::vector<std::string>& heard,
                             const std::vector<std::string>& missing) {
  // A node that was named and is not there (any more) is missing, not forgotten.
  const bool is_heard = std::find(heard.begin(), heard.end(), wish_.node) != heard.end();
  const std::vector<std::string> named{wish_.node};
  const auto one_if = [&](bool is) { return is ? named : std::vector<std::string>{}; };
  std::string text = "event: nodes\ndata: ";
  codec::json_writer json(text);
  json.begin_object();
  for (const auto& [name, list] :
       {std::pair{"nodes", wish_.node.empty() ? heard : one_if(is_heard)},
        std::pair{"missing", wish_.node.empty() ? missing : one_if(!is_heard)}}) {
    json.key(name).begin_array();
    for (const auto& node : list)
      json.value(node);
    json.end_array();
  }
  json.end_object();
  text += "\n\n";
  {
    const std::lock_guard lock(guard_);
    if (text == told_)
      return;
    told_ = std::move(text);
    told_is_new_ = true;
  }
  wake_();
}

void line_stream::look(steady_time now) {
  {
    const std::lock_guard lock(guard_);
    if (lines_.empty() || lines_.front().came + settle_ > now)
      return;
  }
  wake_();
}

void line_stream::end(feed_end why) {
  {
    const std::lock_guard lock(guard_);
    if (end_ == feed_end::none)
      end_ = why;
  }
  wake_();
}

}  // namespace orrery::app
