#include "app/statistics_office.hpp"

#include "base/crash_point.hpp"
#include "base/log.hpp"

#include <algorithm>
#include <unordered_set>

namespace orrery::app {

namespace {

constexpr size_t statistics_page = 2000;
constexpr size_t known_specs_max = 200'000;

/// Of orders whose rows retention has deleted: the journal still has their births.
result<void> find_births(entity_store& reader, shard_id shard, position_t before,
                         std::unordered_set<entity_id> wanted, known_specs& specs,
                         const std::stop_token& stop) {
  position_t at{0};
  while (!wanted.empty() && at < before) {
    if (stop.stop_requested())
      return failure{errc::unavailable, "the node is stopping"};
    const auto events = reader.journal(shard, position_t{at.value + 1}, statistics_page);
    if (!events)
      return events.error();
    if (events->empty())
      return {};
    for (const auto& record : *events) {
      const auto* event = std::get_if<order_event>(&record.event);
      const auto* born = event != nullptr ? std::get_if<order_created>(event) : nullptr;
      if (born != nullptr && wanted.erase(record.id) > 0)
        specs.insert_or_assign(record.id, born->spec);
    }
    at = events->back().position;
  }
  return {};
}

/// What an order is of never changes, so its row of now tells as well as one of then.
result<void> learn_specs(entity_store& reader, shard_id shard, position_t from,
                         std::vector<entity_id> ids, known_specs& specs,
                         const std::stop_token& stop) {
  std::sort(ids.begin(), ids.end());
  ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
  std::erase_if(ids, [&](entity_id id) { return specs.contains(id); });
  if (ids.empty())
    return {};
  auto rows = reader.load(ids);
  if (!rows)
    return std::move(rows).error();
  for (const auto& row : *rows)
    if (const auto* o = std::get_if<order>(&row))
      specs.insert_or_assign(o->id, o->spec);
  std::erase_if(ids, [&](entity_id id) { return specs.contains(id); });
  return find_births(reader, shard, from, {ids.begin(), ids.end()}, specs, stop);
}

}  // namespace

result<position_t> fold_page(entity_store& reader, shard_id shard, position_t from,
                             order_statistics_fold& fold, known_specs& specs,
                             const std::stop_token& stop) {
  const auto events = reader.journal(shard, position_t{from.value + 1}, statistics_page);
  if (!events)
    return events.error();
  if (events->empty())
    return from;
  std::vector<entity_id> ids;
  if (specs.size() > known_specs_max)
    specs.clear();
  for (const auto& record : *events) {
    const auto* event = std::get_if<order_event>(&record.event);
    if (event == nullptr)
      continue;
    if (const auto* born = std::get_if<order_created>(event))
      specs.insert_or_assign(record.id, born->spec);
    else if (status_led_to(*event))
      ids.push_back(record.id);
  }
  if (auto ok = learn_specs(reader, shard, from, std::move(ids), specs, stop); !ok)
    return std::move(ok).error();
  for (const auto& record : *events)
    if (std::holds_alternative<order_event>(record.event))
      if (const auto spec = specs.find(record.id); spec != specs.end())
        fold.add(record, *spec->second);
  return events->back().position;
}

statistics_office::statistics_office(statistics_source& where, store& truth, statistics_options how)
    : counting_(where.open_statistics()),
      reader_(truth.open_reader()),
      answering_(where.open_statistics()),
      how_(std::move(how)) {}

statistics_office::~statistics_office() { stop(); }

void statistics_office::start() {
  counts_ = std::jthread([this](const std::stop_token& stop) {
    name_this_thread("statistics-fold");
    run(stop);
  });
}

void statistics_office::stop() {
  counts_.request_stop();
  if (counts_.joinable())
    counts_.join();
  worker_.stop();
}

void statistics_office::run(const std::stop_token& stop) {
  std::unique_lock lock(guard_);
  while (!wake_.wait_for(lock, stop, how_.pause, [&] { return stop.stop_requested(); })) {
    const auto rows = reader_->shards();
    if (!rows) {
      log::debug("statistics.not_read", {{"detail", rows.error().detail}});
      continue;
    }
    for (const auto& row : *rows)
      if (row.owner == how_.node && !stop.stop_requested())
        count_shard(row, stop);
  }
}

/// Up to where the journal stood. The figures and the mark are one transaction, and the mark must be
/// where the page began: so a kill, or two nodes at once, count nothing twice and skip nothing.
void statistics_office::count_shard(const shard_row& row, const std::stop_token& stop) {
  const auto& orders = row.counts.orders;
  auto at = counting_->mark(row.shard);
  if (at && at->value == 0 &&
      std::all_of(orders.begin(), orders.end(), [](int64_t n) { return n == 0; }))
    return;           // tasks alone are not worth a second reading
  known_specs specs;  // far behind, the rows of old orders may be deleted
  while (at && *at < row.position && !stop.stop_requested()) {
    order_statistics_fold fold;
    const auto upto = fold_page(*reader_, row.shard, *at, fold, specs, stop);
    if (!upto)
      return log::debug("statistics.not_read", {{"detail", upto.error().detail}});
    if (*upto == *at)
      return;
    const auto rows = fold.rows();
    const auto added = counting_->add(row.shard, *at, *upto, rows);
    if (!added)
      return log::debug("statistics.not_written", {{"detail", added.error().detail}});
    at = *added ? result<position_t>(*upto) : counting_->mark(row.shard);
  }
}

void statistics_office::find(statistics_query query,
                             std::function<void(result<std::vector<order_statistic>>)> done) {
  if (!worker_.submit([this, query = std::move(query), done] { done(answering_->find(query)); }))
    done(failure{errc::busy, "too many questions about statistics at once"});
}

}  // namespace orrery::app
