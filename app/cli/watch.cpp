#include "app/cli/printer.hpp"
#include "app/cli/runner.hpp"
#include "base/clock.hpp"

#include <algorithm>
#include <array>
#include <iostream>
#include <thread>

namespace orrery::cli {

namespace {

using codec::json_tree;

/// The server says something every 15 s at least.
constexpr duration silence_max = 45s;

/// One frame of server-sent events (the HTML standard, section 9.2).
struct frame {
  std::string event;
  std::string data;
};

class watcher {
public:
  watcher(const watch_wish& wish, connection& to) : wish_(wish), to_(to), place_(wish.after) {}

  int run() {
    auto alone_since = std::chrono::steady_clock::now();
    for (duration pause = 200ms;;) {
      const auto before = frames_;
      auto answer = to_.raw().stream(request(), silence_max,
                                     [this](std::string_view piece) { return take(piece); });
      if (finished_)
        return code_;
      if (answer && answer->status != 200 && answer->status != 503 && answer->status != 429)
        return complain(command(), complaint_of(*answer));
      const auto now = std::chrono::steady_clock::now();
      if (frames_ != before || (answer && answer->status == 200)) {
        alone_since = now;
        pause = 200ms;
      } else if (now - alone_since + pause > to_.timeout() || (!ever_ && !answer)) {
        return answer ? complain(command(), complaint_of(*answer))
                      : complain(command(), complaint_of(answer.error(), to_.server()));
      }
      text_.clear();  // half a frame comes whole after the place it has
      std::this_thread::sleep_for(pause);
      pause = std::min<duration>(pause * 2, 2s);
    }
  }

private:
  std::string command() const { return wish_.noun + " " + wish_.verb; }

  http::client_request request() const {
    http::client_request out;
    out.target = wish_.id.empty()
                     ? "/api/events"
                     : "/api/" + wish_.noun + "/" + http::url_encode(wish_.id) + "/events";
    std::string query;
    for (const auto& [name, value] :
         {std::pair{"kind", &wish_.kind}, std::pair{"event", &wish_.events}})
      if (!value->empty())
        query.append(query.empty() ? "?" : "&").append(name).append("=") +=
            http::url_encode(*value);
    out.target += query;
    if (!wish_.target.empty())
      out.target = wish_.target;
    out.headers.emplace_back("Accept", "text/event-stream");
    if (!place_.empty())
      out.headers.emplace_back("Last-Event-ID", place_);
    return out;
  }

  bool take(std::string_view piece) {
    ever_ = true;
    text_.append(piece);
    for (size_t end; !finished_ && (end = text_.find("\n\n")) != std::string::npos;) {
      const auto whole = text_.substr(0, end);
      text_.erase(0, end + 2);
      handle(whole);
    }
    return !finished_;
  }

  void handle(std::string_view text) {
    frame one;
    while (!text.empty()) {
      const auto line = text.substr(0, text.find('\n'));
      text.remove_prefix(std::min(text.size(), line.size() + 1));
      if (line.starts_with("id: "))
        place_ = line.substr(4);
      else if (line.starts_with("event: "))
        one.event = line.substr(7);
      else if (line.starts_with("data: "))
        one.data.append(one.data.empty() ? "" : "\n").append(line.substr(6));
    }
    const auto tree = json_tree::read(one.data);
    if (one.data.empty() || !tree)
      return;                  // a comment
    if (one.event == "end") {  // complete, or a farewell: then the next connection goes on
      const auto* reason = tree->find("reason");
      if (reason != nullptr && reason->scalar == "complete")
        finish(exit_ok);
      return;
    }
    ++frames_;
    if (wish_.noun == "logs" && one.event != "log")
      return tell_of_nodes(one.event, *tree);
    show(*tree, one.data);
    if (wish_.count > 0 && ++shown_ >= wish_.count)
      return finish(exit_ok);
    if (!wish_.id.empty() && !wish_.forever)
      look_for_the_end(*tree);
  }

  /// Lines that are missing from what is shown.
  void tell_of_nodes(const std::string& event, const json_tree& tree) const {
    const auto say = [&](const std::string& text) {
      std::cerr << command() << ": " << harmless(text) << std::endl;
    };
    const auto* node = tree.find("node");
    const auto* lines = tree.find("lostLines");
    if (event == "lost" && node != nullptr && lines != nullptr)
      say(lines->scalar + " lines of " + node->scalar + " are missing here");
    if (const auto* missing = tree.find("missing"); event == "nodes" && missing != nullptr)
      for (const auto& one : missing->items)
        say(one.scalar + " is not heard");
  }

  /// `time level node event`, then the line's other members.
  static std::string text_of_line(const json_tree& line) {
    static constexpr std::array<std::string_view, 4> first = {"time", "level", "node", "event"};
    std::string out;
    for (const auto name : first)
      if (const auto* value = line.find(name); value != nullptr && value->is_scalar())
        out.append(out.empty() ? "" : "  ").append(harmless(value->scalar));
    for (const auto& [name, value] : line.members)
      if (value.is_scalar() && std::find(first.begin(), first.end(), name) == first.end())
        out.append("  ").append(harmless(name)).append("=").append(harmless(value.scalar));
    return out;
  }

  void show(const json_tree& event, const std::string& data) {
    switch (wish_.output) {
      case output_form::json:
      case output_form::jsonl: std::cout << data << '\n'; break;
      case output_form::yaml: std::cout << "---\n" << to_yaml(event); break;
      case output_form::name: std::cout << name_of(event, wish_.noun) << '\n'; break;
      case output_form::text:
      case output_form::wide: {
        if (wish_.noun == "logs") {
          std::cout << text_of_line(event) << '\n';
          break;
        }
        if (const auto* line = event.find("text"); line != nullptr && !wish_.target.empty()) {
          std::cout << harmless(line->scalar) << '\n';
          break;
        }
        for (const auto member : {"at", "type", "taskId", "orderId", "scheduleId", "reason"})
          if (const auto* value = event.find(member); value != nullptr && value->is_scalar())
            std::cout << harmless(value->scalar) << "  ";
        std::cout << '\n';
      }
    }
    std::cout << std::flush;
  }

  /// An end that a rerun followed is none: the entity itself says when it ended.
  void look_for_the_end(const json_tree& event) {
    static constexpr std::array<std::string_view, 6> ends = {"Succeeded", "Failed",    "Expired",
                                                             "Cancelled", "Completed", "Rejected"};
    const auto* type = event.find("type");
    if (type != nullptr && type->scalar == "ScheduleDeleted")
      return finish(exit_ok);
    if (type == nullptr || std::none_of(ends.begin(), ends.end(), [&](std::string_view e) {
          return type->scalar.ends_with(e);
        }))
      return;
    const auto answer =
        to_.call({.target = "/api/" + wish_.noun + "/" + http::url_encode(wish_.id)}, true);
    const auto tree = answer && answer->status == 200 ? json_tree::read(answer->body)
                                                      : result<json_tree>(json_tree{});
    const auto* finished = tree ? tree->find("finishedAt") : nullptr;
    const auto* at = event.find("at");
    if (finished != nullptr && at != nullptr && finished->scalar == at->scalar)
      finish(exit_ok);
  }

  void finish(int code) {
    finished_ = true;
    code_ = code;
  }

  const watch_wish& wish_;
  connection& to_;
  std::string place_;
  std::string text_;
  int64_t frames_ = 0;
  int64_t shown_ = 0;
  int code_ = exit_ok;
  bool ever_ = false;
  bool finished_ = false;
};

}  // namespace

int watch(const watch_wish& wish) {
  auto to = connection::open(wish.to);
  if (!to)
    return complain(wish.noun + " watch", complaint_of(to.error(), {}));
  return watcher(wish, *to).run();
}

}  // namespace orrery::cli
