#include "base/log.hpp"

#include "base/clock.hpp"
#include "base/log_outputs.hpp"

#include <algorithm>
#include <atomic>
#include <memory>
#include <mutex>
#include <spdlog/sinks/rotating_file_sink.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

namespace orrery::log {

namespace {

struct state {
  std::mutex guard;
  std::shared_ptr<spdlog::logger> logger;  ///< The console.
  std::shared_ptr<spdlog::logger> file;    ///< JSON lines, always.
  std::vector<std::shared_ptr<tap>> taps;
  observer see;
  bool json = false;
  std::string node;
};

state& shared() {
  static state instance;
  return instance;
}

std::atomic<level> threshold{level::warning};

std::string_view name_of(level lvl) {
  switch (lvl) {
    case level::debug: return "debug";
    case level::info: return "info";
    case level::warning: return "warning";
    case level::error: return "error";
    case level::off: return "off";
  }
  return "?";
}

bool needs_quotes(std::string_view text) {
  if (text.empty())
    return true;
  for (const char c : text)
    if (static_cast<unsigned char>(c) <= ' ' || c == '"' || c == '=' || c == '\\' || c == 127)
      return true;
  return false;
}

/// Bytes of the character that `text` begins with, where it is valid UTF-8 beyond ASCII; else 0.
size_t character_length(std::string_view text) {
  const auto at = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  const size_t n = at(0) >= 0xf0 ? 4 : at(0) >= 0xe0 ? 3 : 2;
  if (at(0) < 0xc2 || at(0) > 0xf4 || text.size() < n)
    return 0;
  for (size_t i = 1; i < n; ++i)
    if ((at(i) & 0xc0) != 0x80)
      return 0;
  // Longer than need be, half of a pair, beyond the last one.
  if ((at(0) == 0xe0 && at(1) < 0xa0) || (at(0) == 0xed && at(1) > 0x9f) ||
      (at(0) == 0xf0 && at(1) < 0x90) || (at(0) == 0xf4 && at(1) > 0x8f))
    return 0;
  return n;
}

void append_quoted(std::string& out, std::string_view text) {
  static constexpr char digits[] = "0123456789abcdef";
  out += '"';
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x80) {
      // Of other programs' output; a line is valid JSON all the same.
      const auto n = character_length(text.substr(i));
      out.append(n > 0 ? text.substr(i, n) : "\xef\xbf\xbd");
      i += n > 0 ? n - 1 : 0;
    } else if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (c == '\n') {
      out += "\\n";
    } else if (byte < 0x20 || byte == 0x7f) {
      out += "\\u00";
      out += digits[byte >> 4];
      out += digits[byte & 0xf];
    } else {
      out += c;
    }
  }
  out += '"';
}

std::string render(bool json, std::string_view at, std::string_view node, level lvl,
                   std::string_view event, std::initializer_list<field> fields) {
  std::string line;
  line.reserve(160);
  const auto add = [&](std::string_view key, std::string_view value, bool quoted) {
    if (json) {
      line += line.empty() ? "{" : ",";
      append_quoted(line, key);
      line += ':';
    } else {
      if (!line.empty())
        line += ' ';
      line += key;
      line += '=';
    }
    if (quoted && (json || needs_quotes(value)))
      append_quoted(line, value);
    else
      line += value;
  };
  add("time", at, true);
  add("level", name_of(lvl), true);
  if (!node.empty())
    add("node", node, true);
  add("event", event, true);
  for (const auto& f : fields)
    add(f.key, f.value, f.is_text);
  if (json)
    line += '}';
  return line;
}

std::shared_ptr<spdlog::logger> logger_to(const std::vector<spdlog::sink_ptr>& sinks,
                                          spdlog::level::level_enum flush_from) {
  auto out = std::make_shared<spdlog::logger>("orrery", sinks.begin(), sinks.end());
  out->set_pattern("%v");
  out->set_level(spdlog::level::trace);
  out->flush_on(flush_from);
  return out;
}

}  // namespace

void start(const options& how) {
  std::vector<spdlog::sink_ptr> sinks;
  if (how.console)
    sinks.push_back(std::make_shared<spdlog::sinks::stderr_sink_mt>());
  auto logger = logger_to(sinks, spdlog::level::warn);
  std::shared_ptr<spdlog::logger> file;
  if (!how.file.empty())
    file = logger_to({std::make_shared<spdlog::sinks::rotating_file_sink_mt>(
                         how.file, how.file_bytes_max, how.files_kept)},
                     spdlog::level::trace);  // who asks for the log wants its last line too
  auto& s = shared();
  const std::lock_guard lock(s.guard);
  s.logger = std::move(logger);
  s.file = std::move(file);
  s.json = how.json;
  s.node = how.node;
  threshold = how.threshold;
}

void stop() {
  auto& s = shared();
  const std::lock_guard lock(s.guard);
  if (s.logger)
    s.logger->flush();
  s.logger.reset();
  s.file.reset();
}

bool enabled(level lvl) noexcept { return lvl >= threshold.load(std::memory_order_relaxed); }

void write(level lvl, std::string_view event, std::initializer_list<field> fields) {
  if (!enabled(lvl))
    return;
  try {
    auto& s = shared();
    std::unique_lock lock(s.guard);
    const auto logger = s.logger;
    const auto see = lvl >= level::warning ? s.see : observer{};
    const auto file = s.file;
    const auto taps = s.taps;
    const bool json = s.json;
    const auto node = s.node;
    lock.unlock();
    const auto at = format_time(system_clock{}.now());
    const auto line = render(json, at, node, lvl, event, fields);
    std::string as_json;
    if (file || !taps.empty())
      as_json = json ? line : render(true, at, node, lvl, event, fields);
    if (file)
      file->log(spdlog::level::info, as_json);
    for (const auto& one : taps)
      one->take(lvl, as_json);
    if (logger)
      logger->log(lvl == level::error ? spdlog::level::err : spdlog::level::info, line);
    else
      std::fprintf(stderr, "%s\n", line.c_str());
    if (see)
      see(lvl, event, line);
  } catch (...) {
    // A line that cannot be written is dropped: logging never takes the node down.
  }
}

void add_tap(std::shared_ptr<tap> one) {
  auto& s = shared();
  const std::lock_guard lock(s.guard);
  s.taps.push_back(std::move(one));
}

void remove_tap(const std::shared_ptr<tap>& one) {
  auto& s = shared();
  const std::lock_guard lock(s.guard);
  std::erase(s.taps, one);
}

void observe(observer see) {
  auto& s = shared();
  const std::lock_guard lock(s.guard);
  s.see = std::move(see);
}

}  // namespace orrery::log
