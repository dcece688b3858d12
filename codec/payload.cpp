#include "codec/payload.hpp"

#include "codec/json.hpp"

#include <nlohmann/json.hpp>

namespace orrery::codec {

namespace {

using nlohmann::json;

failure wrong(std::string field, std::string detail) {
  return failure{errc::invalid, std::move(detail), std::move(field)};
}

bool holds_nul(std::string_view text) { return text.find('\0') != std::string_view::npos; }

result<std::string> argument(const std::string& name, const json& value) {
  if (value.is_string()) {
    auto text = value.get<std::string>();
    if (holds_nul(text))
      return wrong("args." + name, "must not hold a NUL character");
    return text;
  }
  if (value.is_number() || value.is_boolean())
    return value.dump();
  return wrong("args." + name, "must be a text, a number or a boolean");
}

result<exec_payload> read_object(const json& root) {
  if (!root.is_object())
    return wrong("payload", "must be an object with a command");
  exec_payload payload;
  const auto command = root.find("command");
  if (command == root.end() || !command->is_string() ||
      command->get_ref<const std::string&>().empty())
    return wrong("command", "must be the name of a configured command");
  payload.command = command->get<std::string>();
  if (holds_nul(payload.command))
    return wrong("command", "must not hold a NUL character");
  if (const auto args = root.find("args"); args != root.end() && !args->is_null()) {
    if (!args->is_object())
      return wrong("args", "must be an object");
    for (const auto& [name, value] : args->items()) {
      auto text = argument(name, value);
      if (!text)
        return std::move(text).error();
      payload.args.emplace_back(name, *std::move(text));
    }
  }
  if (const auto input = root.find("stdin"); input != root.end() && !input->is_null()) {
    if (!input->is_string())
      return wrong("stdin", "must be a text");
    payload.stdin_text = input->get<std::string>();
  }
  return payload;
}

}  // namespace

result<exec_payload> read_exec_payload(std::string_view text) {
  // Checked before it is parsed, so that depth and number of keys are bounded.
  if (auto valid = check_json(text); !valid)
    return wrong("payload", valid.error().detail);
  try {
    return read_object(json::parse(text));
  } catch (const json::exception& e) {
    return wrong("payload", e.what());
  }
}

}  // namespace orrery::codec
