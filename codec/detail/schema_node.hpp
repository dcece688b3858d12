#pragma once
/// A schema made ready for checking.

#include <cstdint>
#include <limits>
#include <string>
#include <vector>

namespace orrery::codec {

enum class text_format : uint8_t { any, date_time, duration, uuid };

struct schema_property;

struct schema_node {
  // Bits of `types`; 0 = any.
  static constexpr uint8_t is_null = 1, is_boolean = 2, is_integer = 4, is_number = 8,
                           is_string = 16, is_object = 32, is_array = 64;
  uint8_t types = 0;
  text_format format = text_format::any;
  bool closed = false;  ///< `additionalProperties: false`
  bool read_only = false;
  const schema_node* target = nullptr;  ///< Of `$ref`.
  const schema_node* items = nullptr;
  size_t length_min = 0;
  size_t length_max = std::numeric_limits<size_t>::max();
  size_t count_min = 0;
  size_t count_max = std::numeric_limits<size_t>::max();
  double minimum = -std::numeric_limits<double>::infinity();
  double maximum = std::numeric_limits<double>::infinity();
  std::vector<std::string> choices;
  std::vector<schema_property> properties;
  std::vector<const schema_node*> any_of;
};

struct schema_property {
  std::string name;
  const schema_node* node = nullptr;
  bool required = false;
};

}  // namespace orrery::codec
