#pragma once
/// W3C Trace Context, and the ids of our own spans. Pure.
///
/// A span's id follows from what it is of (an entity, its run, an attempt), so that whoever decides a thing a
/// second time, after a crash or on another node, makes the same span.

#include "base/time.hpp"
#include "domain/ids.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace orrery {

struct trace_id {
  uint64_t high = 0;
  uint64_t low = 0;
  friend auto operator<=>(const trace_id&, const trace_id&) = default;
};
/// 32 hexadecimal digits.
std::string to_string(const trace_id& id);
/// The reverse, 32 lower-case digits; empty for anything else, and for zero.
std::optional<trace_id> parse_trace_id(std::string_view text);
/// 16 hexadecimal digits.
std::string span_text(uint64_t span);

/// `traceparent` in parts.
struct trace_context {
  trace_id trace;
  uint64_t span = 0;
  bool sampled = false;
};
/// Empty for what is not valid.
std::optional<trace_context> parse_traceparent(std::string_view text);
/// Version 00.
std::string to_string(const trace_context& context);
/// Whether a valid `traceparent` asks for spans. Cheap.
inline bool is_sampled(std::string_view traceparent) noexcept {
  if (traceparent.size() < 55)
    return false;
  // The code of `a` is odd, its value is even.
  const char last = traceparent[54];
  return ((last >= 'a' ? last - 'a' : last - '0') & 1) != 0;
}

/// The trace that an entity belongs to: the one that it came with, else one of its own that follows from its id.
trace_id trace_of(std::string_view traceparent, entity_id id) noexcept;
/// The span of a run of an entity (`attempt` 0), or of an attempt. Never 0.
uint64_t span_of(entity_id id, uint32_t run, uint32_t attempt) noexcept;
/// The parent that stands in the context of an entity whose trace begins with it: no such span exists.
uint64_t no_parent_of(entity_id id) noexcept;
/// A sampled context for an entity that came without one.
std::string root_traceparent(entity_id id);
/// Whether a trace without a parent is recorded, `ratio` being the part that is. The same everywhere for a trace.
bool is_recorded(const trace_id& id, double ratio) noexcept;
/// The `traceparent` for what a run or an attempt does: its own span is the parent. `traceparent` is that of the
/// entity; where it has none, its own trace, not sampled.
std::string traceparent_in(std::string_view traceparent, entity_id id, uint32_t run,
                           uint32_t attempt);

/// `tracestate` as it may be passed on: printable, at most 512 bytes, with at most 32 members; else empty.
std::string_view usable_tracestate(std::string_view text) noexcept;

enum class span_kind : uint8_t { internal = 1, server = 2, client = 3, producer = 4, consumer = 5 };

/// Something that took time and is over.
struct span {
  trace_id trace;
  uint64_t id = 0;
  uint64_t parent = 0;     ///< 0 = the first of its trace.
  std::string state = {};  ///< `tracestate`.
  std::string name;
  span_kind kind = span_kind::internal;
  time_point from{};
  time_point to{};
  std::string error = {};  ///< Not empty = it failed, by this.
  std::vector<std::pair<std::string, std::string>> attributes = {};
};

/// Where spans go.
class span_sink {
public:
  virtual ~span_sink() = default;
  /// Never blocks and never fails: what there is no room for is dropped and counted. Thread-safe.
  virtual void take(span one) noexcept = 0;
  /// Part of the traces that begin here and are recorded, 0 to 1.
  virtual double ratio() const noexcept = 0;
};

}  // namespace orrery
