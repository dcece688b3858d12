#include "bridge/kafka/status_message.hpp"

#include "codec/messages.hpp"
#include "domain/trace.hpp"

#include <charconv>

namespace orrery::kafka {

namespace {

const entity_id& id_in(const order_status_event& e) { return e.order_id; }
const entity_id& id_in(const task_status_event& e) { return e.task_id; }
entity_kind kind_in(const order_status_event&) { return entity_kind::order; }
entity_kind kind_in(const task_status_event&) { return entity_kind::task; }
const entity_id& id_in(const schedule_status_event& e) { return e.schedule_id; }
entity_kind kind_in(const schedule_status_event&) { return entity_kind::schedule; }

template <class Event>
outgoing message_for(shard_id shard, const Event& e, double /*traces_sample*/) {
  const auto shard_text = std::to_string(shard.value);
  const auto position = std::to_string(e.position.value);
  outgoing m;
  m.topic = static_cast<size_t>(kind_in(e));
  m.partition = shard.value;
  m.key = to_string(id_in(e));
  m.value = codec::write(e);
  m.headers = {{"ce_specversion", "1.0"},
               {"ce_id", shard_text + '-' + position},
               {"ce_type", codec::ce_type(kind_in(e), static_cast<uint8_t>(e.status))},
               {"ce_source", "/orrery/shards/" + shard_text},
               {"ce_time", format_time(e.at)},
               {"ce_subject", m.key},
               {"content-type", "application/json"},
               {position_header, position}};
  if (!e.traceparent.empty())
    m.headers.push_back({"traceparent", e.traceparent});
  return m;
}

/// The value is the user's; around it is what tells one fire from another.
outgoing message_for(shard_id shard, const scheduled_message& e, double traces_sample) {
  outgoing m;
  m.other_topic = e.record.topic;
  m.partition = partition_by_key;
  m.key = e.record.key;
  m.value = e.record.value;
  m.headers = {{"ce_specversion", "1.0"},
               {"ce_id", to_string(e.id)},
               {"ce_type", "io.orrery.schedule.message"},
               {"ce_source", "/orrery/shards/" + std::to_string(shard.value)},
               {"ce_time", format_time(e.fire_at)},
               {"ce_subject", to_string(e.schedule_id)},
               {"content-type", "application/json"},
               {"orrery-fire-kind", std::string(to_string(e.kind))}};
  // As what a schedule starts begins one: it follows from the id, so a repeat is of the same trace.
  if (is_recorded(trace_of({}, e.id), traces_sample))
    m.headers.push_back({"traceparent", root_traceparent(e.id)});
  return m;
}

}  // namespace

outgoing message_of(shard_id shard, const status_event& event, double traces_sample) {
  return std::visit([&](const auto& e) { return message_for(shard, e, traces_sample); }, event);
}

position_t position_of(const status_event& event) {
  return std::visit([](const auto& e) { return e.position; }, event);
}

result<std::optional<position_t>> read_position(const std::optional<std::string>& text) {
  if (!text)
    return std::optional<position_t>{};
  position_t position;
  const auto* end = text->data() + text->size();
  const auto [stopped, error] = std::from_chars(text->data(), end, position.value);
  if (error != std::errc{} || stopped != end)
    return failure{errc::corrupt,
                   "a status topic ends with a position that is no number: " + text->substr(0, 32)};
  return std::optional{position};
}

}  // namespace orrery::kafka
