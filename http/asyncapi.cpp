/// AsyncAPI: the topics, with the schemas that requests are checked against.

#include "http/api.hpp"
#include "http/topics.hpp"

#include "codec/json.hpp"

namespace orrery::http {

namespace {

using codec::json_writer;

void write_reference(json_writer& out, const std::string& to) {
  out.begin_object().field("$ref", to).end_object();
}

std::string name_of(const topic_message& m) { return std::string(m.schema); }

void write_channels(json_writer& out) {
  out.key("channels").begin_object();
  for (const auto& topic : topics()) {
    out.key(topic.name).begin_object().field("address", topic.name);
    out.field("description", topic.description).key("messages").begin_object();
    for (const auto& m : topic.messages) {
      out.key(name_of(m));
      write_reference(out, "#/components/messages/" + name_of(m));
    }
    out.end_object().end_object();
  }
  out.end_object();
}

void write_operations(json_writer& out) {
  out.key("operations").begin_object();
  for (const auto& topic : topics()) {
    // As the node sees it: what comes in it receives, what goes out it sends.
    out.key((topic.incoming ? "receive_" : "send_") + std::string(topic.name)).begin_object();
    out.field("action", topic.incoming ? "receive" : "send").key("channel");
    write_reference(out, "#/channels/" + std::string(topic.name));
    out.field("summary", topic.description).key("messages").begin_array();
    for (const auto& m : topic.messages)
      write_reference(out, "#/channels/" + std::string(topic.name) + "/messages/" + name_of(m));
    out.end_array().end_object();
  }
  out.end_object();
}

void write_messages(json_writer& out) {
  out.key("messages").begin_object();
  for (const auto& topic : topics())
    for (const auto& m : topic.messages) {
      out.key(name_of(m)).begin_object().field("name", name_of(m)).field("title", m.title);
      out.field("contentType", "application/json").key("payload");
      write_reference(out, "#/components/schemas/" + name_of(m));
      const auto examples = schemas().examples(m.schema);
      if (!examples.empty()) {
        out.key("examples").begin_array();
        for (const auto& example : examples)
          out.begin_object().key("payload").raw(example).end_object();
        out.end_array();
      }
      out.end_object();
    }
  out.end_object();
}

std::string write_asyncapi() {
  std::string text;
  json_writer out(text);
  out.begin_object().field("asyncapi", "3.0.0").key("info").begin_object();
  out.field("title", "Orrery topics").field("version", "1.0.0");
  out.field(
      "description",
      "Keys are entity ids; status topics carry CloudEvents 1.0 in binary mode (`ce_…` headers) "
      "and `traceparent`. Guarantees: event_catalog.md.");
  out.key("license").begin_object().field("name", "Apache-2.0").end_object().end_object();
  out.field("defaultContentType", "application/json");
  out.key("servers").begin_object().key("kafka").begin_object();
  out.field("host", "localhost:9092").field("protocol", "kafka");
  out.field("description", "The broker of `log = kafka://…`.").end_object().end_object();
  write_channels(out);
  write_operations(out);
  out.key("components").begin_object().key("schemas").raw(schemas().section_text("schemas"));
  write_messages(out);
  out.end_object().end_object();
  return text;
}

}  // namespace

const std::string& asyncapi_document() {
  static const std::string text = write_asyncapi();
  return text;
}

}  // namespace orrery::http
