/// Loading schemas: JSON documents to nodes.

#include "codec/schema.hpp"

#include "codec/detail/schema_node.hpp"
#include "codec/order_fields.hpp"

#include <algorithm>
#include <array>
#include <deque>
#include <nlohmann/json.hpp>

namespace orrery::codec {

namespace {

using ordered = nlohmann::ordered_json;
constexpr std::string_view reference_prefix = "#/components/schemas/";
constexpr std::array<std::string_view, 7> describing = {
    "title", "description", "examples", "default", "deprecated", "writeOnly", "discriminator"};

/// Thrown and caught in this file alone: loading recurses, and every level would hand errors up.
struct refused {
  std::string sentence;
};

uint8_t type_bit(const std::string& name) {
  static const std::map<std::string, uint8_t> bits = {
      {"null", schema_node::is_null},       {"boolean", schema_node::is_boolean},
      {"integer", schema_node::is_integer}, {"number", schema_node::is_number},
      {"string", schema_node::is_string},   {"object", schema_node::is_object},
      {"array", schema_node::is_array}};
  const auto found = bits.find(name);
  if (found == bits.end())
    throw refused{"type " + name + " is not known"};
  return found->second;
}

text_format format_of(const std::string& name) {
  if (name == "date-time")
    return text_format::date_time;
  if (name == "time-span")
    return text_format::duration;
  if (name == "uuid")
    return text_format::uuid;
  if (name == "int64" || name == "int32" || name == "double" || name == "password" ||
      name == "uri-reference" || name == "uri" || name == "binary")
    return text_format::any;
  throw refused{"format " + name + " is not known"};
}

void add(ordered& section, const std::string& section_name, const std::string& name,
         const ordered& value) {
  if (section.contains(name))
    throw refused{section_name + "." + name + " is there twice"};
  section[name] = value;
}

class builder {
public:
  builder(std::deque<schema_node>& nodes, const std::map<std::string, schema_node*>& named)
      : nodes_(nodes), named_(named) {}

  const schema_node* make(const ordered& from) {
    auto& node = nodes_.emplace_back();
    fill(node, from);
    return &node;
  }

  void fill(schema_node& node, const ordered& from) {
    if (!from.is_object())
      throw refused{"a schema must be an object"};
    for (const auto& [key, value] : from.items())
      if (!fill_shape(node, key, value) && !fill_limit(node, key, value) &&
          std::find(describing.begin(), describing.end(), key) == describing.end())
        throw refused{"keyword " + key + " is not understood"};
    if (from.contains("required"))
      for (const auto& name : from["required"])
        require(node, name.get<std::string>());
  }

  schema_parameter parameter(const ordered& from) {
    schema_parameter out{from.at("name").get<std::string>(), from.at("in") == "path",
                         from.at("in") == "query", nullptr, nullptr};
    auto schema = from.at("schema");
    if (schema.contains("patternProperties")) {
      const auto& patterns = schema["patternProperties"];
      const auto understood = "^" + out.name + "\\.[A-Za-z0-9_.-]{1,64}$";
      if (patterns.size() != 1 || patterns.begin().key() != understood ||
          !from.value("explode", false) ||
          schema.value("maxProperties", size_t{0}) != asked_fields_max)
        throw refused{"of patternProperties only " + understood + " is understood"};
      out.fields = make(patterns.begin().value());
      schema.erase("patternProperties");
      schema.erase("maxProperties");
    }
    out.schema = make(schema);
    return out;
  }

private:
  bool fill_shape(schema_node& node, const std::string& key, const ordered& value) {
    if (key == "type") {
      const auto list = value.is_array() ? value : ordered::array({value});
      for (const auto& one : list)
        node.types |= type_bit(one.get<std::string>());
    } else if (key == "properties") {
      for (const auto& [name, schema] : value.items())
        node.properties.push_back({name, make(schema), false});
    } else if (key == "additionalProperties") {
      node.closed = !value.get<bool>();
    } else if (key == "items") {
      node.items = make(value);
    } else if (key == "anyOf") {
      for (const auto& one : value)
        node.any_of.push_back(make(one));
    } else if (key == "$ref") {
      node.target = resolve(value.get<std::string>());
    } else {
      return key == "required";
    }
    return true;
  }

  static bool fill_limit(schema_node& node, const std::string& key, const ordered& value) {
    if (key == "enum" || key == "const") {
      const auto list = key == "enum" ? value : ordered::array({value});
      for (const auto& one : list)
        node.choices.push_back(one.get<std::string>());
    } else if (key == "minLength") {
      node.length_min = value.get<size_t>();
    } else if (key == "maxLength") {
      node.length_max = value.get<size_t>();
    } else if (key == "minItems") {
      node.count_min = value.get<size_t>();
    } else if (key == "maxItems") {
      node.count_max = value.get<size_t>();
    } else if (key == "minimum") {
      node.minimum = value.get<double>();
    } else if (key == "maximum") {
      node.maximum = value.get<double>();
    } else if (key == "format") {
      node.format = format_of(value.get<std::string>());
    } else if (key == "readOnly") {
      node.read_only = value.get<bool>();
    } else {
      return false;
    }
    return true;
  }

  const schema_node* resolve(const std::string& reference) const {
    if (!reference.starts_with(reference_prefix))
      throw refused{"reference " + reference + " leads outside of the schemas"};
    const auto found = named_.find(reference.substr(reference_prefix.size()));
    if (found == named_.end())
      throw refused{"reference " + reference + " leads nowhere"};
    return found->second;
  }

  static void require(schema_node& node, const std::string& name) {
    for (auto& property : node.properties)
      if (property.name == name) {
        property.required = true;
        return;
      }
    throw refused{"required " + name + " is not among the properties"};
  }

  std::deque<schema_node>& nodes_;
  const std::map<std::string, schema_node*>& named_;
};

}  // namespace

struct schema_set::parts {
  std::map<std::string, ordered> sections;  ///< Each an object, sorted when it is written.
  std::deque<schema_node> nodes;            ///< Addresses stay.
  std::map<std::string, schema_node*> named;
  std::map<std::string, const schema_node*, std::less<>> schemas;
  std::map<std::string, schema_parameter, std::less<>> parameters;
};

bool schema_parameter::is_named(std::string_view written) const noexcept {
  if (fields == nullptr)
    return written == name;
  return written.size() > name.size() && written.starts_with(name) && written[name.size()] == '.' &&
         is_field_key(written.substr(name.size() + 1));
}

schema_set::schema_set() : parts_(std::make_unique<parts>()) {}
schema_set::~schema_set() = default;
schema_set::schema_set(schema_set&&) noexcept = default;
schema_set& schema_set::operator=(schema_set&&) noexcept = default;

result<schema_set> schema_set::load(const std::vector<std::string_view>& documents) {
  schema_set out;
  auto& p = *out.parts_;
  std::string at;
  try {
    for (const auto document : documents) {
      const auto parsed = ordered::parse(document);
      if (!parsed.is_object())
        throw refused{"must be an object of sections"};
      for (const auto& [section, members] : parsed.items())
        for (const auto& [name, value] : members.items())
          add(p.sections[section], section, name, value);
    }
    for (const auto& [name, value] : p.sections["schemas"].items())
      p.named[name] = &p.nodes.emplace_back();
    builder make(p.nodes, p.named);
    for (const auto& [name, value] : p.sections["schemas"].items()) {
      at = name + ": ";
      make.fill(*p.named[name], value);
      p.schemas[name] = p.named[name];
    }
    for (const auto& [name, value] : p.sections["parameters"].items()) {
      at = "parameter " + name + ": ";
      p.parameters[name] = make.parameter(value);
    }
  } catch (const refused& why) {
    return failure{errc::invalid, at + why.sentence};
  } catch (const ordered::exception& why) {
    return failure{errc::invalid, at + why.what()};
  }
  return out;
}

const schema_node* schema_set::find(std::string_view name) const {
  const auto found = parts_->schemas.find(name);
  return found == parts_->schemas.end() ? nullptr : found->second;
}

const schema_parameter* schema_set::find_parameter(std::string_view key) const {
  const auto found = parts_->parameters.find(key);
  return found == parts_->parameters.end() ? nullptr : &found->second;
}

std::string schema_set::section_text(std::string_view section,
                                     const std::vector<std::string_view>& without) const {
  const auto found = parts_->sections.find(std::string(section));
  if (found == parts_->sections.end())
    return "{}";
  nlohmann::json sorted(found->second);
  for (const auto name : without)
    sorted.erase(std::string(name));
  return sorted.dump();
}

std::vector<std::string> schema_set::names() const {
  std::vector<std::string> out;
  for (const auto& [name, node] : parts_->schemas)
    out.push_back(name);
  return out;
}

std::vector<std::string> schema_set::examples(std::string_view name) const {
  std::vector<std::string> out;
  const auto& all = parts_->sections.at("schemas");
  if (const auto found = all.find(std::string(name)); found != all.end())
    if (const auto list = found->find("examples"); list != found->end())
      for (const auto& one : *list)
        out.push_back(one.dump());
  return out;
}

}  // namespace orrery::codec
