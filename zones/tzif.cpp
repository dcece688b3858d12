/// RFC 8536: the header, the table of transitions, the footer.

#include "zones/zone_files.hpp"

#include <algorithm>

namespace orrery {

namespace {

constexpr size_t header_bytes = 44;
/// Offsets are less than a day and a bit (RFC 8536, 3.2).
constexpr int64_t offset_max = 26 * 3600;

failure corrupt(const std::string& name, const char* what) {
  return {errc::corrupt, "the file of the time zone " + name + " " + what};
}

int64_t big_endian(std::span<const unsigned char> bytes, size_t at, size_t width) {
  uint64_t value = 0;
  for (size_t i = 0; i < width; ++i)
    value = value << 8 | bytes[at + i];
  if (width == 4)
    return static_cast<int32_t>(static_cast<uint32_t>(value));
  return static_cast<int64_t>(value);
}

struct header {
  size_t utc_flags, standard_flags, leaps, times, types, letters;
  size_t data_bytes(size_t time_width) const {
    return times * time_width + times + types * 6 + letters + leaps * (time_width + 4) +
           standard_flags + utc_flags;
  }
};

header header_at(std::span<const unsigned char> bytes, size_t at) {
  const auto count = [&](size_t index) {
    return static_cast<size_t>(static_cast<uint32_t>(big_endian(bytes, at + 20 + 4 * index, 4)));
  };
  return {count(0), count(1), count(2), count(3), count(4), count(5)};
}

void append(zone_rules& rules, int64_t at, int32_t offset) {
  if (!rules.changes.empty() && rules.changes.back().at == at)
    rules.changes.pop_back();  // a stretch of no length: daylight saving all year
  const auto last = rules.changes.empty() ? rules.first_offset : rules.changes.back().offset;
  if (offset != last)  // else only the name or the flag of daylight saving changes
    rules.changes.push_back({at, offset});
}

}  // namespace

result<zone_rules> read_tzif(std::string name, std::span<const unsigned char> bytes) {
  if (bytes.size() < header_bytes || bytes[4] < '2')
    return corrupt(name, "is not of version 2 or later");
  const auto old = header_at(bytes, 0);
  const auto second = header_bytes + old.data_bytes(4);
  if (old.times > bytes.size() || second + header_bytes > bytes.size())
    return corrupt(name, "ends too early");
  const auto h = header_at(bytes, second);
  const auto data = second + header_bytes;
  if (h.times > bytes.size() || h.types > 256 || h.types == 0 || h.leaps > 1000 ||
      h.letters > bytes.size() || data + h.data_bytes(8) > bytes.size())
    return corrupt(name, "ends too early");
  const auto indices = data + h.times * 8;
  const auto types = indices + h.times;
  const auto offset_of = [&](size_t type) {
    return static_cast<int32_t>(big_endian(bytes, types + type * 6, 4));
  };
  for (size_t type = 0; type < h.types; ++type)
    if (std::abs(static_cast<int64_t>(offset_of(type))) > offset_max)
      return corrupt(name, "holds an impossible offset");

  zone_rules rules;
  rules.name = std::move(name);
  rules.first_offset = offset_of(0);
  auto last = zone_rules::min_instant;
  for (size_t i = 0; i < h.times; ++i) {
    const auto at = big_endian(bytes, data + i * 8, 8);
    const size_t type = bytes[indices + i];
    if (type >= h.types)
      return corrupt(rules.name, "names a type that it does not hold");
    if (at <= zone_rules::min_instant)
      continue;  // "the beginning of time" of old files
    if (at <= last)
      return corrupt(rules.name, "has its changes out of order");
    last = at;
    append(rules, at, offset_of(type));
  }
  const auto footer_at = data + h.data_bytes(8);
  if (footer_at >= bytes.size() || bytes[footer_at] != '\n')
    return corrupt(rules.name, "has no footer");
  const auto begin = bytes.begin() + static_cast<std::ptrdiff_t>(footer_at) + 1;
  const auto end = std::find(begin, bytes.end(), '\n');
  const std::string footer(begin, end);
  if (footer.empty())
    return rules;  // nothing is said of the time after the table
  const auto expanded = expand_posix_rule(footer, last);
  if (!expanded)
    return corrupt(rules.name, "has a footer that cannot be read");
  if (h.times == 0 && expanded->changes.empty())
    rules.first_offset = expanded->standard;
  for (const auto& change : expanded->changes)
    append(rules, change.at, change.offset);
  return rules;
}

}  // namespace orrery
