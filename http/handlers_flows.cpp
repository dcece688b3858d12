/// Flows: store, list, read; and what a cancellation of an order would undo.

#include "http/handlers.hpp"

#include "codec/flows.hpp"
#include "codec/json.hpp"
#include "domain/ports/flows.hpp"

namespace orrery::http::handlers {

namespace {

/// Null, and answered, where this node keeps no flows.
flow_desk* desk_of(const exchange_ptr& ex) {
  auto* hall = dynamic_cast<flow_hall*>(&ex->door);
  auto* desk = hall != nullptr ? hall->flows() : nullptr;
  if (desk == nullptr)
    ex->fail({errc::not_found, "this node keeps no flows"});
  return desk;
}

void answer_flow(const exchange_ptr& ex, const result<flow>& found) {
  if (!found)
    return ex->fail(found.error());
  response out;
  codec::append_flow(out.body, *found);
  ex->finish(std::move(out));
}

}  // namespace

void put_flow(const exchange_ptr& ex) {
  if (refuses_parameters(ex))
    return;
  auto* desk = desk_of(ex);
  if (desk == nullptr)
    return;
  auto f = codec::read_flow(ex->in.body);
  if (!f)
    return ex->fail(f.error());
  desk->put(std::move(*f), [ex](const result<flow>& stored) { answer_flow(ex, stored); });
}

void list_flows(const exchange_ptr& ex) {
  if (refuses_parameters(ex))
    return;
  auto* desk = desk_of(ex);
  if (desk == nullptr)
    return;
  desk->list([ex](const result<std::vector<flow>>& found) {
    if (!found)
      return ex->fail(found.error());
    response out;
    out.body = "{\"items\":[";
    for (const auto& f : *found) {
      if (&f != &found->front())
        out.body += ',';
      codec::append_flow(out.body, f);
    }
    out.body += "],\"next\":null}";
    ex->finish(std::move(out));
  });
}

void get_flow(const exchange_ptr& ex) {
  if (refuses_parameters(ex))
    return;
  if (auto* desk = desk_of(ex))
    desk->get(ex->in.id, 0, [ex](const result<flow>& found) { answer_flow(ex, found); });
}

void compensation(const exchange_ptr& ex) {
  if (refuses_parameters(ex))
    return;
  with_entity(ex, [ex](entity_id id) {
    ex->door.get(entity_kind::order, id, [ex](result<entity_view> view) {
      if (!view)
        return ex->fail(view.error());
      response out;
      codec::json_writer writer(out.body);
      writer.begin_object().field("orderId", view->id.value).key("steps").begin_array();
      if (view->state)
        for (const auto& step : compensation_plan(std::get<order>(*view->state)))
          writer.value(step);
      writer.end_array().end_object();
      ex->finish(std::move(out));
    });
  });
}

}  // namespace orrery::http::handlers
