#include "actors/peer_link.hpp"

#include "codec/peer_messages.hpp"

namespace orrery::actors {

peer_link::peer_link(std::string self, uint64_t session, peer_times times, instant now)
    : self_(std::move(self)), times_(times), mine_(session), heard_at_(now), receipt_at_(now) {}

void peer_link::say(const peer_message& message) { out_.push_back(codec::encode(message)); }

std::optional<std::string> peer_link::next_packet(instant now) {
  if (on_its_way_ || (theirs_ == 0 && now < quiet_until_))
    return std::nullopt;
  // It may have arrived: it is repeated as it was, also where it held nothing. Its number would be taken
  // for it, and what is said under it by now be lost.
  const bool repeats = unanswered_;
  if (out_.empty() && sent_at_ != instant{} && now - sent_at_ < times_.keep_alive)
    return std::nullopt;
  if (failed_ && now - sent_at_ < times_.keep_alive / 5)
    return std::nullopt;
  std::vector<std::string_view> pieces;
  size_t bytes = 0;
  const auto most = repeats ? sent_pieces_ : out_.size();
  for (size_t i = 0; i < most; ++i) {
    bytes += out_[i].size();
    if (!repeats && !pieces.empty() && bytes > codec::peer_packet_bytes)
      break;
    pieces.emplace_back(out_[i]);
  }
  // The first packet only makes the two known to each other: what it said could be taken twice by a peer
  // that begins anew on hearing it.
  if (theirs_ == 0)
    pieces.clear();
  peer_packet head;
  head.from = self_;
  head.session = mine_;
  head.of = theirs_;
  head.number = next_out_;
  sent_pieces_ = pieces.size();
  sent_session_ = mine_;
  sent_at_ = now;
  on_its_way_ = unanswered_ = true;
  return codec::encode(head, pieces);
}

bool peer_link::answered(const result<peer_receipt>& receipt, instant now) {
  on_its_way_ = false;
  failed_ = !receipt;
  if (sent_session_ != mine_) {
    sent_pieces_ = 0;  // of a session that has broken meanwhile
    unanswered_ = false;
    return false;
  }
  if (!receipt)
    return false;  // repeated, until the lease is over
  if (!receipt->taken || (theirs_ != 0 && receipt->session != theirs_)) {
    const bool known = theirs_ != 0;
    begin_anew(now);
    // Both may have begun anew while packets and receipts crossed, and would do so for ever: the one with
    // the lesser name waits to be spoken to. (Sessions may overtake each other, names do not.)
    if (other_.empty() ? mine_ < receipt->session : self_ < other_)
      quiet_until_ = now + times_.keep_alive;
    return known;
  }
  theirs_ = receipt->session;
  receipt_at_ = now;
  ++next_out_;
  unanswered_ = false;
  out_.erase(out_.begin(), out_.begin() + static_cast<std::ptrdiff_t>(sent_pieces_));
  sent_pieces_ = 0;
  return false;
}

peer_link::heard peer_link::packet(peer_packet in, instant now) {
  heard out;
  other_ = in.from;
  // Of a session that is long over, or meant for one of ours: the sender will begin anew.
  if (in.session < theirs_ || (in.of != 0 && in.of != mine_)) {
    out.receipt = {mine_, false};
    return out;
  }
  if (in.session != theirs_) {
    if (theirs_ != 0) {
      begin_anew(now);
      out.broke = true;
    }
    theirs_ = in.session;
    last_in_ = 0;
  }
  if (in.number != last_in_ + 1 && in.number != last_in_) {
    out.receipt = {mine_, false};
    return out;
  }
  heard_at_ = now;
  received_any_ = true;
  out.receipt = {mine_, true};
  if (in.number == last_in_ + 1) {
    last_in_ = in.number;
    out.messages = std::move(in.messages);
  }
  return out;
}

bool peer_link::look(instant now) {
  if (now - heard_at_ <= times_.lease && now - receipt_at_ <= times_.lease)
    return false;
  const bool known = theirs_ != 0;
  begin_anew(now);
  return known;
}

void peer_link::begin_anew(instant now) {
  ++mine_;
  theirs_ = 0;
  last_in_ = 0;
  next_out_ = 1;
  received_any_ = unanswered_ = false;
  sent_pieces_ = 0;
  out_.clear();
  sent_at_ = {};
  heard_at_ = receipt_at_ = now;
}

}  // namespace orrery::actors
