/// Routes that only read.

#include "http/handlers.hpp"
#include "http/probe.hpp"
#include "http/problem.hpp"
#include "http/query.hpp"
#include "http/routes.hpp"
#include "http/target.hpp"

#include "codec/messages.hpp"
#include "codec/order_fields.hpp"

#include <algorithm>
#include <cstdio>

namespace orrery::http::handlers {

namespace {

template <class Items>
std::string items_text(const Items& items) {
  std::string out = R"({"items":[)";
  for (size_t i = 0; i < items.size(); ++i) {
    if (i > 0)
      out += ',';
    codec::append_view(out, items[i]);
  }
  out += ']';
  return out;
}

result<void> read_statuses(entity_query& query, std::string_view text) {
  while (!text.empty()) {
    const auto name = text.substr(0, text.find(','));
    text.remove_prefix(std::min(text.size(), name.size() + 1));
    if (query.kind == entity_kind::task) {
      if (const auto s = parse_task_status(name))
        query.statuses.push_back(static_cast<uint8_t>(*s));
      else
        return failure{errc::invalid, "is not a status of a task", "status"};
    } else if (query.kind == entity_kind::schedule) {
      if (const auto s = parse_schedule_status(name))
        query.statuses.push_back(static_cast<uint8_t>(*s));
      else
        return failure{errc::invalid, "is not a status of a schedule", "status"};
    } else {
      if (const auto s = parse_order_status(name))
        query.statuses.push_back(static_cast<uint8_t>(*s));
      else
        return failure{errc::invalid, "is not a status of an order", "status"};
    }
  }
  return {};
}

/// The same list from `cursor` on (RFC 8288).
std::string next_link(const request& in, std::string_view cursor) {
  std::string link = "<" + safe_uri(in.path) + "?";
  for (auto rest = in.query; !rest.empty();) {
    const auto part = rest.substr(0, rest.find('&'));
    rest.remove_prefix(std::min(rest.size(), part.size() + 1));
    if (!part.empty() && !part.starts_with("cursor="))
      link += safe_uri(part) + "&";
  }
  link += "cursor=";
  for (const char c : cursor) {
    const bool plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                       c == '-' || c == '_' || c == '.';
    char escaped[4];
    std::snprintf(escaped, sizeof escaped, "%%%02X", static_cast<unsigned char>(c));
    link += plain ? std::string(1, c) : escaped;
  }
  return link + ">; rel=\"next\"";
}

std::string* text_filter(entity_query& query, std::string_view name) {
  const bool task = query.kind == entity_kind::task;
  if (query.kind == entity_kind::schedule)
    return name == "name" ? &query.reference : name == "cursor" ? &query.cursor : nullptr;
  if (name == "reference")
    return &query.reference;
  if (name == "cursor")
    return &query.cursor;
  if (name == "kind" && task)
    return &query.task_kind;
  if (name == "queue" && task)
    return &query.queue;
  if (name == "tag" && task)
    return &query.tag;
  if (name == "key" && task)
    return &query.unique_key;
  if (name == "text" && task)
    return &query.text;
  if (name == "product" && !task)
    return &query.product;
  if (name == "customer" && !task)
    return &query.customer;
  return nullptr;
}

constexpr std::string_view metadata_prefix = "metadata.";

/// `metadata.KEY=VALUE`
result<void> read_field(entity_query& query, const parameter& p) {
  const auto key = std::string_view(p.name).substr(metadata_prefix.size());
  if (!codec::is_field_key(key))
    return failure{errc::invalid, "names a key of other than 1 to 64 of A-Z a-z 0-9 _ . -", p.name};
  if (p.value.size() > codec::searched_value_bytes || p.value.find('\0') != std::string::npos)
    return failure{errc::invalid, "is no text of at most 256 bytes", p.name};
  if (query.fields.size() == codec::asked_fields_max)
    return failure{errc::invalid, "is one field more than the 8 that one question has", p.name};
  auto field = std::string(key) + '=' + p.value;
  query.fields.insert(std::upper_bound(query.fields.begin(), query.fields.end(), field),
                      std::move(field));
  return {};
}

result<void> read_filter(entity_query& query, parameter& p) {
  if (query.kind == entity_kind::order && p.name.starts_with(metadata_prefix))
    return read_field(query, p);
  if (auto* target = text_filter(query, p.name)) {
    if (p.value.empty())
      return failure{errc::invalid, "is empty", p.name};
    *target = std::move(p.value);
    return {};
  }
  if (p.name == "status")
    return read_statuses(query, p.value);
  if (p.name == "createdFrom" || p.name == "createdTo") {
    const auto at = read_time(p);
    if (!at)
      return at.error();
    (p.name == "createdFrom" ? query.created_from : query.created_to) = *at;
    return {};
  }
  if (p.name == "order") {
    if (p.value != "asc" && p.value != "desc")
      return failure{errc::invalid, "must be asc or desc", p.name};
    query.order = p.value == "asc" ? list_order::oldest_first : list_order::newest_first;
    return {};
  }
  if (p.name == "limit") {
    const auto n = read_limit(p);
    if (!n)
      return n.error();
    query.limit = *n;
    return {};
  }
  return failure{errc::invalid, "is not a parameter of this list", p.name};
}

}  // namespace

void with_entity(const exchange_ptr& ex, std::function<void(entity_id)> next) {
  if (const auto id = parse_entity_id(ex->in.id); id && id->is_ours())
    return next(*id);
  ex->door.find(ex->matched->kind, ex->in.id,
                [ex, next = std::move(next)](result<entity_id> found) {
                  if (!found)
                    return ex->fail(found.error());
                  if (ex->open())
                    next(*found);
                });
}

bool refuses_parameters(const exchange_ptr& ex) {
  if (ex->in.query.empty())
    return false;
  const auto parameters = parse_query(ex->in.query);
  if (!parameters)
    ex->fail(parameters.error());
  else if (!parameters->empty())
    ex->fail({errc::invalid, "is not a parameter of this route", parameters->front().name});
  else
    return false;
  return true;
}

void get_one(const exchange_ptr& ex) {
  if (refuses_parameters(ex))
    return;
  with_entity(ex, [ex](entity_id id) {
    ex->door.get(ex->matched->kind, id, [ex](result<entity_view> view) {
      if (!view)
        return ex->fail(view.error());
      response out;
      if (view->state) {
        out.version = std::visit([](const auto& one) { return one.version; }, *view->state);
        codec::append_view(out.body, *view->state);
      } else {
        codec::json_writer(out.body)
            .begin_object()
            .field(ex->matched->kind == entity_kind::order ? "orderId" : "taskId", view->id.value)
            .field("status", "ACCEPTED")
            .field("shard", static_cast<int32_t>(view->id.shard().value))
            .end_object();
      }
      ex->finish(std::move(out));
    });
  });
}

void list(const exchange_ptr& ex) {
  auto parameters = parse_query(ex->in.query);
  if (!parameters)
    return ex->fail(parameters.error());
  entity_query query;
  query.kind = ex->matched->kind;
  for (auto& p : *parameters)
    if (const auto read = read_filter(query, p); !read)
      return ex->fail(read.error());
  ex->door.list(std::move(query), [ex](result<entity_page> page) {
    if (!page)
      return ex->fail(page.error());
    response out;
    out.body = items_text(page->items);
    out.body += R"(,"next":)";
    if (page->next.empty())
      out.body += "null";
    else {
      codec::append_string(out.body, page->next);
      out.link = next_link(ex->in, page->next);
    }
    out.body += '}';
    ex->finish(std::move(out));
  });
}

void history(const exchange_ptr& ex) {
  if (ex->in.accepts_events)
    return entity_events(ex);
  if (refuses_parameters(ex))
    return;
  with_entity(ex, [ex](entity_id id) {
    ex->door.history(ex->matched->kind, id, [ex](result<std::vector<event_record>> events) {
      if (!events)
        return ex->fail(events.error());
      ex->finish({.body = items_text(*events) + "}"});
    });
  });
}

void health(const exchange_ptr& ex) { ex->finish({.body = R"({"status":"ok"})"}); }

void ready(const exchange_ptr& ex) {
  ex->door.check_readiness([ex](result<readiness> state) {
    if (!state)
      return ex->fail(state.error());
    response out;
    out.status = state->ready ? 200 : 503;
    out.retry_after_s = state->ready ? 0 : 1;
    codec::json_writer json(out.body);
    json.begin_object().field("status", state->ready ? "ready" : "not ready");
    json.key("parts").begin_array();
    for (const auto& part : state->parts) {
      json.begin_object().field("name", part.name).field("ready", part.ready);
      json.optional_field("detail", part.detail).end_object();
    }
    json.end_array().end_object();
    ex->finish(std::move(out));
  });
}

void metrics(const exchange_ptr& ex) {
  ex->door.metrics([ex](result<std::string> text) {
    if (!text)
      return ex->fail(text.error());
    ex->counts->append_metrics(*text);
    ex->finish({.type = media::metrics, .body = std::move(*text)});
  });
}

void index(const exchange_ptr& ex) {
  response out;
  codec::json_writer json(out.body);
  json.begin_object().field("service", "orrery").key("routes").begin_array();
  for (const auto& r : routes()) {
    json.begin_object().field("method", to_string(r.verb)).field("path", r.pattern);
    json.field("description", r.description).end_object();
  }
  json.end_array().end_object();
  ex->finish(std::move(out));
}

}  // namespace orrery::http::handlers
