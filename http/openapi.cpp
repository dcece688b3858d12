/// OpenAPI, written from the table of routes.

#include "http/api.hpp"
#include "http/problem.hpp"
#include "http/repeats.hpp"
#include "http/routes.hpp"
#include "http/topics.hpp"

#include "codec/json.hpp"

#include <algorithm>
#include <map>
#include <set>

namespace orrery::http {

namespace {

using codec::json_writer;

const std::map<std::string_view, std::string_view> group_texts = {
    {"orders", "Orders: submitted here or through `order_topic`, then fulfilled step by step."},
    {"tasks", "Tasks: one piece of work each, with its clocks, attempts and runs."},
    {"events", "What happens, as it happens: server-sent events."},
    {"dead-letters", "Records of the intake topics that could not be read or applied."},
    {"auth", "Signing in and out."},
    {"accounts", "Users, sessions, API keys and the audit log."},
    {"operations", "One command for every task that a filter finds, as tracked work."},
    {"system", "The node itself: health, figures, descriptions."},
};

std::string lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return out;
}

std::vector<std::string_view> words(std::string_view text) {
  std::vector<std::string_view> out;
  while (!text.empty()) {
    const auto word = text.substr(0, text.find(' '));
    text.remove_prefix(std::min(text.size(), word.size() + 1));
    if (!word.empty())
      out.push_back(word);
  }
  return out;
}

std::string_view media_text(media type) noexcept {
  switch (type) {
    case media::lines: return "application/x-ndjson";
    case media::metrics: return "text/plain";
    case media::events: return "text/event-stream";
    case media::html: return "text/html";
    case media::script: return "text/javascript";
    case media::style: return "text/css";
    case media::image: return "image/png";
    default: return "application/json";
  }
}

void write_reference(json_writer& out, std::string_view section, std::string_view name) {
  out.begin_object()
      .field("$ref", "#/components/" + std::string(section) + "/" + std::string(name))
      .end_object();
}

void write_parameters(json_writer& out, const route& r) {
  out.key("parameters").begin_array();
  for (const auto key : words(r.parameters))
    write_reference(out, "parameters", key);
  if (keeps_answers(r))
    write_reference(out, "parameters", "IdempotencyKey");
  if (r.submits) {
    write_reference(out, "parameters", "IdempotencyKey");
    if (r.body == body_kind::single)
      write_reference(out, "parameters", "PreferWait");
    write_reference(out, "parameters", "Traceparent");
  }
  out.end_array();
}

void write_body(json_writer& out, const route& r) {
  if (r.body == body_kind::none)
    return;
  const bool batch = r.body == body_kind::batch;
  out.key("requestBody").begin_object().field("required", r.submits).key("content").begin_object();
  out.key("application/json").begin_object().key("schema");
  if (batch) {
    out.begin_object().key("type").value("array").field("maxItems", 10'000);
    out.key("items");
    write_reference(out, "schemas", r.request);
    out.end_object();
  } else {
    write_reference(out, "schemas", r.request);
  }
  if (const auto examples = schemas().examples(r.request); !examples.empty()) {
    out.key("examples").begin_object();
    for (size_t i = 0; i < examples.size(); ++i) {
      out.key("example" + std::to_string(i + 1)).begin_object().key("value");
      out.raw(batch ? "[" + examples[i] + "]" : examples[i]).end_object();
    }
    out.end_object();
  }
  out.end_object();
  if (batch) {
    out.key("application/x-ndjson").begin_object().key("schema").begin_object();
    out.field("type", "string").field("description", "One object of the list per line.");
    out.end_object().end_object();
  }
  out.end_object().end_object();
}

std::set<int> errors_of(const route& r) {
  std::set<int> out{429, 431, 503};
  if (r.needs != permission::open)
    out.insert({401, 403});
  if (!r.parameters.empty() || r.body != body_kind::none)
    out.insert(400);
  if (r.pattern.find('{') != std::string_view::npos)
    out.insert(404);
  if (r.body != body_kind::none)
    out.insert({413, 415});
  if (keeps_answers(r))
    out.insert({409, 422});
  if (r.submits)
    out.insert(422);
  for (const auto word : words(r.errors))
    out.insert(std::stoi(std::string(word)));
  return out;
}

void write_responses(json_writer& out, const route& r) {
  out.key("responses").begin_object();
  out.key(std::to_string(r.status)).begin_object();
  out.field("description", reason_phrase(r.status)).key("headers").begin_object();
  out.key("X-Request-Id");
  write_reference(out, "headers", "RequestId");
  if (r.submits && r.body == body_kind::single) {
    out.key("Location");
    write_reference(out, "headers", "Location");
  }
  out.end_object();
  if (r.status != 204) {
    out.key("content").begin_object();
    // A file of the page is one of three.
    const auto kinds = r.answers == media::script
                           ? std::vector{media::script, media::style, media::image}
                           : std::vector{r.answers};
    for (const auto kind : kinds) {
      out.key(media_text(kind)).begin_object().key("schema");
      if (r.answer.empty())
        out.begin_object().field("type", "string").end_object();
      else
        write_reference(out, "schemas", r.answer);
      out.end_object();
    }
    out.end_object();
  }
  out.end_object();
  for (const int status : errors_of(r)) {
    out.key(std::to_string(status));
    write_reference(out, "responses", "Problem" + std::to_string(status));
  }
  out.end_object();
}

void write_operation(json_writer& out, const route& r) {
  const auto end = std::min(r.description.find(';'), r.description.find('.'));
  out.key(lower(to_string(r.verb))).begin_object();
  out.field("operationId", r.name).field("summary", r.description.substr(0, end));
  out.field("description",
            std::string(r.description) + " Permission: `" + std::string(to_string(r.needs)) + "`.");
  out.key("tags").begin_array().value(r.group).end_array();
  write_parameters(out, r);
  write_body(out, r);
  write_responses(out, r);
  out.key("security").begin_array();
  if (r.needs != permission::open)
    out.begin_object().key("bearer").begin_array().end_array().end_object();
  out.end_array();
  out.field("x-permission", to_string(r.needs)).end_object();
}

void write_paths(json_writer& out) {
  std::vector<std::string_view> order;
  std::map<std::string_view, std::vector<const route*>> by_path;
  for (const auto& r : routes()) {
    auto& rows = by_path[r.pattern];
    if (rows.empty())
      order.push_back(r.pattern);
    rows.push_back(&r);
  }
  out.key("paths").begin_object();
  for (const auto path : order) {
    out.key(path).begin_object();
    for (const auto* r : by_path[path])
      write_operation(out, *r);
    out.end_object();
  }
  out.end_object();
}

/// Messages of the topics that no route takes or answers.
std::vector<std::string_view> only_in_topics() {
  std::vector<std::string_view> out;
  for (const auto& t : topics())
    for (const auto& m : t.messages) {
      bool used = false;
      for (const auto& r : routes())
        used = used || r.request == m.schema || r.answer == m.schema;
      if (!used)
        out.push_back(m.schema);
    }
  return out;
}

void write_components(json_writer& out) {
  std::set<int> statuses;
  for (const auto& r : routes())
    statuses.merge(errors_of(r));
  out.key("components").begin_object();
  for (const auto section : {"schemas", "parameters", "headers"})
    out.key(section).raw(schemas().section_text(section, only_in_topics()));
  out.key("responses").begin_object();
  for (const int status : statuses) {
    out.key("Problem" + std::to_string(status)).begin_object();
    out.field("description", reason_phrase(status));
    if (status == 429 || status == 503) {
      out.key("headers").begin_object().key("Retry-After");
      write_reference(out, "headers", "RetryAfter");
      out.end_object();
    }
    out.key("content").begin_object().key("application/problem+json").begin_object();
    out.key("schema");
    write_reference(out, "schemas", "Problem");
    out.end_object().end_object().end_object();
  }
  out.end_object();
  out.key("securitySchemes").begin_object().key("bearer").begin_object();
  out.field("type", "http").field("scheme", "bearer");
  out.field("description", "A token: of a sign-in, an API key, or the node's own.");
  out.end_object().end_object().end_object();
}

std::string write_openapi() {
  std::string text;
  json_writer out(text);
  out.begin_object().field("openapi", "3.1.0").key("info").begin_object();
  out.field("title", "Orrery").field("version", "1.0.0");
  out.field("summary", "Orders and tasks that do not get lost.");
  out.field("description",
            "Times are RFC 3339 in UTC; durations (`format: time-span`) ISO 8601, seconds with or "
            "without a fraction (`30s` is read too); ids text. A member that is `null` counts as "
            "missing. Errors are problem documents (RFC 9457) that name "
            "the field.");
  out.key("license").begin_object().field("name", "Apache-2.0").field("identifier", "Apache-2.0");
  out.end_object().end_object();
  out.key("servers").begin_array().begin_object().field("url", "/");
  out.field("description", "This node; any node answers for all.").end_object().end_array();
  std::set<std::string_view> groups;
  for (const auto& r : routes())
    groups.insert(r.group);
  out.key("tags").begin_array();
  for (const auto group : groups) {
    out.begin_object().field("name", group);
    const auto text_of_group = group_texts.find(group);
    out.field("description", text_of_group == group_texts.end() ? group : text_of_group->second);
    out.end_object();
  }
  out.end_array();
  write_paths(out);
  write_components(out);
  out.end_object();
  return text;
}

}  // namespace

const std::string& openapi_document() {
  static const std::string text = write_openapi();
  return text;
}

}  // namespace orrery::http
