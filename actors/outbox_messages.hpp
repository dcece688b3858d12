#pragma once
/// Messages to the outbox: what is committed and has to be published, and what became of it.

#include "domain/messages.hpp"
#include "domain/ports/event_sink.hpp"
#include "domain/ports/store.hpp"

#include <caf/allowed_unsafe_message_type.hpp>
#include <caf/type_id.hpp>
#include <functional>
#include <optional>
#include <vector>

namespace orrery::actors {

/// Committed events of a shard, positions rising; `upto` is the shard's position after them.
struct publish_events {
  shard_id shard;
  epoch_t epoch;
  position_t upto;
  std::vector<status_event> events;
  bool letters = false;  ///< Dead letters were committed too.
};
/// A shard was acquired: find out where its publishing stands and go on from there.
struct open_outbox {
  shard_id shard;
  epoch_t epoch;
  position_t committed;
  position_t published;
};
struct close_outbox {
  shard_id shard;
  epoch_t epoch;  ///< Of the tenure that ended; a newer one stays open.
};
struct publish_done {
  shard_id shard;
  epoch_t epoch;
  position_t upto;
  std::optional<failure> error;
};
/// Events found in the journal that may still have to be published.
struct replay_loaded {
  shard_id shard;
  epoch_t epoch;
  position_t scanned;  ///< All events up to here have been looked at.
  bool at_end = false;
  event_sink::tails tails{};
  bool tails_known = false;
  bool superseded = false;  ///< The shard has another owner by now.
  std::vector<status_event> events;
  std::optional<failure> error;
};
struct retry_outbox {
  shard_id shard;
  epoch_t epoch;
};
/// Dead letters of a shard that its topic does not have yet.
struct letters_loaded {
  shard_id shard;
  epoch_t epoch;
  result<std::vector<numbered_letter>> letters = failure{};
};
/// What became of their copies.
struct letters_copied {
  shard_id shard;
  epoch_t epoch;
  std::vector<int64_t> numbers;
  std::optional<failure> error;
};
/// Look again for letters to copy.
struct copy_letters {
  shard_id shard;
  epoch_t epoch;
};
/// Answered once everything of these tenures is published, or they are closed.
struct flush_outbox {
  std::vector<close_outbox> of;
  std::function<void()> done;
};

}  // namespace orrery::actors

CAF_BEGIN_TYPE_ID_BLOCK(orrery_outbox, first_custom_type_id + 300)
CAF_ADD_TYPE_ID(orrery_outbox, (orrery::actors::publish_events))
CAF_ADD_TYPE_ID(orrery_outbox, (orrery::actors::open_outbox))
CAF_ADD_TYPE_ID(orrery_outbox, (orrery::actors::close_outbox))
CAF_ADD_TYPE_ID(orrery_outbox, (orrery::actors::publish_done))
CAF_ADD_TYPE_ID(orrery_outbox, (orrery::actors::replay_loaded))
CAF_ADD_TYPE_ID(orrery_outbox, (orrery::actors::retry_outbox))
CAF_ADD_TYPE_ID(orrery_outbox, (orrery::actors::letters_loaded))
CAF_ADD_TYPE_ID(orrery_outbox, (orrery::actors::letters_copied))
CAF_ADD_TYPE_ID(orrery_outbox, (orrery::actors::copy_letters))
CAF_ADD_TYPE_ID(orrery_outbox, (orrery::actors::flush_outbox))
CAF_END_TYPE_ID_BLOCK(orrery_outbox)

#define ORRERY_LOCAL_MESSAGE(name) CAF_ALLOW_UNSAFE_MESSAGE_TYPE(orrery::actors::name)
ORRERY_LOCAL_MESSAGE(publish_events)
ORRERY_LOCAL_MESSAGE(open_outbox)
ORRERY_LOCAL_MESSAGE(close_outbox)
ORRERY_LOCAL_MESSAGE(publish_done)
ORRERY_LOCAL_MESSAGE(replay_loaded)
ORRERY_LOCAL_MESSAGE(retry_outbox)
ORRERY_LOCAL_MESSAGE(letters_loaded)
ORRERY_LOCAL_MESSAGE(letters_copied)
ORRERY_LOCAL_MESSAGE(copy_letters)
ORRERY_LOCAL_MESSAGE(flush_outbox)
#undef ORRERY_LOCAL_MESSAGE
