#include "actors/work_exchange.hpp"

#include "base/log.hpp"
#include "codec/peer_messages.hpp"
#include "codec/peer_notes.hpp"
#include "codec/sleep_payload.hpp"

#include <algorithm>

namespace orrery::actors {

namespace {

constexpr auto exchange_tick_length = std::chrono::milliseconds{100};
/// A packet is repeated within the lease, so one question need not wait for longer.
constexpr auto packet_limit = std::chrono::milliseconds{1000};

}  // namespace

work_exchange::work_exchange(caf::actor_config& config, node_context& context)
    : caf::event_based_actor(config), context_(context) {}

caf::behavior work_exchange::make_behavior() {
  context_.probe.meters.exchange.forget();
  delayed_send(this, exchange_tick_length, exchange_tick{});
  return {
      [this](ask_for_slots& wish) {
        say(wish.peer, peer::borrow{std::move(wish.kind), wish.slots});
      },
      [this](return_slots& wish) {
        say(wish.peer, peer::give_back{std::move(wish.kind), wish.slots});
      },
      [this](lend_slots& wish) {
        say(wish.peer, peer::lend{std::move(wish.kind), wish.slots});
      },
      [this](recall_slots& wish) {
        say(wish.peer, peer::recall{std::move(wish.kind), wish.slots});
      },
      [this](own_load& news) {
        for (auto& [peer, over] : links_)
          if (over.is_up())
            say(peer, peer::load{news.load});
        context_.loads.set(context_.node, std::move(news.load));
      },
      [this](start_away& wish) { start(wish); },
      [this](const stop_away& wish) {
        const auto found = away_.find({wish.id, wish.token, wish.epoch});
        if (found != away_.end() && !found->second.lost_at)
          say(found->second.peer, peer::stop{wish.id, wish.token, wish.epoch, wish.mode});
      },
      [this](const prolong_away& wish) {
        const auto found = away_.find({wish.id, wish.token, wish.epoch});
        if (found != away_.end() && !found->second.lost_at)
          say(found->second.peer,
              codec::encode_note(codec::attempt_note{wish.id, wish.token, wish.epoch, wish.left}));
      },
      [this](peer_packet_came& news) { packet_came(news); },
      [this](peer_packet_answered& news) { packet_answered(news); },
      [this](guest_ended& news) { guest_is_done(news); },
      [this](tell_peer& wish) { say(wish.peer, std::move(wish.note)); },
      [this](quota_to_peer& wish) { say(wish.peer, codec::encode_note(wish.note)); },
      [this](const work_claimed& news) {
        say(news.desk, codec::encode_note(worker_notes::claimed{news.claim, news.tasks}));
      },
      [this](const work_available& news) {
        say(news.desk,
            codec::encode_note(worker_notes::available{news.queue, news.kind, news.tasks}));
      },
      [this](work_leased& news) { pass_on(news); },
      [this](const lease_declined& news) {
        say(news.desk, codec::encode_note(worker_notes::declined{news.claim}));
      },
      [this](const sample_mailbox& wish) { wish.into->answer(mailbox().size(), steady_micros()); },
      [this](exchange_tick) { tick(); },
      [this](close_exchange& wish) {
        closing_ = std::move(wish.done);
        close_by_ = now() + context_.limits.drain_limit;
        std::vector<attempt> all;
        for (const auto& [which, one] : guests_)
          all.push_back(which);
        for (const auto& which : all)
          stop_guest(which, stop_mode::graceful);
        close_if_done();
      },
  };
}

void work_exchange::on_exit() {
  for (auto& [which, one] : guests_)
    if (one.runs != nullptr)
      one.runs->stop(which.task, which.token, stop_mode::now);
  guests_.clear();
  away_.clear();
  passed_on_.clear();
  caf::event_based_actor::on_exit();
}

peer_link& work_exchange::link(const std::string& peer) {
  const auto found = links_.find(peer);
  if (found != links_.end())
    return found->second;
  // Later ones are greater, also after a restart of this node.
  last_session_ = std::max(last_session_ + 1, static_cast<uint64_t>(micros(context_.time.now())));
  return links_.emplace(peer, peer_link(context_.node, last_session_, context_.peer_timing, now()))
      .first->second;
}

void work_exchange::say(const std::string& peer, const peer_message& message) {
  auto& over = link(peer);
  if (!over.is_up())
    return;  // what was agreed with it is void, and both sides know or learn it
  over.say(message);
  send_packet(peer, over);
}

void work_exchange::send_packet(const std::string& peer, peer_link& over) {
  if (context_.network == nullptr)
    return;
  if (auto packet = over.next_packet(now()))
    context_.network->send(peer, std::move(*packet), packet_limit,
                           [self = caf::actor_cast<caf::actor>(this), peer](auto receipt) {
                             caf::anon_send(self, peer_packet_answered{peer, std::move(receipt)});
                           });
}

void work_exchange::packet_came(peer_packet_came& news) {
  auto packet = codec::decode_peer_packet(news.bytes);
  if (!packet || packet->from == context_.node) {
    log::warning("exchange.bad_packet", {{"bytes", news.bytes.size()}});
    return news.answer({});
  }
  const auto peer = packet->from;
  auto& over = link(peer);
  auto told = over.packet(std::move(*packet), now());
  news.answer(codec::encode(told.receipt));
  if (told.broke)
    broke(peer);
  for (auto& message : told.messages)
    heard(peer, message);
  send_packet(peer, over);
}

void work_exchange::packet_answered(peer_packet_answered& news) {
  const auto found = links_.find(news.peer);
  if (found == links_.end())
    return;
  result<peer_receipt> receipt = failure{errc::unavailable, "not answered"};
  if (news.receipt)
    receipt = codec::decode_peer_receipt(*news.receipt);
  if (found->second.answered(receipt, now()))
    broke(news.peer);
  if (receipt)
    send_packet(news.peer, found->second);
  close_if_done();
}

/// Nothing that was agreed with that node holds any more.
void work_exchange::broke(const std::string& peer) {
  log::info("exchange.session_broke", {{"peer", peer}});
  for (auto& [which, one] : away_)
    if (one.peer == peer && !one.lost_at)
      one.lost_at = now() + context_.peer_timing.lease;
  std::vector<attempt> orphans;
  for (auto& [which, one] : guests_)
    if (one.owner == peer && one.wanted) {
      one.wanted = false;
      orphans.push_back(which);
    }
  for (const auto& which : orphans)
    stop_guest(which, stop_mode::now);
  context_.loads.remove(peer);
  send(context_.dispatcher, peer_gone{peer});
}

void work_exchange::heard(const std::string& peer, peer_message& message) {
  struct hearing {
    work_exchange& self;
    const std::string& peer;
    void operator()(peer::load& news) const {
      self.context_.loads.set(peer, news.of);
      self.send(self.context_.dispatcher, peer_told_load{peer, std::move(news.of)});
    }
    void operator()(peer::borrow& wish) const {
      if (self.closing_)
        return self.say(peer, peer::lend{std::move(wish.kind), 0});
      self.send(self.context_.dispatcher, slots_wanted{peer, std::move(wish.kind), wish.slots});
    }
    void operator()(peer::lend& news) const {
      self.send(self.context_.dispatcher, slots_borrowed{peer, std::move(news.kind), news.slots});
    }
    void operator()(peer::give_back& news) const {
      self.send(self.context_.dispatcher, slots_came_back{peer, std::move(news.kind), news.slots});
    }
    void operator()(peer::recall& wish) const {
      self.send(self.context_.dispatcher, slots_recalled{peer, std::move(wish.kind), wish.slots});
    }
    void operator()(peer::start& wish) const { self.take_guest(peer, std::move(wish.item)); }
    void operator()(const peer::stop& wish) const {
      const attempt which{wish.task, wish.token, wish.epoch};
      const auto found = self.guests_.find(which);
      if (found != self.guests_.end() && found->second.owner == peer)
        return self.stop_guest(which, wish.mode);
      // It has ended, and the owner hears of it, or never came here: nothing of it is left in any case.
      work_outcome gone;
      gone.error = gone.error_code = "stopped";
      self.say(peer, peer::ended{wish.task, wish.token, wish.epoch, std::move(gone), false});
    }
    void operator()(peer::ended& news) const { self.ended(peer, news); }
    void operator()(const peer::note& note) const { self.heard_note(peer, note); }
  };
  std::visit(hearing{*this, peer}, message);
}

/// Work that its owner should have stopped: the owner is gone, or its word is on the way or lost.
void work_exchange::stop_overdue_guests() {
  std::vector<attempt> overdue;
  for (auto& [which, one] : guests_)
    if (one.ends <= now() && !std::exchange(one.expired, true))
      overdue.push_back(which);
  for (const auto& which : overdue) {
    codec::attempt_note note{which.task, which.token, which.epoch};
    note.expired = true;
    say(guests_.at(which).owner, codec::encode_note(note));
    stop_guest(which, stop_mode::graceful);
  }
}

void work_exchange::tick() {
  stop_overdue_guests();
  // Alone there is only the load to be told.
  delayed_send(this, context_.network != nullptr ? exchange_tick_length : exchange_tick_length * 10,
               exchange_tick{});
  if (context_.network != nullptr)
    for (const auto& peer : context_.network->reachable())
      if (peer != context_.node)
        (void)link(peer);
  for (auto& [peer, over] : links_) {
    if (over.look(now()))
      broke(peer);
    send_packet(peer, over);
  }
  std::vector<std::pair<attempt, caf::actor>> lost;
  for (auto& [which, one] : away_)
    if (one.lost_at && *one.lost_at <= now())
      lost.emplace_back(which, std::move(one.entity));
  for (auto& [which, entity] : lost) {
    away_.erase(which);
    context_.probe.attempts_lost_away.fetch_add(1, std::memory_order_relaxed);
    send(entity, work_done{.token = which.token, .lost = true});
  }
  std::erase_if(passed_on_, [&](auto& entry) {
    const bool over = entry.second.until <= now();
    if (over)  // nobody said that a worker took it: the attempt is taken back
      send(entry.second.entity, lease_taken{{}, entry.first.task, entry.first.token, false});
    return over;
  });
  if (now() - load_told_ >= context_.peer_timing.keep_alive) {
    load_told_ = now();
    send(context_.dispatcher, tell_load{});
  }
  close_if_done();
}

// Our attempts elsewhere.

void work_exchange::start(start_away& wish) {
  const attempt which{wish.item.task, wish.item.token, wish.item.epoch};
  const bool up = link(wish.peer).is_up();
  auto& one = away_[which];
  one = {std::move(wish.entity), wish.peer, std::nullopt, false};
  if (!up) {
    one.lost_at = now();  // its slot went with the session; it never began there
    return;
  }
  context_.probe.attempts_away.fetch_add(1, std::memory_order_relaxed);
  say(wish.peer, peer::start{std::move(wish.item)});
}

void work_exchange::ended(const std::string& peer, peer::ended& news) {
  const auto found = away_.find({news.task, news.token, news.epoch});
  if (found == away_.end() || found->second.peer != peer || found->second.lost_at)
    return;  // of a session that broke: it counts as lost, whatever came of it
  send(found->second.entity, work_done{.token = news.token,
                                       .outcome = std::move(news.outcome),
                                       .interrupted = news.interrupted,
                                       .expired = found->second.expired});
  away_.erase(found);
}

// Attempts of others here.

void work_exchange::take_guest(const std::string& owner, work_item item) {
  const attempt which{item.task, item.token, item.epoch};
  auto& one = guests_[which];
  one.owner = owner;
  one.wanted = true;
  one.ends = now() + item.ttl;
  const auto self = caf::actor_cast<caf::actor>(this);
  const auto refuse = [&](std::string why, std::string code, bool retryable) {
    guest_ended news{owner, which.task, which.token, which.epoch, {}};
    news.outcome.error = std::move(why);
    news.outcome.error_code = std::move(code);
    news.outcome.retryable = retryable;
    guest_is_done(news);
  };
  context_.probe.guests_started.fetch_add(1, std::memory_order_relaxed);
  if (closing_)
    return refuse("the node stops", "interrupted", true);
  if (item.kind == "noop") {
    guest_ended news{owner, which.task, which.token, which.epoch, {}};
    news.outcome.succeeded = true;
    return guest_is_done(news);
  }
  if (item.kind == "sleep") {
    const auto wish = codec::read_sleep_payload(item.payload);
    if (!wish)
      return refuse(wish.error().detail, "bad-payload", false);
    guest_ended news{owner, which.task, which.token, which.epoch, {}};
    news.outcome.succeeded = wish->error.empty();
    news.outcome.error = wish->error;
    news.outcome.error_code = wish->error.empty() ? "" : "asked-to-fail";
    delayed_send(this, std::chrono::duration_cast<caf::timespan>(wish->length), std::move(news));
    return;
  }
  const auto found = context_.executors.find(item.kind);
  if (found == context_.executors.end())
    return refuse("no executor for kind " + item.kind + " on " + context_.node, "unknown-kind",
                  false);
  one.runs = found->second;
  try {
    one.runs->start(std::move(item), [self, owner, which](work_outcome outcome) {
      caf::anon_send(self,
                     guest_ended{owner, which.task, which.token, which.epoch, std::move(outcome)});
    });
  } catch (const std::exception& e) {
    log::error("exchange.executor_threw", {{"what", e.what()}});
    refuse(std::string("the executor broke: ") + e.what(), "executor-broke", true);
  }
}

void work_exchange::stop_guest(const attempt& which, stop_mode mode) {
  const auto found = guests_.find(which);
  if (found == guests_.end())
    return;
  if (found->second.runs != nullptr)
    return found->second.runs->stop(which.task, which.token, mode);  // `guest_ended` follows
  guest_ended news{found->second.owner, which.task, which.token, which.epoch, {}};
  news.outcome.error = news.outcome.error_code = "stopped";
  guest_is_done(news);
}

void work_exchange::guest_is_done(guest_ended& news) {
  const auto found = guests_.find({news.task, news.token, news.epoch});
  if (found == guests_.end() || found->second.owner != news.owner)
    return;  // a sleep that was stopped before
  const bool wanted = found->second.wanted;
  guests_.erase(found);
  if (wanted) {
    auto& outcome = news.outcome;
    if (outcome.output.size() > codec::peer_output_bytes)
      outcome.output.erase(0, outcome.output.size() - codec::peer_output_bytes);
    outcome.error.resize(std::min(outcome.error.size(), limits::text_bytes));
    if (outcome.result.size() > limits::result_bytes) {
      outcome = {};
      outcome.error = "the result is larger than 256 KiB";
      outcome.error_code = "result-too-large";
      outcome.retryable = false;
    }
    const bool interrupted = closing_ && !outcome.succeeded;
    say(news.owner,
        peer::ended{news.task, news.token, news.epoch, std::move(outcome), interrupted});
  }
  close_if_done();
}

void work_exchange::close_if_done() {
  if (!closing_)
    return;
  const bool silent = std::all_of(links_.begin(), links_.end(),
                                  [](const auto& one) { return one.second.waiting() == 0; });
  if ((guests_.empty() && silent) || now() >= close_by_)
    std::exchange(closing_, [] {})();
}

}  // namespace orrery::actors
