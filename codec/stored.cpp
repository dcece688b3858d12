#include "codec/stored.hpp"

#include "codec/detail/stored_fields.hpp"

#include <algorithm>
#include <bit>
#include <utility>

namespace orrery::codec {

namespace {

using namespace detail;

/// The form described here. As a tag it would be field 0, which no message has: so it also marks where
/// the next piece of a history begins.
constexpr char format = 1;

failure corrupt(std::string_view what) {
  return {errc::corrupt, "the stored " + std::string(what) + " cannot be read"};
}

/// Room for the texts of an entity and its small fields: one allocation.
size_t size_hint(const task_spec& s) {
  return 96 + s.kind.size() + s.description.size() + s.payload.size() + s.queue.size() +
         s.reference.size() + s.unique_key.size() + s.traceparent.size() + s.request_hash.size() +
         24 * s.tags.size();
}
size_t size_hint(const order_spec& s) {
  return 64 + s.product.size() + s.customer.size() + s.flow.size() + s.metadata.size() +
         s.reference.size() + s.traceparent.size() + s.request_hash.size();
}
size_t size_hint(const task& t) {
  return 96 + size_hint(*t.spec) + t.result.size() + t.error.size() + t.error_code.size() +
         t.reason_text.size() + t.worker.size();
}
size_t size_hint(const schedule& s) { return 512 + 32 * s.recent.size(); }
size_t size_hint(const order& o) { return 64 + size_hint(*o.spec) + o.reason.size(); }

size_t size_hint(const event_record& record) {
  if (const auto* of_task = std::get_if<task_event>(&record.event)) {
    if (const auto* e = std::get_if<task_submitted>(of_task))
      return size_hint(*e->spec);
    if (const auto* e = std::get_if<task_succeeded>(of_task))
      return 48 + e->result.size();
    if (const auto* e = std::get_if<task_replaced>(of_task))
      return size_hint(*e->spec);
  } else if (const auto* of_order = std::get_if<order_event>(&record.event)) {
    if (const auto* e = std::get_if<order_created>(of_order))
      return size_hint(*e->spec);
  }
  return 64;
}

/// What the next record of a row or piece is written and read relative to.
struct stream_state {
  uint64_t position = 0;
  uint64_t at = 0;
};

void write_place(wire_writer& out, const event_record& record, stream_state& before) {
  const auto position = static_cast<uint64_t>(record.position.value);
  const auto at = bits(record.at);
  if (const auto step = position - before.position; step != 1)
    out.scalar(record_position, step);
  if (at != before.at)
    out.scalar(record_at, zigzag(at - before.at));
  before = {position, at};
}

void write_event(wire_writer& out, const entity_event& event) {
  std::visit(
      [&](const auto& of_kind) {
        std::visit(
            [&]<class Event>(const Event& e) {
              static_assert(event_number<Event> != 0, "every event has its number");
              out.message(event_number<Event>, e);
            },
            of_kind);
      },
      event);
}

/// Finds the number of an id among the ids of one journal row.
class id_table {
public:
  explicit id_table(size_t records) : slots_(std::bit_ceil(2 * records + 2)) {}

  /// The id's number, and whether it is new.
  std::pair<uint64_t, bool> number_of(entity_id id) {
    const size_t mask = slots_.size() - 1;
    auto at = (std::hash<entity_id>{}(id) >> 17) & mask;
    for (; slots_[at].number != 0; at = (at + 1) & mask)
      if (slots_[at].id == id)
        return {slots_[at].number - 1, false};
    slots_[at] = {id, ++ids_};
    return {ids_ - 1, true};
  }

private:
  struct slot {
    entity_id id;
    uint64_t number = 0;  // from 1; 0 = free
  };
  std::vector<slot> slots_;
  uint64_t ids_ = 0;
};

/// What the state machine relies on: indices of steps that exist.
bool is_whole(const flow& f) {
  for (const auto& step : f.steps)
    for (const auto before : step.depends_on)
      if (before >= f.steps.size())
        return false;
  return true;
}

template <class Event>
bool read_event(std::string_view bytes, Event& into) {
  if constexpr (
      requires { into.spec; } && !requires { into.next_at; }) {
    std::decay_t<decltype(*into.spec)> spec;
    const bool ok = read_message(bytes, spec);
    into.spec = std::move(spec);
    return ok;
  } else if constexpr (requires { into.plan; }) {
    return read_message(bytes, into) && is_whole(*into.plan);
  } else {
    return read_message(bytes, into);
  }
}

template <class Events>
bool read_as(const wire_field& field, entity_event& into) {
  const auto one = [&]<class Event>(std::in_place_type_t<Event>, bool& ok) {
    if (field.number != event_number<Event>)
      return false;
    Event e;
    ok = field.type == wire_type::bytes && read_event(field.bytes, e);
    if (ok)
      into.emplace<Events>(std::move(e));
    return true;
  };
  bool ok = false;
  [&]<size_t... I>(std::index_sequence<I...>) {
    (void)(one(std::in_place_type<std::variant_alternative_t<I, Events>>, ok) || ...);
  }
  (std::make_index_sequence<std::variant_size_v<Events>>{});
  return ok;
}

/// One record of a row (`ids` collects the new ones) or of a piece (`ids` empty: all of `id`).
bool read_record(std::string_view bytes, stream_state& before, std::vector<entity_id>* ids,
                 event_record& into) {
  wire_reader reader(bytes);
  wire_field field;
  uint64_t step = 1;
  uint64_t time_step = 0;
  bool has_id = ids == nullptr;
  bool has_event = false;
  while (reader.next(field)) {
    field_reader taker(field);
    taker.number(record_position, step);
    taker.number(record_at, time_step);
    if (field.number == record_id && ids != nullptr) {
      taker.id(record_id, into.id);
      if (!taker.bad())
        ids->push_back(into.id);
      has_id = true;
    } else if (field.number == record_same_id && ids != nullptr) {
      if (field.type != wire_type::varint || field.scalar >= ids->size())
        return false;
      into.id = (*ids)[field.scalar];
      has_id = true;
    } else if (field.number > record_same_id && field.number <= record_events_last) {
      // An event of a newer program cannot be folded here, so it is not skipped.
      if (has_event ||
          !(read_as<task_event>(field, into.event) || read_as<order_event>(field, into.event) ||
            read_as<schedule_event>(field, into.event)))
        return false;
      has_event = true;
    }
    if (taker.bad())
      return false;
  }
  if (reader.broken() || !has_id || !has_event)
    return false;
  before = {before.position + step, before.at + unzigzag(time_step)};
  into.position = position_t{static_cast<int64_t>(before.position)};
  into.at = time_of_bits(before.at);
  return true;
}

bool read_stream(std::string_view bytes, entity_id id, std::vector<entity_id>* ids,
                 std::vector<event_record>& into) {
  wire_reader reader(bytes);
  wire_field field;
  stream_state before;
  bool begun = false;
  while (!reader.at_end()) {
    if (reader.peek() == format) {
      reader.skip_byte();
      before = {};
      if (ids != nullptr)
        ids->clear();
      begun = true;
      continue;
    }
    if (!begun || !reader.next(field))
      return false;
    if (field.number != record_in_stream)
      continue;
    if (field.type != wire_type::bytes)
      return false;
    event_record record;
    record.id = id;
    if (!read_record(field.bytes, before, ids, record))
      return false;
    into.push_back(std::move(record));
  }
  return true;
}

}  // namespace

std::string encode(const entity& e) {
  std::string bytes;
  bytes.reserve(std::visit([](const auto& one) { return size_hint(one); }, e));
  bytes.push_back(format);
  wire_writer out(bytes);
  if (const auto* t = std::get_if<task>(&e))
    out.message(entity_is_task, *t);
  else if (const auto* o = std::get_if<order>(&e))
    out.message(entity_is_order, *o);
  else
    out.message(entity_is_schedule, std::get<schedule>(e));
  return bytes;
}

result<entity> decode_entity(std::string_view bytes) {
  if (bytes.empty() || bytes.front() != format)
    return corrupt("entity");
  wire_reader reader(bytes.substr(1));
  wire_field field;
  std::optional<entity> found;
  while (reader.next(field)) {
    if (field.number < entity_is_task || field.number > entity_is_schedule)
      continue;
    if (field.type != wire_type::bytes || found)
      return corrupt("entity");
    const bool read = field.number == entity_is_task
                          ? read_message(field.bytes, found.emplace().emplace<task>())
                      : field.number == entity_is_order
                          ? read_message(field.bytes, found.emplace().emplace<order>())
                          : read_message(field.bytes, found.emplace().emplace<schedule>());
    const auto* o = std::get_if<order>(&*found);
    if (!read ||
        (o != nullptr && (o->steps.size() != o->plan->steps.size() || !is_whole(*o->plan))))
      return corrupt("entity");
  }
  if (reader.broken() || !found)
    return corrupt("entity");
  return std::move(*found);
}

std::string encode_journal(const std::vector<const event_record*>& events) {
  size_t room = 16;
  for (const auto* record : events)
    room += 32 + size_hint(*record);
  std::string bytes;
  bytes.reserve(room);
  bytes.push_back(format);
  wire_writer out(bytes);
  stream_state before;
  id_table ids(events.size());
  for (const auto* record : events)
    out.nested(record_in_stream, [&] {
      write_place(out, *record, before);
      if (const auto [number, is_new] = ids.number_of(record->id); is_new)
        out.id(record_id, record->id);
      else
        out.scalar(record_same_id, number);
      write_event(out, record->event);
    });
  return bytes;
}

result<std::vector<event_record>> decode_journal(std::string_view bytes) {
  std::vector<event_record> events;
  std::vector<entity_id> ids;
  if (bytes.empty() || !read_stream(bytes, {}, &ids, events))
    return corrupt("journal row");
  return events;
}

std::string encode_history(const std::vector<event_record>& events) {
  const bool keeps_some = std::any_of(events.begin(), events.end(), [](const event_record& record) {
    return is_kept_in_history(record.event);
  });
  if (!keeps_some)
    return {};
  size_t room = 16;
  for (const auto& record : events)
    room += 16 + size_hint(record);
  std::string bytes;
  bytes.reserve(room);
  bytes.push_back(format);
  wire_writer out(bytes);
  stream_state before;
  for (const auto& record : events) {
    if (!is_kept_in_history(record.event))
      continue;
    out.nested(record_in_stream, [&] {
      write_place(out, record, before);
      write_event(out, record.event);
    });
  }
  return bytes;
}

result<std::vector<event_record>> decode_history(entity_id id, std::string_view bytes) {
  std::vector<event_record> events;
  if (!read_stream(bytes, id, nullptr, events))
    return corrupt("history");
  // None was ever written here: the number of another event was damaged.
  if (!std::all_of(events.begin(), events.end(),
                   [](const event_record& record) { return is_kept_in_history(record.event); }))
    return corrupt("history");
  return events;
}

}  // namespace orrery::codec
