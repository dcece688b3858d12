#include "domain/ports/dead_letters.hpp"

#include <array>
#include <charconv>

namespace orrery {

namespace {

constexpr std::array<std::string_view, letter_states> letter_state_names = {
    "OPEN", "REDRIVING", "REDRIVEN", "DISCARDED"};
constexpr std::array<std::string_view, intakes> source_names = {"order_topic", "task_topic"};

/// Takes a whole number off the front, up to `end`.
bool take(std::string_view& text, char end, int64_t& number) {
  const auto length = end == '\0' ? text.size() : text.find(end);
  if (length == std::string_view::npos || length == 0)
    return false;
  const auto* last = text.data() + length;
  const auto [stopped, error] = std::from_chars(text.data(), last, number);
  if (error != std::errc{} || stopped != last)
    return false;
  text.remove_prefix(end == '\0' ? length : length + 1);
  return true;
}

}  // namespace

std::string_view to_string(letter_state state) noexcept {
  return letter_state_names[static_cast<size_t>(state)];
}

std::optional<letter_state> parse_letter_state(std::string_view text) noexcept {
  for (size_t i = 0; i < letter_states; ++i)
    if (letter_state_names[i] == text)
      return static_cast<letter_state>(i);
  return std::nullopt;
}

result<void> may_move(letter_state state, time_point settled_at, const letter_move& step) {
  const bool claimed = state == letter_state::redriving;
  if (step.to == letter_state::redriving || step.to == letter_state::discarded) {
    if (state == letter_state::open || (claimed && settled_at < step.stale))
      return {};
  } else if (claimed) {
    return {};
  }
  return failure{errc::rejected, "the letter is " + std::string(to_string(state))};
}

std::string to_string(const letter_origin& origin) {
  return std::string(source_names[static_cast<size_t>(origin.source)]) + '/' +
         std::to_string(origin.shard.value) + '/' + std::to_string(origin.offset) + '@' +
         std::to_string(micros(origin.at));
}

std::optional<letter_origin> parse_letter_origin(std::string_view text) {
  letter_origin out;
  for (size_t i = 0; i < intakes; ++i) {
    if (!text.starts_with(source_names[i]) || !text.substr(source_names[i].size()).starts_with('/'))
      continue;
    out.source = static_cast<intake>(i);
    text.remove_prefix(source_names[i].size() + 1);
    int64_t shard = 0;
    int64_t at = 0;
    if (!take(text, '/', shard) || !take(text, '@', out.offset) || !take(text, '\0', at) ||
        shard < 0 || shard >= shards_max || out.offset < 0)
      return std::nullopt;
    out.shard = shard_id{static_cast<uint16_t>(shard)};
    out.at = from_micros(at);
    return out;
  }
  return std::nullopt;
}

std::string letter_cursor(const stored_letter& last) {
  return std::to_string(micros(last.letter.at)) + '.' + std::to_string(last.number);
}

result<letter_place> parse_letter_cursor(const std::string& text) {
  std::string_view rest = text;
  int64_t at = 0;
  letter_place place;
  if (!take(rest, '.', at) || !take(rest, '\0', place.number))
    return failure{errc::invalid, "is not a cursor of this list", "cursor"};
  place.at = from_micros(at);
  return place;
}

}  // namespace orrery
