#include "app/view_proof.hpp"

#include <algorithm>
#include <thread>

namespace orrery::app {

namespace {

using namespace std::chrono_literals;

constexpr size_t proof_journal_page = 2000;
constexpr size_t proof_row_page = 500;
/// What differs may only be under way: it is looked at again so often.
constexpr int proof_looks = 5;
/// No kind of entity has as many.
constexpr uint8_t proof_statuses = 16;
constexpr auto proof_look_pause = 300ms;
/// Rows as young as this may be younger than the look at their shard, by the clock of another node.
constexpr duration proof_clock_slack = 60s;

std::string kind_in_words(entity_kind kind) {
  return kind == entity_kind::task ? "task" : kind == entity_kind::order ? "order" : "schedule";
}

uint64_t version_of_entity(const entity& e) {
  return std::visit([](const auto& one) { return one.version; }, e);
}

std::string state_in_words(const entity& e) {
  return std::string(status_text(kind_of(e), status_of(e))) + " after " +
         std::to_string(version_of_entity(e)) + " events";
}

}  // namespace

view_proof::view_proof(store& truth, statistics_source& statistics, const clock& time, say tell)
    : truth_(truth),
      reader_(truth.open_reader()),
      statistics_(statistics.open_statistics()),
      time_(time),
      began_(time.now() - proof_clock_slack),
      tell_(std::move(tell)) {}

result<void> view_proof::fold_on(folded& to) {
  for (;;) {
    const auto events =
        reader_->journal(to.shard, position_t{to.upto.value + 1}, proof_journal_page);
    if (!events)
      return events.error();
    if (events->empty())
      return {};
    for (const auto& record : *events) {
      auto& state = to.states[record.id];
      evolve(state, record);
      if (!state) {  // retention deleted the row
        to.states.erase(record.id);
        continue;
      }
      if (!std::holds_alternative<order_event>(record.event))
        continue;
      const auto& spec = *std::get<order>(*state).spec;
      to.statistics.add(record, spec);
      if (record.position <= to.mark)
        to.counted.add(record, spec);
    }
    totals_.events += events->size();
    to.upto = events->back().position;
  }
}

result<std::vector<entity_id>> view_proof::differing(const folded& whole,
                                                     std::vector<entity_id> ids) {
  std::vector<entity_id> differ;
  for (size_t at = 0; at < ids.size(); at += proof_row_page) {
    const std::span page(ids.data() + at, std::min(proof_row_page, ids.size() - at));
    const auto rows = reader_->load(page);
    if (!rows)
      return rows.error();
    std::unordered_map<entity_id, const entity*> found;
    for (const auto& row : *rows)
      found.emplace(id_of(row), &row);
    for (const auto id : page) {
      if (!whole.states.contains(id))
        continue;  // deleted meanwhile
      const auto row = found.find(id);
      if (row == found.end() || misfiled_.contains(id) || *row->second != *whole.states.at(id))
        differ.push_back(id);
    }
  }
  return differ;
}

result<void> view_proof::tell_rows(const folded& whole, const std::vector<entity_id>& ids) {
  const auto rows = reader_->load(ids);
  if (!rows)
    return rows.error();
  for (const auto id : ids) {
    const auto& journal = *whole.states.at(id);
    const auto row =
        std::find_if(rows->begin(), rows->end(), [&](const entity& e) { return id_of(e) == id; });
    tell_("shard " + std::to_string(whole.shard.value) + ": " + kind_in_words(kind_of(journal)) +
          ' ' + to_string(id) + ": the journal says " + state_in_words(journal) + ", the row " +
          (row == rows->end()       ? "is missing"
           : misfiled_.contains(id) ? "is listed under another status"
                                    : "says " + state_in_words(*row)));
  }
  return {};
}

status_counts view_proof::counts_of(const folded& whole, const status_counts& before) {
  status_counts counts;
  counts.attempts = before.attempts;
  for (const auto& [id, state] : whole.states) {
    if (kind_of(*state) == entity_kind::task)
      ++counts.tasks[status_of(*state)];
    else if (kind_of(*state) == entity_kind::order)
      ++counts.orders[status_of(*state)];
  }
  return counts;
}

/// Compared only where both tell of the same position.
result<bool> view_proof::counts_differ(const folded& whole) {
  const auto rows = reader_->shards();
  if (!rows)
    return rows.error();
  for (const auto& row : *rows)
    if (row.shard == whole.shard)
      return row.position == whole.upto && row.counts != counts_of(whole, row.counts);
  return false;
}

result<bool> view_proof::statistics_differ(const folded& whole) {
  const auto kept = statistics_->of_shard(whole.shard);
  if (!kept)
    return kept.error();
  return kept->upto == whole.mark && kept->rows != whole.counted.rows();
}

result<void> view_proof::check_shard(const shard_row& row, bool repair) {
  const auto mark = statistics_->mark(row.shard);
  if (!mark)
    return mark.error();
  folded whole;
  whole.shard = row.shard;
  whole.mark = *mark;
  if (auto ok = fold_on(whole); !ok)
    return ok;
  std::vector<entity_id> ids;
  for (const auto& [id, state] : whole.states)
    ids.push_back(id);
  auto rows = differing(whole, std::move(ids));
  for (int look = 1; rows && !rows->empty() && look < proof_looks; ++look) {
    std::this_thread::sleep_for(proof_look_pause);
    if (auto ok = fold_on(whole); !ok)
      return ok;
    rows = differing(whole, std::move(*rows));
  }
  if (!rows)
    return rows.error();
  const auto counts = counts_differ(whole);
  if (!counts)
    return counts.error();
  const auto figures = statistics_differ(whole);
  if (!figures)
    return figures.error();
  if (auto ok = tell_rows(whole, *rows); !ok)
    return ok;
  const auto place = "shard " + std::to_string(row.shard.value);
  if (*counts)
    tell_(place + ": the counts by status are not those of the journal");
  if (*figures)
    tell_(place + ": the statistics are not those of the journal");
  const auto sum = rows->size() + (*counts ? 1 : 0) + (*figures ? 1 : 0);
  totals_.differences += sum;
  totals_.entities += whole.states.size();
  if (repair && sum > 0) {
    if (auto ok = repair_rows(whole); !ok)
      return ok;
    totals_.repaired += sum;
  }
  for (const auto& [id, state] : whole.states)
    known_.insert(id);
  return {};
}

/// As the owner of the shard, so that nobody else writes meanwhile.
result<void> view_proof::repair_rows(folded& whole) {
  const auto journal = truth_.open_journal();
  const auto tenure = journal->acquire(whole.shard, "views-rebuild", time_.now());
  if (!tenure)
    return tenure.error();
  if (auto ok = fold_on(whole); !ok)
    return ok;
  std::vector<entity_id> ids;
  for (const auto& [id, state] : whole.states)
    ids.push_back(id);
  const auto differ = differing(whole, std::move(ids));
  if (!differ)
    return differ.error();
  const auto present = reader_->load(*differ);
  if (!present)
    return present.error();
  shard_batch batch;
  batch.shard = whole.shard;
  batch.epoch = tenure->epoch;
  batch.expected = tenure->position;
  batch.expected_next = batch.next = tenure->next;
  batch.counts = counts_of(whole, tenure->counts);
  for (const auto id : *differ) {
    const bool exists = std::any_of(present->begin(), present->end(),
                                    [&](const entity& e) { return id_of(e) == id; });
    batch.writes.push_back({*whole.states.at(id), !exists, {}});
  }
  const auto report = journal->commit(std::span(&batch, 1));
  if (report.outcome != commit_outcome::done)
    return failure{errc::unavailable, "the repair was not committed: " + report.detail};
  return statistics_->replace(whole.shard, {whole.upto, whole.statistics.rows()});
}

result<void> view_proof::check_lists() {
  for (const auto kind : {entity_kind::task, entity_kind::order, entity_kind::schedule})
    for (uint8_t status = 0; status < proof_statuses; ++status) {
      entity_query query;
      query.kind = kind;
      query.statuses = {status};
      query.order = list_order::oldest_first;
      query.limit = limits::list_items;
      do {
        const auto page = reader_->list(query);
        if (!page)
          return page.error();
        for (const auto& row : page->items) {
          listed_.emplace(id_of(row), std::visit([](const auto& e) { return e.created_at; }, row));
          if (status_of(row) != status)
            misfiled_.insert(id_of(row));
        }
        query.cursor = page->next;
      } while (!query.cursor.empty());
    }
  return {};
}

void view_proof::check_strangers() {
  for (const auto& [id, created_at] : listed_)
    // What was deleted since it was listed is no stranger.
    if (!known_.contains(id) && created_at < began_ &&
        reader_->load(std::span(&id, 1)).value_or(std::vector<entity>{}).size() == 1) {
      ++totals_.differences;
      tell_(to_string(id) + ": no journal knows this row");
    }
}

}  // namespace orrery::app
