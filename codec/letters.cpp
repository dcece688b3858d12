#include "codec/letters.hpp"

#include "codec/detail/member.hpp"
#include "codec/detail/wire.hpp"
#include "codec/json.hpp"

namespace orrery::codec {

namespace {

using detail::json_value;
using detail::member;

constexpr size_t preview_bytes = 1024;
constexpr int64_t default_batch = 100;

std::string base64(std::string_view bytes) {
  static constexpr char digits[] =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  out.reserve((bytes.size() + 2) / 3 * 4);
  for (size_t i = 0; i < bytes.size(); i += 3) {
    uint32_t group = 0;
    for (size_t j = 0; j < 3; ++j)
      group = group << 8 | (i + j < bytes.size() ? static_cast<uint8_t>(bytes[i + j]) : 0U);
    for (size_t j = 0; j < 4; ++j)
      out += i + j > bytes.size() ? '=' : digits[group >> (18 - 6 * j) & 63];
  }
  return out;
}

/// Whether JSON can show the bytes without loss.
bool is_text(std::string_view bytes) {
  std::string shown;
  append_string(shown, bytes);
  static constexpr std::string_view replacement = "\xEF\xBF\xBD";
  return shown.find(replacement) == std::string::npos ||
         bytes.find(replacement) != std::string_view::npos;
}

void write_bytes(json_writer& out, const std::string& name, std::string_view bytes) {
  if (is_text(bytes))
    out.field(name, bytes);
  else
    out.field(name + "Base64", base64(bytes));
}

/// Does not end within a character.
std::string_view preview(std::string_view bytes) {
  auto length = std::min(bytes.size(), preview_bytes);
  if (length < bytes.size())
    for (int i = 0; i < 3 && (static_cast<uint8_t>(bytes[length]) & 0xC0U) == 0x80U; ++i)
      --length;
  return bytes.substr(0, length);
}

std::string_view topic_of(intake source) {
  return source == intake::orders ? "order_topic" : "task_topic";
}

void write_settlement(json_writer& out, const stored_letter& one) {
  if (one.state == letter_state::open)
    return;
  out.key(one.state == letter_state::discarded ? "discarded" : "redriven").begin_object();
  out.field("at", one.settled_at).optional_field("by", one.settled_by);
  if (one.state == letter_state::discarded)
    out.optional_field("reason", one.note);
  if (one.state == letter_state::redriven)
    out.field("offset", one.redriven_to);
  if (one.edited)
    out.field("edited", true);
  out.end_object();
}

/// Reads an object; `take` says whether it knows the member, and leaves its complaint in `error`.
template <class Take>
result<void> read_members(std::string_view body, failure& error, Take take) {
  if (detail::trimmed(body).empty())
    return {};
  bool good = true;
  auto told = detail::read_json(body, detail::outermost::object,
                                [&](std::string_view key, json_value& value) {
                                  good = take(key, member(key, value, error), value);
                                  return good;
                                });
  if (!good)
    return error;
  return told;
}

}  // namespace

std::string encode_headers(const std::vector<log_header>& headers) {
  std::string out;
  for (const auto& header : headers) {
    std::string one;
    detail::wire_writer writer(one);
    writer.bytes(1, header.name);
    writer.bytes(2, header.value);
    detail::wire_writer(out).bytes(1, one);
  }
  return out;
}

result<std::vector<log_header>> decode_headers(std::string_view bytes) {
  const failure bad{errc::corrupt, "the headers of a dead letter cannot be read"};
  std::vector<log_header> out;
  detail::wire_reader reader(bytes);
  detail::wire_field field;
  while (reader.next(field)) {
    if (field.number != 1 || field.type != detail::wire_type::bytes)
      continue;
    log_header header;
    detail::wire_reader inner(field.bytes);
    detail::wire_field part;
    while (inner.next(part)) {
      if (part.number == 1)
        header.name = part.bytes;
      else if (part.number == 2)
        header.value = part.bytes;
    }
    if (inner.broken())
      return bad;
    out.push_back(std::move(header));
  }
  if (reader.broken())
    return bad;
  return out;
}

void append_view(std::string& out, const stored_letter& one, bool whole) {
  const auto& letter = one.letter;
  json_writer writer(out);
  writer.begin_object().field("id", std::to_string(one.number));
  writer.field("topic", topic_of(letter.source)).field("shard", uint32_t{letter.shard.value});
  writer.field("offset", letter.offset).field("at", letter.at).field("reason", letter.reason);
  writer.field("state", to_string(one.state));
  write_settlement(writer, one);
  writer.field("copied", one.copied);
  if (!letter.key.empty())
    write_bytes(writer, "key", letter.key);
  const auto shown = whole ? std::string_view(letter.value) : preview(letter.value);
  write_bytes(writer, "value", shown);
  writer.field("valueBytes", static_cast<uint64_t>(letter.value.size()));
  if (shown.size() < letter.value.size())
    writer.field("valueCut", true);
  if (whole) {
    writer.key("headers").begin_array();
    for (const auto& header : letter.headers) {
      writer.begin_object().field("name", header.name);
      write_bytes(writer, "value", header.value);
      writer.end_object();
    }
    writer.end_array();
  }
  writer.end_object();
}

result<letter_wish> read_letter_wish(letter_wish::verb what, std::string_view body) {
  letter_wish wish;
  wish.what = what;
  failure error;
  const auto take = [&](std::string_view key, const member& m, json_value& value) {
    if (what == letter_wish::verb::discard)
      return key == "reason" ? m.text(wish.reason, limits::text_bytes)
                             : m.refuse("is not a member of this body");
    if (key != "value")
      return m.refuse("is not a member of this body");
    if (value.is == json_value::form::string)
      wish.value = std::move(*value.text);
    else if (value.is == json_value::form::object)
      wish.value = std::string(value.raw);
    else
      return m.refuse("must be a text or an object");
    return true;
  };
  if (auto ok = read_members(body, error, take); !ok)
    return std::move(ok).error();
  return wish;
}

result<letters_wish> read_letters_wish(letter_wish::verb what, std::string_view body) {
  letters_wish out;
  out.wish.what = what;
  auto& query = out.query;
  bool all = false;
  int64_t limit = default_batch;
  std::string topic;
  failure error;
  const auto take = [&](std::string_view key, const member& m, json_value&) {
    if (key == "topic")
      return m.text(topic, limits::name_bytes);
    if (key == "reason")
      return m.text(query.reason, limits::text_bytes);
    if (key == "note" && what == letter_wish::verb::discard)
      return m.text(out.wish.reason, limits::text_bytes);
    if (key == "from")
      return m.time(query.from);
    if (key == "to")
      return m.time(query.to);
    if (key == "limit")
      return m.whole(limit);
    return key == "all" ? m.flag(all) : m.refuse("is not a member of this body");
  };
  if (auto ok = read_members(body, error, take); !ok)
    return std::move(ok).error();
  if (!topic.empty()) {
    query.source = parse_intake(topic);
    if (!query.source)
      return detail::invalid("topic", "must be order_topic or task_topic");
  }
  if (limit < 1 || limit > static_cast<int64_t>(limits::list_items))
    return detail::invalid("limit", "must be a number from 1 to 1000");
  query.limit = static_cast<size_t>(limit);
  const bool filtered =
      query.source || !query.reason.empty() || query.from != never || query.to != never;
  if (!filtered && !all)
    return detail::invalid("all", "must be true where nothing is filtered");
  return out;
}

std::optional<intake> parse_intake(std::string_view text) noexcept {
  if (text == "order_topic" || text == "orders")
    return intake::orders;
  if (text == "task_topic" || text == "tasks")
    return intake::tasks;
  return std::nullopt;
}

}  // namespace orrery::codec
