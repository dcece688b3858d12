#include "actors/worker_desk.hpp"

#include "base/log.hpp"
#include "codec/peer_notes.hpp"

#include <algorithm>

namespace orrery::actors {

namespace {

constexpr auto desk_tick_length = std::chrono::milliseconds{50};
/// So long a claim may take: the start of each attempt is committed first.
constexpr auto claim_limit = std::chrono::seconds{5};
/// Other nodes forget that somebody waits here unless they hear it again.
constexpr auto interest_period = std::chrono::seconds{2};

/// A wish of the same kind counts once for those who are to be told of it.
bool same_interest(const lease_wish& a, const lease_wish& b) {
  return a.queues == b.queues && a.kinds == b.kinds && a.labels == b.labels;
}

}  // namespace

bool suits(const lease_wish& wish, const std::string& queue, const std::string& kind) {
  const auto named = [](const std::vector<std::string>& names, const std::string& one) {
    return names.empty() || std::find(names.begin(), names.end(), one) != names.end();
  };
  return named(wish.queues, queue) && named(wish.kinds, kind);
}

worker_desk::worker_desk(caf::actor_config& config, node_context& context)
    : caf::event_based_actor(config), context_(context) {}

caf::behavior worker_desk::make_behavior() {
  context_.probe.meters.desk.forget();
  return {
      [this](poll_for_work& wish) { came(wish); },
      [this](const worker_spoke& news) {
        auto& one = known(news.worker);
        one.heard_at = now();
        news.reply(one.orders);
      },
      [this](const give_orders& wish) { order(wish); },
      [this](const list_workers& wish) {
        std::vector<worker_row> rows;
        for (const auto& [name, one] : workers_)
          rows.push_back({name, std::chrono::duration_cast<duration>(now() - one.heard_at),
                          one.orders, one.leased});
        wish.reply(std::move(rows));
      },
      [this](const work_claimed& news) { claimed(news); },
      [this](work_leased& news) { leased(news); },
      [this](const lease_declined& news) {
        if (const auto found = polls_.find(news.claim); found != polls_.end()) {
          ++found->second.declined;
          settle(news.claim);
        }
      },
      [this](const work_available& news) { available(news); },
      [this](const sample_mailbox& wish) { wish.into->answer(mailbox().size(), steady_micros()); },
      [this](desk_tick) { tick(); },
  };
}

void worker_desk::on_exit() {
  for (auto& [number, one] : polls_)
    one.reply(failure{errc::unavailable, "the node stops; ask another"});
  polls_.clear();
  caf::event_based_actor::on_exit();
}

worker_desk::worker& worker_desk::known(const std::string& name) {
  if (workers_.size() >= workers_known && !workers_.contains(name)) {
    const auto oldest = std::min_element(
        workers_.begin(), workers_.end(),
        [](const auto& a, const auto& b) { return a.second.heard_at < b.second.heard_at; });
    workers_.erase(oldest);
  }
  return workers_[name];
}

void worker_desk::came(poll_for_work& wish) {
  auto& asks = known(wish.wish.worker);
  asks.heard_at = now();
  if (asks.orders.quiet || asks.orders.terminate)
    return wish.reply(lease_answer{{}, asks.orders});
  const auto number = ++last_;
  auto& one = polls_[number];
  one.wish = std::move(wish.wish);
  one.seed = wish.seed;
  one.reply = std::move(wish.reply);
  one.until = now() + one.wish.wait;
  one.candidates.push_back(context_.node);
  for (const auto& [node, load] : context_.loads.all())
    if (node != context_.node &&
        std::any_of(load.queues.begin(), load.queues.end(), [&](const queue_load& waiting) {
          return context_.is_external(waiting.kind) && suits(one.wish, waiting.queue, waiting.kind);
        }))
      one.candidates.push_back(node);
  ask_next(number, one);
  want_tick();
}

/// A claim at the next node that may have work; without one, waits to be told of some.
void worker_desk::ask_next(uint64_t number, poll& one) {
  if (one.candidates.empty()) {
    one.claiming = false;
    if (one.wish.wait == duration{} || now() >= one.until)
      return answer(number);
    if (std::none_of(told_.begin(), told_.end(),
                     [&](const lease_wish& other) { return same_interest(other, one.wish); }))
      tell_interest();
    return;
  }
  one.claimed_at = std::move(one.candidates.front());
  one.candidates.pop_front();
  one.claiming = true;
  one.expects.reset();
  one.declined = 0;
  one.claim_ends = now() + claim_limit;
  auto claim = std::make_shared<lease_claim>();
  claim->number = number;
  claim->desk = context_.node;
  claim->worker = one.wish.worker;
  claim->seed = one.seed;
  if (one.claimed_at == context_.node) {
    send(context_.dispatcher, claim_work{std::move(claim), one.wish});
  } else {
    to_node(one.claimed_at, codec::encode_note(worker_notes::claim{number, one.seed, one.wish}));
  }
}

void worker_desk::claimed(const work_claimed& news) {
  const auto found = polls_.find(news.claim);
  if (found == polls_.end() || !found->second.claiming)
    return;  // what it began comes here and is given back
  found->second.expects = news.tasks;
  settle(news.claim);
}

void worker_desk::leased(work_leased& news) {
  const auto found = polls_.find(news.claim);
  if (found == polls_.end())
    return take_or_leave(news, false);
  found->second.items.push_back(std::move(news));
  settle(found->first);
}

/// Whether all that the claim began has come.
void worker_desk::settle(uint64_t number) {
  auto& one = polls_.at(number);
  if (!one.expects || one.items.size() + one.declined < *one.expects)
    return;
  if (one.items.empty())
    ask_next(number, one);
  else
    answer(number);
}

void worker_desk::answer(uint64_t number) {
  auto one = std::move(polls_.at(number));
  polls_.erase(number);
  auto& asks = known(one.wish.worker);
  lease_answer out;
  out.orders = asks.orders;
  asks.leased += one.items.size();
  for (auto& item : one.items) {
    take_or_leave(item, true);
    out.items.push_back(std::move(item.item));
  }
  context_.probe.leases_handed_out.fetch_add(out.items.size(), std::memory_order_relaxed);
  one.reply(std::move(out));
}

void worker_desk::take_or_leave(const work_leased& what, bool taken) {
  const lease_taken news{what.from, what.item.lease.task, what.item.lease.token, taken};
  if (what.entity)
    send(what.entity, news);
  else
    to_node(what.from, codec::encode_note(worker_notes::taken{news.task, news.token, taken}));
}

/// Somewhere is work: those who wait for such claim it there, one task for each.
void worker_desk::available(const work_available& news) {
  auto left = news.tasks;
  const auto node = news.at.empty() ? context_.node : news.at;
  for (auto& [number, one] : polls_) {
    if (left == 0)
      return;
    if (!suits(one.wish, news.queue, news.kind))
      continue;
    if (one.claiming) {
      if (std::find(one.candidates.begin(), one.candidates.end(), node) == one.candidates.end())
        one.candidates.push_back(node);
      continue;
    }
    left -= std::min(left, one.wish.max);
    one.candidates.push_back(node);
    ask_next(number, one);
  }
}

void worker_desk::order(const give_orders& wish) {
  known(wish.worker).orders = wish.orders;
  if (!wish.passed_on)
    for (const auto& [node, load] : context_.loads.all())
      to_node(node, codec::encode_note(worker_notes::orders{wish.worker, wish.orders}));
  if (!wish.orders.quiet && !wish.orders.terminate)
    return;
  std::vector<uint64_t> told;
  for (const auto& [number, one] : polls_)
    if (one.wish.worker == wish.worker && !one.claiming)
      told.push_back(number);
  for (const auto number : told)
    answer(number);
}

void worker_desk::tell_interest() {
  want_work news{context_.node, {}};
  for (const auto& [number, one] : polls_)
    if (std::none_of(news.wishes.begin(), news.wishes.end(),
                     [&](const lease_wish& other) { return same_interest(other, one.wish); }))
      news.wishes.push_back(one.wish);
  interest_told_ = !news.wishes.empty();
  told_ = news.wishes;
  told_at_ = now();
  for (const auto& [node, load] : context_.loads.all())
    to_node(node, codec::encode_note(worker_notes::want{news.wishes}));
  send(context_.dispatcher, std::move(news));
}

void worker_desk::to_node(const std::string& node, peer_message message) {
  if (node != context_.node)
    send(context_.exchange, tell_peer{node, std::move(std::get<peer::note>(message))});
}

void worker_desk::want_tick() {
  if (!std::exchange(ticking_, true))
    delayed_send(this, desk_tick_length, desk_tick{});
}

void worker_desk::tick() {
  ticking_ = false;
  std::vector<uint64_t> over;
  std::vector<uint64_t> stuck;
  for (const auto& [number, one] : polls_) {
    if (one.claiming ? now() >= one.claim_ends && !one.items.empty() : now() >= one.until)
      over.push_back(number);
    else if (one.claiming && now() >= one.claim_ends)
      stuck.push_back(number);
  }
  for (const auto number : over)
    answer(number);
  for (const auto number : stuck)
    ask_next(number, polls_.at(number));
  if (now() - told_at_ >= interest_period && (interest_told_ || !polls_.empty()))
    tell_interest();
  if (!polls_.empty() || interest_told_)
    want_tick();
}

}  // namespace orrery::actors
