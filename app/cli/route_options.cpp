#include "app/cli/route_options.hpp"

#include "app/cli/command_table.hpp"
#include "base/check.hpp"
#include "codec/json_tree.hpp"
#include "http/api.hpp"
#include "http/repeats.hpp"

#include <algorithm>

namespace orrery::cli {

namespace {

using codec::json_tree;

const json_tree& section(std::string_view name) {
  const auto load = [](std::string_view which) {
    auto tree = json_tree::read(http::schemas().section_text(which));
    CHECK(tree.has_value(), "the API's own schemas can be read");
    return std::move(*tree);
  };
  static const json_tree schemas = load("schemas");
  static const json_tree parameters = load("parameters");
  return name == "schemas" ? schemas : parameters;
}

const json_tree& member(const json_tree& of, std::string_view name) {
  static const json_tree nothing;
  for (const auto& [key, value] : of.members)
    if (key == name)
      return value;
  return nothing;
}

/// Follows `$ref`.
const json_tree& resolved(const json_tree& schema) {
  const auto& to = member(schema, "$ref").scalar;
  return to.empty() ? schema : member(section("schemas"), to.substr(to.rfind('/') + 1));
}

/// The one type that counts for a command line; empty = any.
std::string type_of(const json_tree& schema) {
  const auto& type = member(schema, "type");
  if (type.is == json_tree::form::text)
    return type.scalar;
  std::string found;
  for (const auto& one : type.items)
    if (one.scalar != "null")
      found = found.empty() ? one.scalar : "any";
  return found == "any" ? "" : found;
}

option_form form_of(const json_tree& schema) {
  const auto type = type_of(schema);
  if (type == "string")
    return option_form::text;
  if (type == "integer" || type == "number")
    return option_form::number;
  if (type == "boolean")
    return option_form::flag;
  if (type == "array" && type_of(resolved(member(schema, "items"))) == "string")
    return option_form::texts;
  return option_form::json;
}

std::vector<std::string> choices_of(const json_tree& schema) {
  const auto& items = resolved(member(schema, "items"));
  std::vector<std::string> out;
  for (const auto& one : member(items.members.empty() ? schema : items, "enum").items)
    out.push_back(one.scalar);
  return out;
}

route_option make(const json_tree& schema, std::string name, std::string help) {
  const auto& real = resolved(schema);
  route_option out;
  out.form = form_of(real);
  out.choices = choices_of(real);
  out.help = std::move(help);
  if (out.help.empty())
    out.help = member(real, "description").scalar;
  out.name = std::move(name);
  out.option = "--" + kebab(out.name);
  return out;
}

route_option make_parameter(std::string_view key) {
  const auto& p = member(section("parameters"), key);
  auto out = make(member(p, "schema"), member(p, "name").scalar, member(p, "description").scalar);
  const auto& where = member(p, "in").scalar;
  out.place = where == "path"     ? option_place::path
              : where == "header" ? option_place::header
                                  : option_place::query;
  if (out.place == option_place::path) {
    out.option = kebab(out.name);
    out.required = true;
  } else if (out.choices == std::vector<std::string>{"true", "false"}) {
    out.form = option_form::flag;
    out.choices.clear();
  } else if (type_of(member(p, "schema")) == "object") {
    out.form = option_form::texts;
    out.fields = true;
    out.help = "KEY=VALUE, a field of the metadata; several must all be";
  } else if (out.form == option_form::texts) {
    out.form = option_form::text;  // a list separated by commas, in one parameter
  }
  return out;
}

bool is_secret(std::string_view name) {
  return name == "password" || name == "oldPassword" || name == "newPassword" || name == "token" ||
         name == "refreshToken";
}

void add_body(const http::route& route, std::vector<route_option>& out) {
  const auto& schema = member(section("schemas"), route.request);
  const auto& required = member(schema, "required").items;
  for (const auto& [name, property] : member(schema, "properties").members) {
    if (member(resolved(property), "readOnly").scalar == "true" ||
        member(property, "readOnly").scalar == "true" || name == "command")
      continue;
    auto one = make(property, name, member(property, "description").scalar);
    one.place = option_place::body;
    one.secret = is_secret(name);
    one.required = std::any_of(required.begin(), required.end(),
                               [&](const json_tree& r) { return r.scalar == name; });
    // A filter of one route and a member of its body may have one name: both are meant.
    const auto taken = [&](const route_option& o) { return o.option == one.option; };
    if (std::none_of(out.begin(), out.end(), taken))
      out.push_back(std::move(one));
  }
}

}  // namespace

std::vector<route_option> options_of(const http::route& route) {
  std::vector<route_option> out;
  auto keys = std::string(route.parameters);
  if (route.submits || http::keeps_answers(route))
    keys += " IdempotencyKey";
  for (std::string_view rest = keys; !rest.empty();) {
    const auto key = rest.substr(0, rest.find(' '));
    rest.remove_prefix(std::min(rest.size(), key.size() + 1));
    if (!key.empty() && key != "LastEventId")
      out.push_back(make_parameter(key));
  }
  if (route.body == http::body_kind::single && !route.request.empty())
    add_body(route, out);
  return out;
}

}  // namespace orrery::cli
