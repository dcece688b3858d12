#include "domain/events.hpp"

#include "base/check.hpp"

namespace orrery {

entity_id id_of(const entity& e) noexcept {
  return std::visit([](const auto& x) { return x.id; }, e);
}

uint8_t status_of(const entity& e) noexcept {
  return std::visit([](const auto& x) { return static_cast<uint8_t>(x.status); }, e);
}

bool is_final(const entity& e) noexcept {
  return std::visit([](const auto& x) { return is_final(x.status); }, e);
}

time_point wake_at(const entity& e) noexcept {
  return std::visit([](const auto& x) { return x.wake_at(); }, e);
}

entity_id parent_of(const entity& e) noexcept {
  return std::visit([](const auto& x) { return x.spec->parent; }, e);
}

child_end end_of(const entity& e) {
  using enum child_outcome;
  child_end end{id_of(e), 1, failed, true, {}, {}, {}};
  if (const auto* t = std::get_if<task>(&e)) {
    end.run = t->run;
    end.began = t->attempt > 0;
    end.outcome = t->status == task_status::succeeded   ? succeeded
                  : t->status == task_status::expired   ? expired
                  : t->status == task_status::cancelled ? cancelled
                                                        : failed;
    end.result = t->result;
    end.error = !t->error.empty() ? t->error : t->reason_text;
    if (end.error.empty() && end.outcome != succeeded)
      end.error = to_string(t->reason);
    end.error_code = t->error_code;
    return end;
  }
  if (std::holds_alternative<schedule>(e))
    return end;  // nothing starts a schedule
  const auto& o = std::get<order>(e);
  end.began = o.status != order_status::rejected;
  end.outcome = o.status == order_status::completed   ? succeeded
                : o.status == order_status::expired   ? expired
                : o.status == order_status::cancelled ? cancelled
                                                      : failed;
  end.error = o.reason;
  return end;
}

bool waits_for_children(const entity& e) noexcept {
  if (const auto* s = std::get_if<schedule>(&e))
    return s->waits_for_children();
  const auto* o = std::get_if<order>(&e);
  return o != nullptr && o->waits_for_children();
}

std::optional<entity_command> news_for(entity_kind parent, std::vector<child_end> ends) {
  if (parent == entity_kind::order)
    return entity_command{order_command{children_ended{std::move(ends)}}};
  if (parent == entity_kind::schedule)
    return entity_command{schedule_command{schedule_children_ended{std::move(ends), {}}}};
  return std::nullopt;
}

entity_command wake_command(entity_kind kind) {
  if (kind == entity_kind::task)
    return task_command{wake_task{}};
  if (kind == entity_kind::order)
    return order_command{wake_order{}};
  return schedule_command{wake_schedule{}};
}

bool is_kept_in_history(const entity_event& event) noexcept {
  const auto* of_schedule = std::get_if<schedule_event>(&event);
  return of_schedule == nullptr || is_kept_in_history(*of_schedule);
}

entity_command command_of(const child_command& wish) {
  if (wish.kind == entity_kind::task)
    return task_command{cancel_task{wish.wish.text, wish.wish.kill}};
  return order_command{cancel_order{wish.wish.text, wish.wish.kill}};
}

std::string_view status_text(entity_kind kind, uint8_t status) noexcept {
  if (kind == entity_kind::schedule)
    return to_string(static_cast<schedule_status>(status));
  return kind == entity_kind::task ? to_string(static_cast<task_status>(status))
                                   : to_string(static_cast<order_status>(status));
}

namespace {

template <class Event, size_t... Index>
bool has_name(std::string_view name, std::index_sequence<Index...>) {
  return (... || (name_of(Event(std::in_place_index<Index>)) == name));
}

template <class... Kinds>
bool any_has_name(std::string_view name, const std::variant<Kinds...>*) {
  return (... || has_name<Kinds>(name, std::make_index_sequence<std::variant_size_v<Kinds>>{}));
}

}  // namespace

bool is_event_name(std::string_view name) noexcept {
  return any_has_name(name, static_cast<const entity_event*>(nullptr));
}

std::string_view name_of(const entity_event& event) noexcept {
  return std::visit([](const auto& e) { return name_of(e); }, event);
}

bool is_erasure(const entity_event& event) noexcept {
  if (const auto* of_task = std::get_if<task_event>(&event))
    return std::holds_alternative<task_erased>(*of_task);
  const auto* of_order = std::get_if<order_event>(&event);
  return of_order != nullptr && std::holds_alternative<order_erased>(*of_order);
}

entity_event erasure_of(entity_kind kind) {
  CHECK(kind != entity_kind::schedule, "schedules are kept");
  if (kind == entity_kind::task)
    return task_event{task_erased{}};
  return order_event{order_erased{}};
}

void evolve(std::optional<entity>& state, const event_record& record) {
  if (is_erasure(record.event)) {
    state.reset();
    return;
  }
  const auto fold = [&]<class Entity, class Event>(std::optional<Entity> one, const Event& event) {
    if (state) {
      CHECK(std::holds_alternative<Entity>(*state), "an event meets an entity of its kind");
      one = std::move(std::get<Entity>(*state));
    }
    evolve(one, record.id, event, record.at);
    state = std::move(*one);
  };
  if (const auto* of_task = std::get_if<task_event>(&record.event))
    fold(std::optional<task>{}, *of_task);
  else if (const auto* of_order = std::get_if<order_event>(&record.event))
    fold(std::optional<order>{}, *of_order);
  else
    fold(std::optional<schedule>{}, std::get<schedule_event>(record.event));
}

}  // namespace orrery
