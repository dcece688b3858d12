#pragma once
/// JSON Schemas as data: what requests are checked against and what OpenAPI and AsyncAPI show, so the
/// two cannot differ.
///
/// Understood is a part of JSON Schema 2020-12: `type` (also a list), `properties`, `required`,
/// `additionalProperties` (true or false), `items`, `minItems`, `maxItems`, `enum` and `const` of strings,
/// `minLength`, `maxLength`, `minimum`, `maximum`, `format` (date-time, duration, uuid), `anyOf`,
/// `readOnly`, `$ref` to `#/components/schemas/…`. What only describes (`title`, `description`,
/// `examples`, `default`, `deprecated`, `writeOnly`) is kept for the documents. A parameter of form object
/// may have one of `patternProperties`: `^NAME\\.[A-Za-z0-9_.-]{1,64}$`. Any other keyword is a
/// failure at loading, so that no schema promises what nobody checks.
///
/// Two things are as in the messages (codec/messages.hpp): a member that is `null` counts as missing, and
/// a duration may also be the short form `30s`. A member marked `readOnly` is refused: the server sets it.

#include "base/result.hpp"

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace orrery::codec {

struct schema_node;

struct schema_parameter {
  std::string name;  ///< As the client writes it.
  bool in_path = false;
  bool in_query = false;
  const schema_node* schema = nullptr;
  /// Of the values, where it stands for many: each named NAME.KEY, with a key as `is_field_key` says
  /// (codec/order_fields.hpp). Else null.
  const schema_node* fields = nullptr;

  /// Whether a client that writes this name means this parameter.
  bool is_named(std::string_view written) const noexcept;
  const schema_node& schema_of_value() const noexcept { return fields ? *fields : *schema; }
};

/// A set of named schemas. Immutable once loaded; thread-safe.
class schema_set {
public:
  schema_set();
  ~schema_set();
  schema_set(schema_set&&) noexcept;
  schema_set& operator=(schema_set&&) noexcept;

  /// Adds the members of `schemas`, `parameters` and the like of JSON documents of the form
  /// `{"schemas":{…},"parameters":{…}}`. `invalid` for text that is not JSON, a name that comes twice, a
  /// keyword that is not understood, a reference that leads nowhere.
  static result<schema_set> load(const std::vector<std::string_view>& documents);

  /// Null where there is none of that name.
  const schema_node* find(std::string_view name) const;
  /// By its key in `parameters`; null where there is none.
  const schema_parameter* find_parameter(std::string_view key) const;

  /// A section as JSON text, in order of name, but for the names in `without`.
  std::string section_text(std::string_view section,
                           const std::vector<std::string_view>& without = {}) const;
  std::vector<std::string> names() const;
  /// The `examples` of a schema, each as JSON text.
  std::vector<std::string> examples(std::string_view name) const;

private:
  struct parts;
  std::unique_ptr<parts> parts_;
};

/// Checks one JSON text. What is not JSON is not judged here (the reader behind names the byte). The
/// failure's `field` is the path: `retry.maxAttempts`, `items[3].ttl`.
result<void> check_value(const schema_node& schema, std::string_view json,
                         std::string_view path = {});
/// A batch in its three forms (array, `{"items":[…]}`, one value per line): each item is checked. Paths
/// begin with `items[n]`.
result<void> check_batch(const schema_node& item, std::string_view body);
/// A parameter's text: numbers and booleans as they are written, a list separated by commas.
result<void> check_parameter(const schema_node& schema, std::string_view text,
                             std::string_view name);

}  // namespace orrery::codec
