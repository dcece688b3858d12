#include "codec/messages.hpp"

#include "codec/detail/bodies.hpp"
#include "codec/detail/member.hpp"
#include "codec/detail/schedule_body.hpp"

#include <algorithm>
#include <array>

namespace orrery::codec {

namespace {

using namespace detail;

/// One body: a payload, the texts beside it, and their escapes.
constexpr size_t body_bytes = 2 * limits::payload_bytes;

constexpr std::array<std::string_view, 5> task_intake_verbs = {"submit", "cancel", "rerun",
                                                               "complete", "fail"};
constexpr std::array<std::string_view, 5> order_intake_verbs = {"submit", "cancel", "confirm",
                                                                "reject", "complete"};

result<void> fits(std::string_view text) {
  if (text.size() > body_bytes)
    return detail::invalid({}, "is larger than " + std::to_string(body_bytes) + " bytes");
  return {};
}

result<intake_message> intake_of(auto body, const auto& verbs, std::string_view id_field) {
  const std::string verb = body.command.empty() ? "submit" : body.command;
  if (std::find(verbs.begin(), verbs.end(), verb) == verbs.end()) {
    std::string known = "must be one of";
    for (const auto v : verbs)
      known.append(" ").append(v);
    return detail::invalid("command", known);
  }
  if (verb != "submit" && body.id_text.empty())
    return detail::invalid(id_field, "is missing");
  auto id_text = std::move(body.id_text);
  auto command = command_of(verb, std::move(body));
  if (!command)
    return std::move(command).error();
  return intake_message{std::move(id_text), std::move(**command)};
}

result<submission> submission_of(entity_kind kind, auto body) {
  if (!body.command.empty() && body.command != "submit")
    return detail::invalid("command", "must be submit, or left out");
  submission s;
  s.kind = kind;
  s.id_text = std::move(body.id_text);
  auto command = command_of("submit", std::move(body));
  if (!command)
    return std::move(command).error();
  s.command = std::move(**command);
  return s;
}

failure in_item(failure why, size_t index) {
  auto field = "items[" + std::to_string(index) + "]";
  if (!why.field.empty())
    field += "." + why.field;
  why.field = std::move(field);
  return why;
}

/// The bodies of an NDJSON text: one per line, empty lines left out.
result<std::vector<std::string_view>> split_lines(std::string_view text) {
  std::vector<std::string_view> items;
  while (!text.empty()) {
    const auto end = text.find('\n');
    if (const auto line = trimmed(text.substr(0, end)); !line.empty()) {
      if (items.size() == limits::batch_items)
        return detail::invalid({},
                               "has more than " + std::to_string(limits::batch_items) + " items");
      items.push_back(line);
    }
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
  return items;
}

}  // namespace

result<intake_message> read_intake(intake topic, std::string_view value) {
  if (auto ok = fits(value); !ok)
    return std::move(ok).error();
  if (topic == intake::tasks) {
    auto body = read_task_body(value);
    return body ? intake_of(std::move(*body), task_intake_verbs, "taskId")
                : result<intake_message>(std::move(body).error());
  }
  auto body = read_order_body(value);
  return body ? intake_of(std::move(*body), order_intake_verbs, "orderId")
              : result<intake_message>(std::move(body).error());
}

result<submission> read_submission(entity_kind kind, std::string_view body) {
  if (auto ok = fits(body); !ok)
    return std::move(ok).error();
  if (kind == entity_kind::task) {
    auto read = read_task_body(body);
    return read ? submission_of(kind, std::move(*read))
                : result<submission>(std::move(read).error());
  }
  auto read = read_order_body(body);
  return read ? submission_of(kind, std::move(*read)) : result<submission>(std::move(read).error());
}

result<batch_text> split_batch(std::string_view body) {
  if (body.size() > limits::batch_bytes)
    return detail::invalid({}, "is larger than 16 MiB");
  const auto as_batch = [](result<std::vector<std::string_view>> items,
                           bool atomic) -> result<batch_text> {
    if (!items)
      return std::move(items).error();
    if (items->empty())
      return detail::invalid("items", "has no items");
    return batch_text{std::move(*items), atomic};
  };
  body = trimmed(body);
  if (body.starts_with('['))
    return as_batch(split_array(body, limits::batch_items), true);
  const bool one_value = end_of_value(body, 0) == body.size();
  if (!one_value)
    return as_batch(split_lines(body), true);
  std::string_view items;
  bool atomic = true;
  failure why;
  bool good = true;
  auto told = read_json(
      body, outermost::object,
      [&](std::string_view key, json_value& value) {
        if (key == "items") {
          items = value.raw;
          if (value.is != json_value::form::array)
            good = member(key, value, why).refuse("must be a list");
        } else if (key == "atomic") {
          good = member(key, value, why).flag(atomic);
        }
        return good;
      },
      limits::batch_bytes);
  if (!good)
    return why;
  if (!told)
    return std::move(told).error();
  if (items.empty())
    return batch_text{{body}, true};
  return as_batch(split_array(items, limits::batch_items), atomic);
}

result<std::vector<submission>> read_batch(entity_kind kind, std::string_view body) {
  auto batch = split_batch(body);
  if (!batch)
    return std::move(batch).error();
  const auto& items = batch->items;
  std::vector<submission> read;
  read.reserve(items.size());
  for (size_t i = 0; i < items.size(); ++i) {
    auto one = read_submission(kind, items[i]);
    if (!one)
      return in_item(std::move(one).error(), i);
    read.push_back(std::move(*one));
  }
  return read;
}

result<entity_command> read_command(entity_kind kind, std::string_view verb,
                                    std::string_view body) {
  if (auto ok = fits(body); !ok)
    return std::move(ok).error();
  const auto text = trimmed(body).empty() ? std::string_view("{}") : body;
  const auto read = [&](auto parsed) -> result<std::optional<entity_command>> {
    if (!parsed)
      return std::move(parsed).error();
    if (verb == "submit")
      return std::optional<entity_command>{};
    return command_of(verb, std::move(*parsed));
  };
  auto command = kind == entity_kind::schedule ? schedule_command_of(verb, text)
                 : kind == entity_kind::task   ? read(read_task_body(text))
                                               : read(read_order_body(text));
  if (!command)
    return std::move(command).error();
  if (!*command)
    return failure{errc::not_found, "there is no command " + std::string(verb.substr(0, 64)) +
                                        " for " + std::string(to_string(kind)) + "s"};
  return std::move(**command);
}

}  // namespace orrery::codec
