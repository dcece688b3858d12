/// The work exchange as carrier between the desks, dispatchers and tasks of two nodes.

#include "actors/work_exchange.hpp"
#include "codec/peer_notes.hpp"

namespace orrery::actors {

namespace {

/// A desk of another node says within this whether a worker took a lease.
constexpr auto taken_limit = std::chrono::seconds{10};

}  // namespace

void work_exchange::pass_on(work_leased& news) {
  const attempt which{news.item.lease.task, news.item.lease.token, {}};
  passed_on_[which] = {std::move(news.entity), news.desk, now() + taken_limit};
  say(news.desk, codec::encode_note(worker_notes::leased{news.claim, std::move(news.item)}));
}

void work_exchange::heard_note(const std::string& peer, const peer::note& note) {
  if (auto quota = codec::decode_quota_note(note))
    return send(context_.dispatcher, quota_from_peer{peer, std::move(*quota)});
  if (const auto of_attempt = codec::decode_attempt_note(note))
    return heard_of_attempt(peer, *of_attempt);
  auto read = codec::decode_worker_note(note);
  if (!read)
    return;  // of a newer program
  struct hearing {
    work_exchange& self;
    const std::string& peer;
    void operator()(worker_notes::want& x) const {
      self.send(self.context_.dispatcher, want_work{peer, std::move(x.wishes)});
    }
    void operator()(worker_notes::claim& x) const {
      auto claim = std::make_shared<lease_claim>();
      claim->number = x.number;
      claim->desk = peer;
      claim->worker = x.wish.worker;
      claim->seed = x.seed;
      self.send(self.context_.dispatcher, claim_work{std::move(claim), std::move(x.wish)});
    }
    void operator()(const worker_notes::claimed& x) const {
      self.send(self.context_.desk, work_claimed{self.context_.node, x.number, x.tasks});
    }
    void operator()(worker_notes::available& x) const {
      self.send(self.context_.desk, work_available{self.context_.node, peer, std::move(x.queue),
                                                   std::move(x.kind), x.tasks});
    }
    void operator()(worker_notes::leased& x) const {
      self.send(self.context_.desk,
                work_leased{self.context_.node, x.number, std::move(x.item), {}, peer});
    }
    void operator()(const worker_notes::declined& x) const {
      self.send(self.context_.desk, lease_declined{self.context_.node, x.number});
    }
    void operator()(const worker_notes::taken& x) const {
      const auto found = self.passed_on_.find({x.task, x.token, {}});
      if (found == self.passed_on_.end() || found->second.peer != peer)
        return;
      self.send(found->second.entity, lease_taken{{}, x.task, x.token, x.yes});
      self.passed_on_.erase(found);
    }
    void operator()(worker_notes::orders& x) const {
      self.send(self.context_.desk, give_orders{std::move(x.worker), x.what, true});
    }
  };
  std::visit(hearing{*this, peer}, *read);
}

void work_exchange::heard_of_attempt(const std::string& peer, const codec::attempt_note& note) {
  const attempt which{note.task, note.token, note.epoch};
  if (note.expired) {
    const auto found = away_.find(which);
    if (found != away_.end() && found->second.peer == peer)
      found->second.expired = true;
  } else if (const auto found = guests_.find(which);
             found != guests_.end() && found->second.owner == peer) {
    found->second.ends = now() + note.left;
  }
}

}  // namespace orrery::actors
