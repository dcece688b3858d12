#include "base/log.hpp"

#include "base/clock.hpp"

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
  std::shared_ptr<spdlog::logger> logger;
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

void append_quoted(std::string& out, std::string_view text) {
  static constexpr char digits[] = "0123456789abcdef";
  out += '"';
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
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

std::string render(bool json, std::string_view node, level lvl, std::string_view event,
                   std::initializer_list<field> fields) {
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
  add("time", format_time(system_clock{}.now()), true);
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

}  // namespace

void start(const options& how) {
  std::vector<spdlog::sink_ptr> sinks;
  if (how.console)
    sinks.push_back(std::make_shared<spdlog::sinks::stderr_sink_mt>());
  if (!how.file.empty())
    sinks.push_back(std::make_shared<spdlog::sinks::rotating_file_sink_mt>(
        how.file, how.file_bytes_max, how.files_kept));
  auto logger = std::make_shared<spdlog::logger>("orrery", sinks.begin(), sinks.end());
  logger->set_pattern("%v");
  logger->set_level(spdlog::level::trace);
  logger->flush_on(spdlog::level::warn);
  auto& s = shared();
  const std::lock_guard lock(s.guard);
  s.logger = std::move(logger);
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
    const auto line = render(s.json, s.node, lvl, event, fields);
    lock.unlock();
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

void observe(observer see) {
  auto& s = shared();
  const std::lock_guard lock(s.guard);
  s.see = std::move(see);
}

}  // namespace orrery::log
