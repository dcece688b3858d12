#include "app/letter_office.hpp"

#include "base/log.hpp"
#include "codec/messages.hpp"

#include <algorithm>
#include <future>

namespace orrery::app {

namespace {

constexpr size_t waiting_max = 100;
/// Letters that are claimed, appended and noted together.
constexpr size_t together = 200;
/// A claim that is older is of somebody who has died: longer than an append can take.
constexpr duration claim_limit = 60s;
constexpr auto append_limit = std::chrono::seconds{30};

bool is_ours(const log_header& header) {
  return header.name == origin_header || header.name == "orrery-fresh";
}

log_message message_of(const stored_letter& one, const letter_wish& wish) {
  const auto& letter = one.letter;
  log_message message{
      letter.source, letter.shard, letter.key, wish.value ? *wish.value : letter.value, {}};
  letter_origin origin{letter.source, letter.shard, letter.offset, letter.at};
  for (const auto& header : letter.headers) {
    // One that died again on its second way keeps the origin of its first.
    if (header.name == origin_header)
      if (const auto first = parse_letter_origin(header.value);
          first && first->source == letter.source && first->shard == letter.shard)
        origin = *first;
    if (!is_ours(header))
      message.headers.push_back(header);
  }
  message.headers.push_back({std::string(origin_header), to_string(origin)});
  return message;
}

}  // namespace

letter_office::letter_office(store& where, intake_log& log, const clock& time,
                             std::function<bool(const std::string&)> knows_kind)
    : where_(where),
      log_(log),
      time_(time),
      knows_kind_(std::move(knows_kind)),
      worker_("letters", waiting_max) {}

template <class T>
void letter_office::work(answer<T> done, std::function<result<T>(letter_store&)> job) {
  const bool taken = worker_.submit([this, done, job = std::move(job)] {
    if (!session_)
      session_ = where_.open_letters();
    done(job(*session_));
  });
  if (!taken)
    done(failure{errc::busy, "too many requests wait for the dead letters"});
}

void letter_office::find(letter_query query, answer<letter_page> done) {
  work<letter_page>(std::move(done), [query = std::move(query)](letter_store& letters) {
    return letters.find(query);
  });
}

void letter_office::get(int64_t number, answer<stored_letter> done) {
  work<stored_letter>(std::move(done),
                      [number](letter_store& letters) { return letters.get(number); });
}

void letter_office::apply(int64_t number, letter_wish wish, answer<stored_letter> done) {
  work<stored_letter>(std::move(done), [this, number, wish = std::move(wish)](auto& letters) {
    return apply_one(letters, number, wish);
  });
}

void letter_office::apply_all(letter_query query, letter_wish wish, answer<letter_tally> done) {
  work<letter_tally>(std::move(done),
                     [this, query = std::move(query), wish = std::move(wish)](auto& letters) {
                       return apply_page(letters, query, wish);
                     });
}

letter_move letter_office::step(int64_t number, letter_state to, const letter_wish& wish) const {
  const auto now = time_.now();
  return {number, to, now, now - claim_limit, wish.by, wish.reason, -1, wish.value.has_value()};
}

/// A value that somebody typed is checked before it goes out; it would only die again.
result<void> letter_office::check(const dead_letter& letter) const {
  const auto read = codec::read_intake(letter.source, letter.value);
  if (!read) {
    const auto& why = read.error();
    return failure{errc::invalid, why.detail, why.field.empty() ? "value" : "value." + why.field};
  }
  if (const auto* of_task = std::get_if<task_command>(&read->command))
    if (const auto* submit = std::get_if<submit_task>(of_task);
        submit && !knows_kind_(submit->spec.kind))
      return failure{errc::invalid, "has no executor here: " + submit->spec.kind, "value.kind"};
  return {};
}

result<stored_letter> letter_office::apply_one(letter_store& letters, int64_t number,
                                               const letter_wish& wish) {
  auto one = letters.get(number);
  if (!one)
    return one;
  if (wish.value) {
    auto edited = one->letter;
    edited.value = *wish.value;
    if (auto ok = check(edited); !ok)
      return std::move(ok).error();
  }
  if (wish.what == letter_wish::verb::redrive) {
    auto outcome = redrive(letters, {*one}, wish);
    if (!outcome.front())
      return outcome.front().error();
  } else {
    auto moved = letters.move({step(number, letter_state::discarded, wish)});
    if (!moved)
      return std::move(moved).error();
    if (!moved->front())
      return moved->front().error();
  }
  return letters.get(number);
}

result<letter_tally> letter_office::apply_page(letter_store& letters, const letter_query& query,
                                               const letter_wish& wish) {
  letter_tally tally;
  auto asked = query;
  asked.states = {letter_state::open};
  asked.order = list_order::oldest_first;
  // What dies anew while we work is left for the next wish.
  const auto now = time_.now();
  asked.to = asked.to == never ? now : std::min(asked.to, now);
  for (auto left = query.limit; left > 0;) {
    asked.limit = std::min(left, together);
    auto page = letters.find(asked);
    if (!page)
      return tally.done + tally.refused.size() > 0 ? tally : result<letter_tally>(page.error());
    std::vector<result<void>> outcomes;
    if (wish.what == letter_wish::verb::redrive) {
      outcomes = redrive(letters, page->items, wish);
    } else {
      std::vector<letter_move> steps;
      for (const auto& one : page->items)
        steps.push_back(step(one.number, letter_state::discarded, wish));
      auto moved = letters.move(steps);
      outcomes =
          moved ? std::move(*moved) : std::vector<result<void>>(page->items.size(), moved.error());
    }
    for (size_t i = 0; i < outcomes.size(); ++i) {
      if (outcomes[i])
        ++tally.done;
      else
        tally.refused.push_back({page->items[i].number, outcomes[i].error()});
    }
    left -= page->items.size();
    tally.more = !page->next.empty();
    if (!tally.more || !tally.refused.empty())
      break;
    asked.cursor = page->next;
  }
  return tally;
}

std::vector<result<void>> letter_office::redrive(letter_store& letters,
                                                 const std::vector<stored_letter>& which,
                                                 const letter_wish& wish) {
  std::vector<letter_move> claims;
  for (const auto& one : which)
    claims.push_back(step(one.number, letter_state::redriving, wish));
  auto claimed = letters.move(claims);
  if (!claimed)
    return std::vector<result<void>>(which.size(), claimed.error());
  auto outcomes = std::move(*claimed);
  std::vector<const stored_letter*> out;
  for (size_t i = 0; i < which.size(); ++i)
    if (outcomes[i])
      out.push_back(&which[i]);
  if (out.empty())
    return outcomes;
  const auto places = append(out, wish);
  std::vector<letter_move> notes;
  for (size_t i = 0; i < out.size(); ++i) {
    auto note = step(out[i]->number, letter_state::redriven, wish);
    if (places)
      note.redriven_to = (*places)[i].offset;
    else
      note = step(out[i]->number, letter_state::open, {});
    notes.push_back(std::move(note));
  }
  // Where some may have become durable, the claims stay until they are void.
  const bool doubt = !places && places.error().code == errc::in_doubt;
  if (!doubt)
    if (auto noted = letters.move(notes); !noted)
      log::warning("letters.not_noted", {{"detail", noted.error().detail}});
  if (!places)
    for (auto& outcome : outcomes)
      if (outcome)
        outcome = places.error();
  return outcomes;
}

result<std::vector<log_place>> letter_office::append(const std::vector<const stored_letter*>& which,
                                                     const letter_wish& wish) {
  std::vector<log_message> messages;
  for (const auto* one : which)
    messages.push_back(message_of(*one, wish));
  auto promise = std::make_shared<std::promise<result<std::vector<log_place>>>>();
  auto answered = promise->get_future();
  log_.producer().produce(std::move(messages),
                          [promise](auto places) { promise->set_value(std::move(places)); });
  if (answered.wait_for(append_limit) != std::future_status::ready)
    return failure{errc::in_doubt, "the intake log has not answered"};
  return answered.get();
}

}  // namespace orrery::app
