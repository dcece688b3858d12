#include "codec/order_fields.hpp"
#include "persistence/memory/memory_state.hpp"

#include <algorithm>
#include <charconv>

namespace orrery {

namespace {

using creation_key = std::pair<time_point, entity_id>;

std::string cursor_text(const creation_key& key) {
  return std::to_string(micros(key.first)) + '.' + to_string(key.second);
}

result<creation_key> parse_cursor(const std::string& text) {
  const failure bad{errc::invalid, "is not a cursor of this list", "cursor"};
  int64_t at = 0;
  const auto* end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, at);
  if (error != std::errc{} || rest == end || *rest != '.')
    return bad;
  const auto id = parse_entity_id({rest + 1, end});
  if (!id)
    return bad;
  return creation_key{from_micros(at), *id};
}

bool same_or_any(const std::string& wanted, const std::string& text) {
  return wanted.empty() || wanted == text;
}

/// ASCII letters in any case, as the other stores do at least.
bool contains(std::string_view text, std::string_view part) {
  const auto same = [](char a, char b) {
    const auto lower = [](char c) {
      return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    };
    return lower(a) == lower(b);
  };
  return std::search(text.begin(), text.end(), part.begin(), part.end(), same) != text.end();
}

bool matches_text(const entity_query& q, const task& t) {
  return q.text.empty() || contains(t.spec->description, q.text) ||
         contains(to_string(t.id).substr(0, q.text.size()), q.text);
}

bool matches(const entity_query& q, const task& t) {
  const auto& tags = t.spec->tags;
  return matches_text(q, t) && same_or_any(q.unique_key, t.spec->unique_key) &&
         same_or_any(q.task_kind, t.spec->kind) && same_or_any(q.queue, t.spec->queue) &&
         q.product.empty() && q.customer.empty() && q.fields.empty() &&
         same_or_any(q.reference, t.spec->reference) &&
         (q.tag.empty() || std::find(tags.begin(), tags.end(), q.tag) != tags.end());
}

bool has_fields(const entity_query& q, const order& o) {
  if (q.fields.empty())
    return true;
  const auto own = codec::searched_fields(o.spec->metadata);
  return std::includes(own.begin(), own.end(), q.fields.begin(), q.fields.end());
}

bool matches(const entity_query& q, const order& o) {
  return has_fields(q, o) && same_or_any(q.product, o.spec->product) &&
         same_or_any(q.customer, o.spec->customer) && same_or_any(q.reference, o.spec->reference) &&
         q.task_kind.empty() && q.queue.empty() && q.tag.empty() && q.text.empty() &&
         q.unique_key.empty();
}

bool matches(const entity_query& q, const schedule& s) {
  return same_or_any(q.reference, s.spec->name) && q.task_kind.empty() && q.queue.empty() &&
         q.tag.empty() && q.product.empty() && q.customer.empty() && q.fields.empty();
}

bool matches(const entity_query& q, const entity& e) {
  const auto status = status_of(e);
  if (!q.statuses.empty() &&
      std::find(q.statuses.begin(), q.statuses.end(), status) == q.statuses.end())
    return false;
  if (!q.shards.empty() &&
      std::find(q.shards.begin(), q.shards.end(), id_of(e).shard()) == q.shards.end())
    return false;
  return std::visit([&](const auto& one) { return matches(q, one); }, e);
}

due_row row_of(const entity& e) {
  due_row row;
  row.id = id_of(e);
  row.kind = kind_of(e);
  row.status = status_of(e);
  row.at = wake_at(e);
  if (const auto* t = std::get_if<task>(&e)) {
    row.waits_until = t->waits_until();
    row.priority = t->spec->priority;
    row.queue = t->spec->queue;
    row.task_kind = t->spec->kind;
  }
  return row;
}

}  // namespace

result<std::vector<entity>> memory_reader::load(std::span<const entity_id> ids) {
  if (auto ok = state_->may("load"); !ok)
    return std::move(ok).error();
  const std::lock_guard lock(state_->guard);
  std::vector<entity> found;
  for (const auto& id : ids)
    if (const auto it = state_->entities.find(id); it != state_->entities.end())
      found.push_back(it->second.state);
  return found;
}

result<std::vector<due_row>> memory_reader::due(shard_id shard, time_point until,
                                                const due_cursor& after, size_t limit) {
  if (auto ok = state_->may("due"); !ok)
    return std::move(ok).error();
  const std::lock_guard lock(state_->guard);
  std::vector<due_row> rows;
  const auto found = state_->shards.find(shard.value);
  if (found == state_->shards.end())
    return rows;
  const auto& index = found->second.due;
  for (auto it = index.upper_bound({after.at, after.id});
       it != index.end() && it->first <= until && rows.size() < limit; ++it)
    rows.push_back(row_of(state_->entities.at(it->second).state));
  return rows;
}

result<entity_page> memory_reader::list(const entity_query& query) {
  if (auto ok = state_->may("list"); !ok)
    return std::move(ok).error();
  std::optional<creation_key> after;
  if (!query.cursor.empty()) {
    auto parsed = parse_cursor(query.cursor);
    if (!parsed)
      return std::move(parsed).error();
    after = *parsed;
  }
  const std::lock_guard lock(state_->guard);
  const auto& index = state_->by_creation[static_cast<size_t>(query.kind)];
  entity_page page;
  std::optional<creation_key> last;
  // Answers false when the page is full.
  const auto take = [&](const creation_key& key) {
    const auto& state = state_->entities.at(key.second).state;
    if ((query.created_from != never && key.first < query.created_from) ||
        (query.created_to != never && key.first >= query.created_to) || !matches(query, state))
      return true;
    if (page.items.size() == query.limit) {
      page.next = last ? cursor_text(*last) : std::string{};
      return false;
    }
    page.items.push_back(state);
    last = key;
    return true;
  };
  if (query.order == list_order::oldest_first) {
    auto it = after ? index.upper_bound(*after) : index.begin();
    while (it != index.end() && take(*it))
      ++it;
  } else {
    auto it = std::make_reverse_iterator(after ? index.lower_bound(*after) : index.end());
    while (it != index.rend() && take(*it))
      ++it;
  }
  return page;
}

result<std::optional<task>> memory_reader::key_holder(shard_id shard, std::string_view key,
                                                      std::span<const entity_id> except) {
  if (auto ok = state_->may("key_holder"); !ok)
    return std::move(ok).error();
  const std::lock_guard lock(state_->guard);
  const auto found = state_->keys.find({shard.value, std::string(key)});
  if (found == state_->keys.end())
    return std::optional<task>{};
  for (auto one = found->second.rbegin(); one != found->second.rend(); ++one)
    if (std::ranges::find(except, one->second) == except.end())
      return std::optional(std::get<task>(state_->entities.at(one->second).state));
  return std::optional<task>{};
}

result<std::vector<queue_counts>> memory_reader::counts() {
  if (auto ok = state_->may("counts"); !ok)
    return std::move(ok).error();
  const std::lock_guard lock(state_->guard);
  std::vector<queue_counts> rows;
  for (const auto& [key, tasks] : state_->queues)
    rows.push_back({key.first, key.second, tasks});
  return rows;
}

result<std::vector<event_record>> memory_reader::history(entity_id id) {
  if (auto ok = state_->may("history"); !ok)
    return std::move(ok).error();
  const std::lock_guard lock(state_->guard);
  const auto found = state_->entities.find(id);
  if (found == state_->entities.end())
    return failure{errc::not_found, "there is no entity " + to_string(id)};
  return found->second.history;
}

result<std::vector<event_record>> memory_reader::journal(shard_id shard, position_t from,
                                                         size_t limit) {
  if (auto ok = state_->may("journal"); !ok)
    return std::move(ok).error();
  const std::lock_guard lock(state_->guard);
  std::vector<event_record> events;
  const auto found = state_->shards.find(shard.value);
  if (found == state_->shards.end())
    return events;
  const auto& s = found->second;
  const auto first = std::max<int64_t>(from.value, s.forgotten + 1);
  for (auto last = std::lower_bound(s.commits.begin(), s.commits.end(), position_t{first});
       last != s.commits.end() && events.size() < limit; ++last) {
    const auto next = first + static_cast<int64_t>(events.size());
    events.insert(events.end(), s.journal.begin() + (next - 1 - s.forgotten),
                  s.journal.begin() + (last->value - s.forgotten));
  }
  return events;
}

result<std::vector<shard_row>> memory_reader::shards() {
  if (auto ok = state_->may("shards"); !ok)
    return std::move(ok).error();
  const std::lock_guard lock(state_->guard);
  std::vector<shard_row> rows;
  for (const auto& [number, shard] : state_->shards)
    rows.push_back(shard.row);
  return rows;
}

result<std::vector<dead_letter>> memory_reader::dead_letters(size_t limit) {
  if (auto ok = state_->may("dead_letters"); !ok)
    return std::move(ok).error();
  const std::lock_guard lock(state_->guard);
  std::vector<dead_letter> letters;
  for (const auto& one : state_->letters)
    letters.push_back(one.letter);
  std::stable_sort(letters.begin(), letters.end(),
                   [](const auto& a, const auto& b) { return a.at > b.at; });
  if (letters.size() > limit)
    letters.resize(limit);
  return letters;
}

result<std::vector<numbered_letter>> memory_reader::letters_to_copy(shard_id shard, int64_t after,
                                                                    size_t limit) {
  if (auto ok = state_->may("letters_to_copy"); !ok)
    return std::move(ok).error();
  const std::lock_guard lock(state_->guard);
  std::vector<numbered_letter> found;
  for (const auto& one : state_->letters)
    if (one.letter.shard == shard && one.number > after && !one.copied && found.size() < limit)
      found.push_back({one.number, one.letter});
  return found;
}

}  // namespace orrery
