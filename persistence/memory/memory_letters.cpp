#include "persistence/memory/memory_state.hpp"

#include <algorithm>
#include <cctype>

namespace orrery {

namespace {

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return c < 0x80 ? std::tolower(c) : c; });
  return text;
}

bool matches(const letter_query& query, const stored_letter& one) {
  const auto& letter = one.letter;
  return (!query.source || letter.source == *query.source) &&
         (query.states.empty() ||
          std::find(query.states.begin(), query.states.end(), one.state) != query.states.end()) &&
         (query.reason.empty() ||
          lower(letter.reason).find(lower(query.reason)) != std::string::npos) &&
         (query.from == never || letter.at >= query.from) &&
         (query.to == never || letter.at < query.to);
}

}  // namespace

result<letter_page> memory_letters::find(const letter_query& query) {
  if (auto ok = state_->may("letters"); !ok)
    return std::move(ok).error();
  letter_page page;
  std::optional<letter_place> after;
  if (!query.cursor.empty()) {
    auto place = parse_letter_cursor(query.cursor);
    if (!place)
      return std::move(place).error();
    after = *place;
  }
  const bool newest = query.order == list_order::newest_first;
  const std::lock_guard lock(state_->guard);
  std::vector<const stored_letter*> found;
  for (const auto& one : state_->letters) {
    const auto key = std::pair(one.letter.at, one.number);
    const bool beyond = !after || (newest ? key < std::pair(after->at, after->number)
                                          : key > std::pair(after->at, after->number));
    if (beyond && matches(query, one))
      found.push_back(&one);
  }
  std::sort(found.begin(), found.end(), [&](const auto* a, const auto* b) {
    const auto before = std::pair(a->letter.at, a->number) < std::pair(b->letter.at, b->number);
    return newest ? !before : before;
  });
  for (const auto* one : found) {
    if (page.items.size() == query.limit) {
      page.next = page.items.empty() ? std::string{} : letter_cursor(page.items.back());
      break;
    }
    page.items.push_back(*one);
  }
  return page;
}

result<stored_letter> memory_letters::get(int64_t number) {
  if (auto ok = state_->may("letters"); !ok)
    return std::move(ok).error();
  const std::lock_guard lock(state_->guard);
  if (number < 1 || number > static_cast<int64_t>(state_->letters.size()))
    return failure{errc::not_found, "there is no dead letter " + std::to_string(number)};
  return state_->letters[static_cast<size_t>(number - 1)];
}

result<std::vector<result<void>>> memory_letters::move(const std::vector<letter_move>& steps) {
  if (auto ok = state_->may("letters"); !ok)
    return std::move(ok).error();
  const std::lock_guard lock(state_->guard);
  std::vector<result<void>> outcomes;
  for (const auto& step : steps) {
    if (step.number < 1 || step.number > static_cast<int64_t>(state_->letters.size())) {
      outcomes.emplace_back(
          failure{errc::not_found, "there is no dead letter " + std::to_string(step.number)});
      continue;
    }
    auto& one = state_->letters[static_cast<size_t>(step.number - 1)];
    auto ok = may_move(one.state, one.settled_at, step);
    if (ok) {
      one.state = step.to;
      one.settled_at = step.at;
      one.settled_by = step.by;
      one.note = step.note;
      one.redriven_to = step.redriven_to;
      one.edited = step.edited;
    }
    outcomes.push_back(std::move(ok));
  }
  return outcomes;
}

}  // namespace orrery
