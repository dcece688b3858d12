#include "domain/flow_template.hpp"

#include <algorithm>
#include <array>

namespace orrery {

namespace {

void append_escaped(std::string& out, std::string_view text) {
  static constexpr char digits[] = "0123456789abcdef";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out.push_back('\\');
      out.push_back(c);
    } else if (byte < 0x20) {
      out.append("\\u00");
      out.push_back(digits[byte >> 4]);
      out.push_back(digits[byte & 0xf]);
    } else {
      out.push_back(c);
    }
  }
}

/// A value of the order: JSON as it is, or text that is to be quoted.
struct value {
  std::string text;
  bool is_json = false;
};

value text_of(std::string text) { return {std::move(text), false}; }
value json_of(std::string text) { return {std::move(text), true}; }

/// `steps.NAME.result` → NAME; empty where it is something else.
std::string_view step_named(std::string_view name) {
  constexpr std::string_view head = "steps.";
  constexpr std::string_view tail = ".result";
  if (name.size() <= head.size() + tail.size() || !name.starts_with(head) || !name.ends_with(tail))
    return {};
  return name.substr(head.size(), name.size() - head.size() - tail.size());
}

value value_of(std::string_view name, const order& o, std::string_view step) {
  if (name == "order.id")
    return text_of(to_string(o.id));
  if (name == "order.product")
    return text_of(o.spec->product);
  if (name == "order.quantity")
    return json_of(std::to_string(o.spec->quantity));
  if (name == "order.customer")
    return text_of(o.spec->customer);
  if (name == "order.reference")
    return text_of(o.spec->reference);
  if (name == "order.metadata")
    return json_of(o.spec->metadata);
  if (name == "step")
    return text_of(std::string(step));
  const auto other = step_named(name);
  for (size_t i = 0; i < o.steps.size(); ++i)
    if (o.plan->steps[i].name == other)
      return json_of(o.steps[i].result);
  return json_of({});
}

constexpr std::array<std::string_view, 7> plain_names = {
    "order.id",       "order.product", "order.quantity", "order.customer", "order.reference",
    "order.metadata", "step"};

/// The next placeholder from `from` on: where `${` stands, and what is within.
struct found_place {
  size_t at = std::string_view::npos;
  std::string_view name;
};
found_place next_place(std::string_view text, size_t from) {
  for (auto at = text.find("${", from); at != std::string_view::npos; at = text.find("${", at)) {
    if (at > 0 && text[at - 1] == '$') {
      at += 2;
      continue;
    }
    const auto end = text.find('}', at);
    if (end == std::string_view::npos)
      return {at, {}};
    return {at, text.substr(at + 2, end - at - 2)};
  }
  return {};
}

/// Copies literal text, with `$${` as `${`.
void append_literal(std::string& out, std::string_view text) {
  for (auto at = text.find("$${"); at != std::string_view::npos; at = text.find("$${")) {
    out.append(text.substr(0, at)).append("${");
    text.remove_prefix(at + 3);
  }
  out.append(text);
}

std::string whole_order(const order& o, std::string_view step) {
  std::string out = "{\"orderId\":\"";
  append_uuid(out, o.id.value);
  out += "\",\"product\":\"";
  append_escaped(out, o.spec->product);
  out += "\",\"quantity\":" + std::to_string(o.spec->quantity);
  if (!o.spec->customer.empty()) {
    out += ",\"customer\":\"";
    append_escaped(out, o.spec->customer);
    out += '"';
  }
  if (!o.spec->metadata.empty())
    out += ",\"metadata\":" + o.spec->metadata;
  out += ",\"step\":\"";
  append_escaped(out, step);
  out += "\"}";
  return out;
}

}  // namespace

std::string fill_template(std::string_view text, const order& o, std::string_view step) {
  if (text.empty())
    return whole_order(o, step);
  std::string out;
  size_t done = 0;
  for (auto place = next_place(text, 0); place.at != std::string_view::npos;
       place = next_place(text, done)) {
    const auto after = place.at + place.name.size() + 3;
    if (after > text.size())
      break;  // without its end: left as it is
    auto what = value_of(place.name, o, step);
    const bool alone =
        place.at > 0 && text[place.at - 1] == '"' && after < text.size() && text[after] == '"';
    if (alone && what.is_json) {
      append_literal(out, text.substr(done, place.at - 1 - done));
      out.append(what.text.empty() ? "null" : what.text);
      done = after + 1;
      continue;
    }
    append_literal(out, text.substr(done, place.at - done));
    append_escaped(out, what.text);
    done = after;
  }
  append_literal(out, text.substr(done));
  return out;
}

std::string with_member(std::string_view object, std::string_view name, std::string_view value) {
  const auto open = object.find('{');
  if (open == std::string_view::npos)
    return std::string(object);
  const auto rest = object.substr(open + 1);
  const auto next = rest.find_first_not_of(" \t\r\n");
  std::string out = "{\"";
  out.append(name).append("\":\"").append(value).append("\"");
  if (next != std::string_view::npos && rest[next] != '}')
    out += ',';
  return out.append(rest);
}

result<void> check_template(std::string_view text, const flow& f) {
  size_t done = 0;
  for (auto place = next_place(text, 0); place.at != std::string_view::npos;
       place = next_place(text, done)) {
    if (place.name.empty())
      return failure{errc::invalid, "has a ${ without a name and its }"};
    const auto step = step_named(place.name);
    const bool known =
        step.empty()
            ? std::find(plain_names.begin(), plain_names.end(), place.name) != plain_names.end()
            : std::any_of(f.steps.begin(), f.steps.end(),
                          [&](const flow_step& s) { return s.name == step; });
    if (!known)
      return failure{errc::invalid, "has ${" + std::string(place.name) + "}, which is not known"};
    done = place.at + place.name.size() + 3;
  }
  return {};
}

}  // namespace orrery
