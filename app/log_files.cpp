#include "app/log_files.hpp"

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>

namespace orrery::app {

namespace {

constexpr std::streamoff chunk = 256 * 1024;
/// Threads write their lines in nearly the order of their times.
constexpr duration disorder = 1s;

/// As spdlog names them.
std::string rotated(const std::string& file, uint32_t number) {
  if (number == 0)
    return file;
  const std::filesystem::path path(file);
  return (path.parent_path() /
          (path.stem().string() + "." + std::to_string(number) + path.extension().string()))
      .string();
}

class backward_reader {
public:
  backward_reader(const node_log_wish& wish, duration limit)
      : wish_(wish), until_(std::chrono::steady_clock::now() + limit) {}

  /// False: enough.
  bool read(const std::string& name) {
    std::ifstream file(name, std::ios::binary | std::ios::ate);
    if (!file)
      return false;
    std::string carried;
    for (auto left = static_cast<std::streamoff>(file.tellg()); left > 0;) {
      const auto n = std::min(chunk, left);
      left -= n;
      std::string text(static_cast<size_t>(n), '\0');
      file.seekg(left);
      if (!file.read(text.data(), n))
        return false;
      text += carried;
      size_t begin = 0;
      if (left > 0) {
        const auto first = text.find('\n');
        begin = first == std::string::npos ? text.size() : first + 1;
      }
      carried = text.substr(0, begin);
      if (!take_lines(std::string_view(text).substr(begin)))
        return false;
    }
    return true;
  }
  node_log_page page() {
    std::reverse(found_.begin(), found_.end());
    return {std::move(found_), next_, {}};
  }

private:
  bool take_lines(std::string_view text) {
    while (!text.empty()) {
      if (text.back() == '\n')
        text.remove_suffix(1);
      const auto before = text.rfind('\n');
      const auto line = before == std::string_view::npos ? text : text.substr(before + 1);
      text = text.substr(0, text.size() - line.size());
      if (!take(line))
        return false;
    }
    return true;
  }
  bool take(std::string_view line) {
    const auto at = time_of_line(line);
    if (!at)
      return true;  // cut off by a crash, or none of ours
    if (wish_.from != never && *at < wish_.from - disorder)
      return false;
    if (++looked_ % 256 == 0 && std::chrono::steady_clock::now() > until_) {
      next_ = *at;
      return false;
    }
    if (!fits(wish_, line))
      return true;
    if (found_.size() >= wish_.limit && *at < oldest_) {
      next_ = oldest_;
      return false;
    }
    oldest_ = found_.empty() ? *at : std::min(oldest_, *at);
    found_.emplace_back(line);
    return true;
  }

  const node_log_wish& wish_;
  const std::chrono::steady_clock::time_point until_;
  std::vector<std::string> found_;  ///< Newest first.
  time_point oldest_{};
  time_point next_{};
  size_t looked_ = 0;
};

}  // namespace

node_log_page read_log_files(const std::string& file, uint32_t kept, const node_log_wish& wish,
                             duration limit) {
  backward_reader reader(wish, limit);
  for (uint32_t i = 0; i <= kept && reader.read(rotated(file, i)); ++i) {
  }
  return reader.page();
}

}  // namespace orrery::app
