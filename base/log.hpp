#pragma once
/// The log facade: an event name and key/value fields, one line each. Thread-safe; never throws and
/// never blocks longer than a write to the sinks. spdlog stays behind this header.
///
///     log::info("shard.acquired", {{"shard", 3}, {"epoch", epoch}});

#include <cstdint>
#include <functional>
#include <initializer_list>
#include <string>
#include <string_view>

namespace orrery::log {

enum class level { debug, info, warning, error, off };

/// One `key=value`. Numbers and booleans are written as such, text is quoted where needed.
struct field {
  std::string_view key;
  std::string value;
  bool is_text = true;

  field(std::string_view k, std::string_view v) : key(k), value(v) {}
  field(std::string_view k, const std::string& v) : key(k), value(v) {}
  field(std::string_view k, const char* v) : key(k), value(v) {}
  field(std::string_view k, bool v) : key(k), value(v ? "true" : "false"), is_text(false) {}
  template <class Number>
    requires std::is_arithmetic_v<Number> field(std::string_view k, Number v)
        : key(k), value(std::to_string(v)), is_text(false) {}
};

struct options {
  level threshold = level::info;
  bool json = false;      ///< JSON lines instead of logfmt.
  std::string file = {};  ///< Also written there, rotated; empty = console only.
  uint64_t file_bytes_max = 32 * 1024 * 1024;
  uint32_t files_kept = 5;
  bool console = true;    ///< To stderr.
  std::string node = {};  ///< Added to each line where not empty.
};

/// Called once by `main`; before that, and in tests, lines go to stderr as logfmt from warning up.
void start(const options& how);
/// Flushes the sinks; lines written later go to stderr.
void stop();

bool enabled(level lvl) noexcept;
void write(level lvl, std::string_view event, std::initializer_list<field> fields);

/// For tests: sees every line of warning and above, as (level, event, rendered line).
using observer = std::function<void(level, std::string_view, std::string_view)>;
void observe(observer see);

inline void debug(std::string_view event, std::initializer_list<field> fields = {}) {
  if (enabled(level::debug))
    write(level::debug, event, fields);
}
inline void info(std::string_view event, std::initializer_list<field> fields = {}) {
  write(level::info, event, fields);
}
inline void warning(std::string_view event, std::initializer_list<field> fields = {}) {
  write(level::warning, event, fields);
}
inline void error(std::string_view event, std::initializer_list<field> fields = {}) {
  write(level::error, event, fields);
}

}  // namespace orrery::log
