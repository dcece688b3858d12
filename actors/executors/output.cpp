#include "actors/executors/output.hpp"

#include "codec/json.hpp"
#include "domain/limits.hpp"

#include <algorithm>

namespace orrery {

namespace {

/// Length of the well-formed character at `at`; 0 where there is none.
size_t character_at(std::string_view text, size_t at) {
  const auto byte = [&](size_t i) { return i < text.size() ? static_cast<uint8_t>(text[i]) : 0; };
  const auto lead = byte(at);
  if (lead < 0x80)
    return 1;
  const size_t length = lead >= 0xc2 && lead <= 0xdf   ? 2
                        : lead >= 0xe0 && lead <= 0xef ? 3
                        : lead >= 0xf0 && lead <= 0xf4 ? 4
                                                       : 0;
  for (size_t i = 1; i < length; ++i)
    if ((byte(at + i) & 0xc0) != 0x80)
      return 0;
  const auto second = byte(at + 1);
  const bool overlong = (lead == 0xe0 && second < 0xa0) || (lead == 0xf0 && second < 0x90);
  const bool surrogate = lead == 0xed && second > 0x9f;
  const bool too_high = lead == 0xf4 && second > 0x8f;
  return overlong || surrogate || too_high ? 0 : length;
}

bool is_continuation(char c) { return (static_cast<uint8_t>(c) & 0xc0) == 0x80; }

std::string as_json_string(const std::string& text, size_t length_max) {
  auto tail = text.size() > length_max ? text.substr(text.size() - length_max) : text;
  std::string json;
  codec::append_string(json, readable_text(std::move(tail)));
  return json;
}

}  // namespace

void output_ring::append(std::string_view bytes) {
  total_ += bytes.size();
  if (bytes.size() > limit_)
    bytes.remove_prefix(bytes.size() - limit_);
  const auto grown = std::min(bytes.size(), limit_ - bytes_.size());
  bytes_.append(bytes.substr(0, grown));
  bytes.remove_prefix(grown);
  while (!bytes.empty()) {
    const auto length = std::min(bytes.size(), limit_ - next_);
    bytes.copy(bytes_.data() + next_, length);
    next_ = (next_ + length) % limit_;
    bytes.remove_prefix(length);
  }
}

std::string output_ring::text() const { return bytes_.substr(next_) + bytes_.substr(0, next_); }

std::string readable_text(std::string bytes) {
  size_t cut = 0;
  while (cut < bytes.size() && cut < 3 && is_continuation(bytes[cut]))
    ++cut;
  bytes.erase(0, cut);
  for (size_t i = 0; i < bytes.size();) {
    const auto length = character_at(bytes, i);
    if (length == 0)
      bytes[i] = '?';
    i += std::max<size_t>(length, 1);
  }
  return bytes;
}

std::string result_of_output(std::string text, bool dropped_some) {
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r'))
    text.pop_back();
  if (text.empty())
    return {};
  if (!dropped_some && codec::check_json(text))
    return text;
  const auto line_break = text.rfind('\n');
  if (line_break != std::string::npos) {
    auto last = text.substr(line_break + 1);
    if (codec::check_json(last))
      return last;
  }
  // Escapes can make a text six times as long.
  size_t length_max = 64 * 1024;
  auto json = as_json_string(text, length_max);
  while (json.size() > limits::result_bytes) {
    length_max /= 2;
    json = as_json_string(text, length_max);
  }
  return json;
}

}  // namespace orrery
