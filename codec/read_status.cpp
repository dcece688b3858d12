#include "codec/messages.hpp"

#include "codec/detail/member.hpp"

namespace orrery::codec {

namespace {

using namespace detail;

/// What both kinds of status event say alike, and what must be there.
struct common_members {
  bool has_id = false;
  bool has_status = false;
  bool has_position = false;

  bool id(const member& m, json_value& value, entity_id& into) {
    const auto parsed = value.is == json_value::form::string ? parse_entity_id(*value.text)
                                                             : result<entity_id>(failure{});
    if (!parsed)
      return m.refuse("must be a UUID");
    into = *parsed;
    return has_id = true;
  }
  bool position(const member& m, position_t& into) {
    has_position = true;
    return m.whole(into.value);
  }
  static bool shard(const member& m, shard_id& into) {
    uint32_t number = 0;
    if (!m.whole(number))
      return false;
    if (number >= shards_max)
      return m.refuse("is out of range");
    into.value = static_cast<uint16_t>(number);
    return true;
  }
  result<void> complete(std::string_view id_field) const {
    if (!has_id)
      return failure{errc::invalid, "is missing", std::string(id_field)};
    if (!has_status)
      return failure{errc::invalid, "is missing", "status"};
    if (!has_position)
      return failure{errc::invalid, "is missing", "position"};
    return {};
  }
};

template <class Event>
result<Event> read_status(std::string_view value, std::string_view id_field,
                          bool (*read)(std::string_view, json_value&, Event&, common_members&,
                                       failure&)) {
  Event event;
  common_members common;
  failure error;
  bool good = true;
  auto told = read_json(value, outermost::object, [&](std::string_view key, json_value& one) {
    return good = read(key, one, event, common, error);
  });
  if (!good)
    return error;
  if (!told)
    return std::move(told).error();
  if (auto whole = common.complete(id_field); !whole)
    return std::move(whole).error();
  return event;
}

template <class Enum>
bool read_previous(const member& m, const json_value& value, std::optional<Enum>& into,
                   std::optional<Enum> (*parse)(std::string_view) noexcept) {
  Enum previous{};
  if (!m.choice(previous, parse, "must be a status in upper case"))
    return false;
  if (value.is != json_value::form::null)
    into = previous;
  return true;
}

bool read_order_member(std::string_view key, json_value& value, order_status_event& e,
                       common_members& common, failure& error) {
  const member m(key, value, error);
  if (key == "orderId")
    return common.id(m, value, e.order_id);
  if (key == "reference")
    return m.text(e.reference);
  if (key == "product")
    return m.text(e.product);
  if (key == "quantity")
    return m.whole(e.quantity);
  if (key == "status") {
    common.has_status = value.is != json_value::form::null;
    return m.choice(e.status, parse_order_status, "must be a status in upper case");
  }
  if (key == "previousStatus")
    return read_previous(m, value, e.previous, parse_order_status);
  if (key == "reason")
    return m.text(e.reason);
  if (key == "shard")
    return common.shard(m, e.shard);
  if (key == "position")
    return common.position(m, e.position);
  if (key == "at")
    return m.time(e.at);
  return true;
}

bool read_task_member(std::string_view key, json_value& value, task_status_event& e,
                      common_members& common, failure& error) {
  const member m(key, value, error);
  if (key == "taskId")
    return common.id(m, value, e.task_id);
  if (key == "reference")
    return m.text(e.reference);
  if (key == "kind")
    return m.text(e.kind);
  if (key == "queue")
    return m.text(e.queue);
  if (key == "status") {
    common.has_status = value.is != json_value::form::null;
    return m.choice(e.status, parse_task_status, "must be a status in upper case");
  }
  if (key == "previousStatus")
    return read_previous(m, value, e.previous, parse_task_status);
  if (key == "run")
    return m.whole(e.run);
  if (key == "attempt")
    return m.whole(e.attempt);
  if (key == "reason")
    return m.choice(e.reason, parse_end_reason, "must be the reason of an attempt's end");
  if (key == "reasonText")
    return m.text(e.reason_text);
  if (key == "result")
    return m.json(e.result, limits::result_bytes);
  if (key == "error")
    return m.text(e.error);
  if (key == "shard")
    return common.shard(m, e.shard);
  if (key == "position")
    return common.position(m, e.position);
  if (key == "at")
    return m.time(e.at);
  return true;
}

bool read_definition(const member& m, uint64_t& into) {
  int64_t number = 0;
  if (!m.whole(number))
    return false;
  if (number < 1)
    return m.refuse("must be at least 1");
  into = static_cast<uint64_t>(number);
  return true;
}

bool read_schedule_member(std::string_view key, json_value& value, schedule_status_event& e,
                          common_members& common, failure& error) {
  const member m(key, value, error);
  if (key == "scheduleId")
    return common.id(m, value, e.schedule_id);
  if (key == "name")
    return m.text(e.name);
  if (key == "status") {
    common.has_status = value.is != json_value::form::null;
    return m.choice(e.status, parse_schedule_status, "must be a status in upper case");
  }
  if (key == "previousStatus")
    return read_previous(m, value, e.previous, parse_schedule_status);
  if (key == "note")
    return m.text(e.note);
  if (key == "nextAt")
    return m.time(e.next_at);
  if (key == "definition")
    return read_definition(m, e.definition);
  if (key == "shard")
    return common.shard(m, e.shard);
  if (key == "position")
    return common.position(m, e.position);
  if (key == "at")
    return m.time(e.at);
  return true;
}

}  // namespace

result<schedule_status_event> read_schedule_status(std::string_view value) {
  return read_status<schedule_status_event>(value, "scheduleId", read_schedule_member);
}

result<order_status_event> read_order_status(std::string_view value) {
  return read_status<order_status_event>(value, "orderId", read_order_member);
}

result<task_status_event> read_task_status(std::string_view value) {
  return read_status<task_status_event>(value, "taskId", read_task_member);
}

}  // namespace orrery::codec
