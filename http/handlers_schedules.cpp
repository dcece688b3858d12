/// Schedules: made, changed, looked ahead and back upon.

#include "http/handlers.hpp"
#include "http/problem.hpp"
#include "http/routes.hpp"
#include "http/target.hpp"

#include "codec/messages.hpp"

#include <algorithm>
#include <charconv>
#include <limits>

namespace orrery::http::handlers {

namespace {

constexpr auto kind = entity_kind::schedule;

void answer_state(const exchange_ptr& ex, result<entity> after, int status) {
  if (!after)
    return ex->fail(after.error());
  response out;
  out.status = status;
  codec::append_view(out.body, *after);
  if (status == 201)
    out.location = "/api/schedules/" + to_string(id_of(*after));
  ex->finish(std::move(out));
}

/// Sends a command to the owner of what the path names.
void send(const exchange_ptr& ex, std::string_view verb) {
  if (refuses_parameters(ex))
    return;
  auto wish = codec::read_command(kind, verb, ex->in.body);
  if (!wish)
    return ex->fail(wish.error());
  const auto limit = ex->options.request_timeout * 9 / 10;
  with_entity(ex, [ex, limit, wish = std::move(*wish)](entity_id id) mutable {
    ex->door.command(
        kind, id, std::move(wish), limit,
        [ex](result<entity> after) { answer_state(ex, std::move(after), 200); },
        ex->in.if_match.value_or(0));
  });
}

/// Calls `next` with the schedule that the path names.
void with_schedule(const exchange_ptr& ex, std::function<void(const schedule&)> next) {
  with_entity(ex, [ex, next = std::move(next)](entity_id id) {
    ex->door.get(kind, id, [ex, next](result<entity_view> view) {
      if (!view)
        return ex->fail(view.error());
      if (ex->open() && view->state)
        next(std::get<schedule>(*view->state));
    });
  });
}

template <class Number>
bool read_number(const std::string& text, Number min, Number max, Number& into) {
  const auto* end = text.data() + text.size();
  const auto [last, error] = std::from_chars(text.data(), end, into);
  return error == std::errc{} && last == end && into >= min && into <= max;
}

/// The newest fires stand in the row; `cursor` goes on in the journal.
struct history_wish {
  bool from_journal = false;
  position_t before;  ///< 0 = from its end.
  size_t limit = 50;
};

result<history_wish> read_history_wish(const exchange_ptr& ex) {
  auto parameters = parse_query(ex->in.query);
  if (!parameters)
    return std::move(parameters).error();
  history_wish wish;
  for (auto& p : *parameters) {
    if (p.name == "cursor") {
      wish.from_journal = true;
      constexpr auto last = std::numeric_limits<int64_t>::max() / 2;
      if (p.value != "end" && !read_number(p.value, int64_t{1}, last, wish.before.value))
        return failure{errc::invalid, "must be `next` of the page before", p.name};
    } else if (p.name == "limit") {
      if (!read_number(p.value, size_t{1}, limits::list_items, wish.limit))
        return failure{errc::invalid, "must be a number from 1 to 1000", p.name};
    } else {
      return failure{errc::invalid, "is not a parameter of this route", p.name};
    }
  }
  return wish;
}

struct preview_wish {
  time_point from{};
  time_point to{};
  size_t limit = 100;
};

result<preview_wish> read_preview(const exchange_ptr& ex) {
  auto parameters = parse_query(ex->in.query);
  if (!parameters)
    return std::move(parameters).error();
  preview_wish wish;
  for (auto& p : *parameters) {
    if (p.name == "from" || p.name == "to") {
      std::replace(p.value.begin(), p.value.end(), ' ', '+');  // a plus that was not encoded
      const auto at = parse_time(p.value);
      if (!at)
        return failure{errc::invalid, at.error().detail, p.name};
      (p.name == "from" ? wish.from : wish.to) = *at;
    } else if (p.name == "limit") {
      if (!read_number(p.value, size_t{1}, limits::list_items, wish.limit))
        return failure{errc::invalid, "must be a number from 1 to 1000", "limit"};
    } else {
      return failure{errc::invalid, "is not a parameter of this route", p.name};
    }
  }
  if (wish.to != never && wish.from != never && wish.to < wish.from)
    return failure{errc::invalid, "lies before from", "to"};
  return wish;
}

}  // namespace

void create_schedule(const exchange_ptr& ex) {
  if (refuses_parameters(ex))
    return;
  auto wish = codec::read_command(kind, "submit", ex->in.body);
  if (!wish)
    return ex->fail(wish.error());
  const auto limit = ex->options.request_timeout * 9 / 10;
  auto name = std::get<submit_schedule>(std::get<schedule_command>(*wish)).spec.name;
  ex->door.find(
      kind, std::move(name), [ex, limit, wish = std::move(*wish)](result<entity_id> id) mutable {
        if (!id)
          return ex->fail(id.error());
        if (!ex->open())
          return;
        ex->door.command(kind, *id, std::move(wish), limit,
                         [ex](result<entity> after) { answer_state(ex, std::move(after), 201); });
      });
}

void update_schedule(const exchange_ptr& ex) { send(ex, "update"); }
void delete_schedule(const exchange_ptr& ex) { send(ex, "delete"); }

void schedule_history(const exchange_ptr& ex) {
  const auto wish = read_history_wish(ex);
  if (!wish)
    return ex->fail(wish.error());
  if (wish->from_journal)
    return with_entity(ex, [ex, wish = *wish](entity_id id) {
      ex->door.fires(id, wish.before, wish.limit, [ex](result<fire_page> page) {
        if (!page)
          return ex->fail(page.error());
        response out;
        codec::append_fires(out.body, *page);
        ex->finish(std::move(out));
      });
    });
  with_schedule(ex, [ex](const schedule& s) {
    response out;
    codec::append_fires(out.body, s);
    ex->finish(std::move(out));
  });
}

void preview_schedule(const exchange_ptr& ex) {
  const auto wish = read_preview(ex);
  if (!wish)
    return ex->fail(wish.error());
  with_schedule(ex, [ex, wish = *wish](const schedule& s) {
    ex->door.preview(s.spec->times, wish.from, wish.to, wish.limit,
                     [ex](result<fire_preview> seen) {
                       if (!seen)
                         return ex->fail(seen.error());
                       response out;
                       codec::append_preview(out.body, *seen);
                       ex->finish(std::move(out));
                     });
  });
}

}  // namespace orrery::http::handlers
