#include "domain/trace.hpp"

#include <algorithm>

namespace orrery {

namespace {

void append_word(std::string& out, uint64_t value) {
  static constexpr char digits[] = "0123456789abcdef";
  for (int shift = 60; shift >= 0; shift -= 4)
    out += digits[(value >> shift) & 15];
}

std::optional<uint64_t> read_hex(std::string_view text) {
  uint64_t value = 0;
  for (const char c : text) {
    const bool digit = c >= '0' && c <= '9';
    if (!digit && (c < 'a' || c > 'f'))
      return std::nullopt;
    value = value << 4 | static_cast<uint64_t>(digit ? c - '0' : c - 'a' + 10);
  }
  return value;
}

/// splitmix64's last step.
uint64_t mixed(uint64_t x) noexcept {
  x += 0x9e3779b97f4a7c15ULL;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
  return x ^ (x >> 31);
}

std::pair<uint64_t, uint64_t> words_of(entity_id id) noexcept {
  return {id.value.high, id.value.low};
}

}  // namespace

std::string to_string(const trace_id& id) {
  std::string out;
  out.reserve(32);
  append_word(out, id.high);
  append_word(out, id.low);
  return out;
}

std::optional<trace_id> parse_trace_id(std::string_view text) {
  if (text.size() != 32)
    return std::nullopt;
  const auto high = read_hex(text.substr(0, 16));
  const auto low = read_hex(text.substr(16));
  if (!high || !low || (*high == 0 && *low == 0))
    return std::nullopt;
  return trace_id{*high, *low};
}

std::string span_text(uint64_t span) {
  std::string out;
  append_word(out, span);
  return out;
}

std::optional<trace_context> parse_traceparent(std::string_view text) {
  if (text.size() < 55 || text[2] != '-' || text[35] != '-' || text[52] != '-')
    return std::nullopt;
  const auto version = read_hex(text.substr(0, 2));
  const auto trace = parse_trace_id(text.substr(3, 32));
  const auto span = read_hex(text.substr(36, 16));
  const auto flags = read_hex(text.substr(53, 2));
  if (!version || *version == 0xff || !trace || !span || *span == 0 || !flags)
    return std::nullopt;
  if (text.size() > 55 && (*version == 0 || text[55] != '-'))
    return std::nullopt;
  return trace_context{*trace, *span, (*flags & 1) != 0};
}

std::string to_string(const trace_context& context) {
  std::string out = "00-" + to_string(context.trace) + '-';
  append_word(out, context.span);
  return out + (context.sampled ? "-01" : "-00");
}

trace_id trace_of(std::string_view traceparent, entity_id id) noexcept {
  if (const auto given = parse_traceparent(traceparent))
    return given->trace;
  const auto [high, low] = words_of(id);
  return {mixed(high ^ mixed(low)), mixed(low ^ mixed(~high)) | 1};
}

uint64_t span_of(entity_id id, uint32_t run, uint32_t attempt) noexcept {
  const auto [high, low] = words_of(id);
  const auto value = mixed(high ^ mixed(low ^ mixed(uint64_t{run} << 32 | attempt)));
  return value == 0 ? 1 : value;
}

uint64_t no_parent_of(entity_id id) noexcept { return span_of(id, 0, 0); }

std::string root_traceparent(entity_id id) {
  return to_string(trace_context{trace_of({}, id), no_parent_of(id), true});
}

bool is_recorded(const trace_id& id, double ratio) noexcept {
  if (ratio >= 1)
    return true;
  // The low 56 bits, as W3C Trace Context level 2 asks them to be random.
  const auto bits = id.low & 0x00ffffffffffffffULL;
  return static_cast<double>(bits) < ratio * 72057594037927936.0;
}

std::string traceparent_in(std::string_view traceparent, entity_id id, uint32_t run,
                           uint32_t attempt) {
  return to_string(
      trace_context{trace_of(traceparent, id), span_of(id, run, attempt), is_sampled(traceparent)});
}

std::string_view usable_tracestate(std::string_view text) noexcept {
  const auto printable = [](char c) { return c >= 0x20 && c <= 0x7e; };
  if (text.size() > 512 || !std::all_of(text.begin(), text.end(), printable) ||
      std::count(text.begin(), text.end(), ',') > 31)
    return {};
  return text;
}

}  // namespace orrery
