#include "actors/retention_sweeper.hpp"

#include "base/log.hpp"

#include <algorithm>
#include <set>

namespace orrery::actors {

namespace {

constexpr size_t page_rows = 500;
constexpr auto shard_patience = std::chrono::seconds{30};
/// A pass may take a tenth of the time.
constexpr int pause_per_pass = 10;

std::vector<uint8_t> end_states(entity_kind kind, int status) {
  if (status >= 0)
    return {static_cast<uint8_t>(status)};
  std::vector<uint8_t> all;
  const auto count = kind == entity_kind::task ? task_statuses : order_statuses;
  for (size_t i = 0; i < count; ++i)
    if (kind == entity_kind::task ? is_final(static_cast<task_status>(i))
                                  : is_final(static_cast<order_status>(i)))
      all.push_back(static_cast<uint8_t>(i));
  return all;
}

time_point finished_at(const entity& e) {
  return std::visit([](const auto& one) { return one.finished_at; }, e);
}

/// Leaves out the children that their parents still need.
result<void> keep_children(entity_store& store, std::vector<entity>& over) {
  std::set<entity_id> parents;
  for (const auto& e : over)
    if (const auto parent = parent_of(e); !parent.is_nil())
      parents.insert(parent);
  if (parents.empty())
    return {};
  const auto found = store.load(std::vector(parents.begin(), parents.end()));
  if (!found)
    return found.error();
  std::map<entity_id, const entity*> by_id;
  for (const auto& one : *found)
    by_id.emplace(id_of(one), &one);
  std::erase_if(over, [&](const entity& e) {
    const auto parent = by_id.find(parent_of(e));
    return parent != by_id.end() && needs(*parent->second, id_of(e));
  });
  return {};
}

}  // namespace

retention_sweeper::retention_sweeper(caf::actor_config& config, node_context& context,
                                     caf::actor bridge)
    : caf::event_based_actor(config), context_(context), bridge_(std::move(bridge)) {
  for (const auto kind : {entity_kind::task, entity_kind::order})
    for (const auto& rule : context_.limits.retention_of(kind).rules())
      if (rule.keep != kept_for_ever)
        rules_.push_back({kind, rule});
}

caf::behavior retention_sweeper::make_behavior() {
  if (!rules_.empty())
    send(this, sweep_begin{});
  return {
      [this](sweep_begin) { begin(); },
      [this](sweep_shards& news) { shards_are(std::move(news.owned)); },
      [this](const sweep_marks& news) {
        if (!news.rows)
          return rest();
        note_marks(*news.rows);
        rule_ = 0;
        cursor_.clear();
        next_rule();
      },
      [this](const sweep_page& page) { take(page); },
      [this](const sweep_erased& news) {
        context_.probe.rows_erased.fetch_add(news.rows, std::memory_order_relaxed);
        if (news.page == page_ && open_ > 0 && --open_ == 0)
          go_on();
      },
      [this](const sweep_give_up& wish) {
        if (wish.page == page_ && std::exchange(open_, 0) > 0)
          go_on();
      },
  };
}

void retention_sweeper::begin() {
  begun_ = clock().now();
  anon_send(bridge_, list_owned{[self = caf::actor_cast<caf::actor>(this)](auto owned) {
              caf::anon_send(self, sweep_shards{std::move(owned)});
            }});
}

void retention_sweeper::shards_are(list_owned::answer owned) {
  owned_ = {owned.begin(), owned.end()};
  if (owned_.empty())
    return rest();
  const auto self = caf::actor_cast<caf::actor>(this);
  context_.reads.run(
      [self](entity_store& store) { caf::anon_send(self, sweep_marks{store.shards()}); },
      [self] { caf::anon_send(self, sweep_marks{}); });
}

/// Events up to a position that was the last one at some time were all made before that time.
void retention_sweeper::note_marks(const std::vector<shard_row>& rows) {
  std::erase_if(marks_, [&](const auto& one) { return !owned_.contains(one.first); });
  for (const auto& row : rows) {
    if (!owned_.contains(row.shard))
      continue;
    const auto [place, fresh] = marks_.try_emplace(row.shard);
    auto& mark = place->second;
    // As the outbox knows it: the store is told later, and not of what has no status event.
    const position_t published{
        context_.probe.meters.shards.of(row.shard).published.load(std::memory_order_relaxed)};
    if (!fresh && published >= mark.position)
      mark.published_to = mark.at;
    if (fresh || published >= mark.position)
      mark.position = row.position, mark.at = context_.time.now();
  }
}

void retention_sweeper::next_rule() {
  if (rule_ >= rules_.size())
    return rest();
  read_page();
}

void retention_sweeper::read_page() {
  const auto& [kind, rule] = rules_[rule_];
  const auto at = context_.time.now();
  entity_query query;
  query.kind = kind;
  query.statuses = end_states(kind, rule.status);
  query.task_kind = rule.task_kind;
  query.created_to = at - rule.keep;
  query.order = list_order::oldest_first;
  query.cursor = cursor_;
  query.limit = page_rows;
  for (const auto& [shard, actor] : owned_)
    query.shards.push_back(shard);
  const auto self = caf::actor_cast<caf::actor>(this);
  auto look = [self, query, at, marks = marks_,
               rules = context_.limits.retention_of(kind)](entity_store& store) {
    auto page = store.list(query);
    if (!page)
      return caf::anon_send(self, sweep_page{page.error(), {}});
    std::erase_if(page->items, [&](const entity& e) {
      const auto mark = marks.find(id_of(e).shard());
      return !rules.may_erase(e, at) || mark == marks.end() ||
             finished_at(e) >= mark->second.published_to;
    });
    if (auto ok = keep_children(store, page->items); !ok)
      return caf::anon_send(self, sweep_page{ok.error(), {}});
    std::vector<entity_id> ids;
    for (const auto& e : page->items)
      ids.push_back(id_of(e));
    caf::anon_send(self, sweep_page{std::move(ids), std::move(page->next)});
  };
  context_.reads.run(std::move(look), [self] { caf::anon_send(self, sweep_page{}); });
}

void retention_sweeper::take(const sweep_page& page) {
  if (!page.over)
    return rest();  // the store is away or busy: the next pass begins anew
  cursor_ = page.next;
  std::map<shard_id, std::vector<entity_id>> by_shard;
  for (const auto id : *page.over)
    by_shard[id.shard()].push_back(id);
  ++page_;
  open_ = 0;
  const auto self = caf::actor_cast<caf::actor>(this);
  for (auto& [shard, ids] : by_shard) {
    const auto found = owned_.find(shard);
    if (found == owned_.end())
      continue;
    ++open_;
    send(found->second, erase_ended{std::move(ids), [self, number = page_](size_t rows) {
                                      caf::anon_send(self, sweep_erased{number, rows});
                                    }});
  }
  if (open_ == 0)
    return go_on();
  delayed_send(this, shard_patience, sweep_give_up{page_});
}

void retention_sweeper::go_on() {
  if (!cursor_.empty())
    return read_page();
  ++rule_;
  next_rule();
}

void retention_sweeper::rest() {
  owned_.clear();  // handles would keep lost shards alive
  const auto pass = clock().now() - begun_;
  const auto pause = std::max<caf::timespan>(
      std::chrono::duration_cast<caf::timespan>(context_.limits.retention_look),
      pass * pause_per_pass);
  delayed_send(this, pause, sweep_begin{});
}

}  // namespace orrery::actors
