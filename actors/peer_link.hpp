#pragma once
/// The session between this node and one other: messages in order, each once, or the whole session breaks
/// and both sides forget what they had agreed within it.
///
/// Pure: knows neither sockets nor actors, and is told what time it is. One packet is on its way at a
/// time; what is said meanwhile gathers for the next. An idle side still sends every `keep_alive`. A side
/// that has heard nothing, or had no receipt, for `lease` breaks the session. So whoever borrows a slot
/// may count on its work having been stopped `lease` after its own side broke, at the latest.

#include "domain/ports/peers.hpp"

#include <chrono>
#include <deque>
#include <optional>

namespace orrery::actors {

struct peer_times {
  duration keep_alive = 500ms;
  duration lease = 2s;
};

class peer_link {
public:
  /// Any steady clock's time.
  using instant = std::chrono::steady_clock::time_point;

  /// `session` must be greater than that of any earlier link of this node to that peer.
  peer_link(std::string self, uint64_t session, peer_times times, instant now);

  /// Says something. Dropped when the session breaks.
  void say(const peer_message& message);

  /// The packet to send now, where there is one and none is on its way.
  std::optional<std::string> next_packet(instant now);
  /// What became of the packet. True: the session broke.
  [[nodiscard]] bool answered(const result<peer_receipt>& receipt, instant now);

  struct heard {
    bool broke = false;  ///< The session broke before `messages`, which belong to a new one.
    peer_receipt receipt;
    std::vector<peer_message> messages;
  };
  heard packet(peer_packet in, instant now);

  /// True: the session broke, as the lease is over.
  [[nodiscard]] bool look(instant now);
  /// Whether both sides know each other.
  bool is_up() const noexcept { return theirs_ != 0 && received_any_; }
  size_t waiting() const noexcept { return out_.size(); }

private:
  void begin_anew(instant now);

  const std::string self_;
  std::string other_;  ///< Once it has spoken.
  const peer_times times_;
  uint64_t mine_;
  uint64_t theirs_ = 0;
  uint64_t last_in_ = 0;
  uint64_t next_out_ = 1;
  bool received_any_ = false;
  bool on_its_way_ = false;
  bool unanswered_ = false;    ///< The packet of number `next_out_` was sent, and may have arrived.
  bool failed_ = false;        ///< The last packet was not answered in time.
  uint64_t sent_session_ = 0;  ///< Of the packet on its way.
  size_t sent_pieces_ = 0;     ///< Of `out_`, those in the packet on its way or to be repeated.
  std::deque<std::string> out_;
  instant sent_at_{};
  instant quiet_until_{};  ///< Until then the other speaks first.
  instant heard_at_{};
  instant receipt_at_{};
};

}  // namespace orrery::actors
