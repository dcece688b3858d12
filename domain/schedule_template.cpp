#include "domain/schedule_template.hpp"

#include "base/check.hpp"
#include "domain/cron/preview.hpp"
#include "domain/limits.hpp"

#include <array>

namespace orrery {

namespace {

struct mark {
  std::string_view name;
  std::string_view (*value)(const fire_values&);
};

constexpr std::array<mark, 7> marks = {{
    {"scheduleId", [](const fire_values& v) { return std::string_view(v.schedule_id); }},
    {"name", [](const fire_values& v) { return std::string_view(v.name); }},
    {"scheduledAt", [](const fire_values& v) { return std::string_view(v.scheduled_at); }},
    {"firedAt", [](const fire_values& v) { return std::string_view(v.fired_at); }},
    {"localTime", [](const fire_values& v) { return std::string_view(v.local_time); }},
    {"fireNumber", [](const fire_values& v) { return std::string_view(v.fire_number); }},
    {"kind", [](const fire_values& v) { return v.kind; }},
}};

const mark* find_mark(std::string_view name) {
  while (!name.empty() && name.front() == ' ')
    name.remove_prefix(1);
  while (!name.empty() && name.back() == ' ')
    name.remove_suffix(1);
  for (const auto& one : marks)
    if (one.name == name)
      return &one;
  return nullptr;
}

/// The same fire always makes the same child.
std::string child_name(time_point at, fire_kind kind, uint64_t series) {
  std::string name = kind == fire_kind::triggered  ? "trigger"
                     : kind == fire_kind::backfill ? "backfill"
                                                   : "fire";
  if (series != 0)
    name += "/" + std::to_string(series);
  return name + "/" + std::to_string(micros(at));
}

fire_values values_of(const schedule& s, const fire_times& times, time_point at, fire_kind kind,
                      time_point now) {
  const auto second = std::chrono::floor<std::chrono::seconds>(at).time_since_epoch().count();
  return {to_string(s.id),
          s.spec->name,
          format_time(at),
          format_time(now),
          format_zoned(second, times.zone().offset_at(second)),
          std::to_string(s.counters.fired + s.counters.triggered + 1),
          to_string(kind)};
}

}  // namespace

result<void> check_template(std::string_view text) {
  for (size_t at = text.find("{{"); at != std::string_view::npos; at = text.find("{{", at)) {
    const auto place = "character " + std::to_string(at + 1) + ": ";
    const auto end = text.find("}}", at);
    // JSON may well hold two braces in a row; a mark is a word between them.
    if (end == std::string_view::npos ||
        text.substr(at, end - at).find('"') != std::string_view::npos) {
      at += 2;
      continue;
    }
    const auto name = text.substr(at + 2, end - at - 2);
    if (find_mark(name) == nullptr)
      return failure{errc::invalid, place + "there is no value \"" +
                                        std::string(name.substr(0, 64)) +
                                        "\"; there are scheduleId, name, scheduledAt, firedAt, "
                                        "localTime, fireNumber and kind"};
    at = end + 2;
  }
  return {};
}

std::string fill_template(std::string_view text, const fire_values& values) {
  std::string made;
  size_t from = 0;
  for (size_t at = text.find("{{"); at != std::string_view::npos; at = text.find("{{", at)) {
    const auto end = text.find("}}", at);
    const auto* one =
        end == std::string_view::npos ? nullptr : find_mark(text.substr(at + 2, end - at - 2));
    if (one == nullptr) {
      at += 2;
      continue;
    }
    made.append(text.substr(from, at - from)).append(one->value(values));
    from = at = end + 2;
  }
  return made.append(text.substr(from));
}

size_t filled_bytes_max(std::string_view text) noexcept {
  size_t bytes = text.size();
  for (size_t at = text.find("{{"); at != std::string_view::npos; at = text.find("{{", at + 2))
    bytes += limits::name_bytes;  // the longest value is a schedule's name
  return bytes;
}

bool is_followed(const schedule_spec& spec) noexcept {
  return spec.action == schedule_action::task ||
         (spec.action == schedule_action::order && !spec.order.flow.empty());
}

entity_id id_of_fire(const schedule& s, time_point at, fire_kind kind, uint64_t series) {
  return id_of_child(s.id, child_name(at, kind, series));
}

message_template message_of(const schedule& s, const fire_times& times, time_point at,
                            fire_kind kind, time_point now) {
  const auto values = values_of(s, times, at, kind, now);
  const auto& wished = s.spec->message;
  return {wished.topic, fill_template(wished.key, values), fill_template(wished.value, values)};
}

child_start start_of(const schedule& s, const fire_times& times, time_point at, fire_kind kind,
                     uint64_t series, time_point now) {
  const auto& spec = *s.spec;
  const auto values = values_of(s, times, at, kind, now);
  child_start made;
  made.id = id_of_fire(s, at, kind, series);
  if (spec.action == schedule_action::order) {
    auto order = spec.order;
    order.metadata = fill_template(order.metadata, values);
    order.parent = s.id;
    made.spec = shared_value<order_spec>(std::move(order));
    return made;
  }
  CHECK(spec.action == schedule_action::task, "a message is no child");
  auto task = spec.task;
  task.payload = fill_template(task.payload, values);
  task.description = fill_template(task.description, values);
  task.parent = s.id;
  made.spec = shared_value<task_spec>(std::move(task));
  return made;
}

}  // namespace orrery
