#pragma once
/// The notes that parts of the nodes send each other within a session (`peer::note`). The number of a note
/// says what it is and is never given another meaning.

#include "domain/ports/peers.hpp"
#include "domain/ports/workers.hpp"
#include "domain/rules.hpp"

namespace orrery::codec {

/// Notes about workers have the numbers from 1 to 31.
peer::note encode_note(const worker_note& note);
/// `not_found` for a note about something else.
result<worker_note> decode_worker_note(const peer::note& note);

/// Notes about quotas have the number 32.
peer::note encode_note(const quota_note& note);
result<quota_note> decode_quota_note(const peer::note& note);

/// About an attempt that another node executes.
struct attempt_note {
  entity_id task;
  attempt_token token;
  epoch_t epoch;
  duration left{};  ///< From the owner: it has that much time from now on, not its `ttl`.
  bool expired =
      false;  ///< From the node that executes: its time is over, and it is being stopped.
};
/// The number of these is 33.
peer::note encode_note(const attempt_note& note);
result<attempt_note> decode_attempt_note(const peer::note& note);

}  // namespace orrery::codec
