#pragma once
/// Status events as messages of Kafka: plain JSON with CloudEvents 1.0 around it in binary mode.

#include "bridge/kafka/sender.hpp"
#include "domain/ports/event_sink.hpp"

namespace orrery::kafka {

inline constexpr auto position_header = "orrery-position";

/// `topic` of the message is the event's `entity_kind`; that of a schedule's message is `other_topic`.
/// A schedule's message begins a trace where one of its id is among the `traces_sample` that are recorded.
outgoing message_of(shard_id shard, const status_event& event, double traces_sample);
position_t position_of(const status_event& event);
/// The value of `position_header`; `corrupt` where it is no number.
result<std::optional<position_t>> read_position(const std::optional<std::string>& text);

}  // namespace orrery::kafka
