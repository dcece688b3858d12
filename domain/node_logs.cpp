#include "domain/ports/node_logs.hpp"

#include <algorithm>

namespace orrery {

namespace {

/// The text member `name` of a line of ours: `"name":"value"`. Our own quotes are escaped, so the first is it.
std::string_view member(std::string_view line, std::string_view name) {
  std::string key = "\"";
  key.append(name).append("\":\"");
  const auto at = line.find(key);
  if (at == std::string_view::npos)
    return {};
  const auto from = at + key.size();
  const auto end = line.find('"', from);
  return end == std::string_view::npos ? std::string_view{} : line.substr(from, end - from);
}

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool contains(std::string_view line, std::string_view text) {
  return std::search(line.begin(), line.end(), text.begin(), text.end(),
                     [](char a, char b) { return lower(a) == lower(b); }) != line.end();
}

log::level level_of(std::string_view name) {
  if (name == "error")
    return log::level::error;
  if (name == "warning")
    return log::level::warning;
  return name == "info" ? log::level::info : log::level::debug;
}

}  // namespace

std::optional<time_point> time_of_line(std::string_view line) {
  if (!line.starts_with("{\"time\":\"") || !line.ends_with('}'))
    return std::nullopt;
  const auto at = parse_time(member(line, "time"));
  return at ? std::optional(*at) : std::nullopt;
}

bool fits(const node_log_wish& wish, std::string_view line) {
  const auto at = time_of_line(line);
  return at && (wish.from == never || *at >= wish.from) && (wish.to == never || *at < wish.to) &&
         level_of(member(line, "level")) >= wish.least &&
         (wish.node.empty() || member(line, "node") == wish.node) &&
         (wish.trace.empty() || member(line, "trace") == wish.trace) &&
         (wish.text.empty() || contains(line, wish.text));
}

}  // namespace orrery
