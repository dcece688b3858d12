#pragma once
/// Small values that operators set and all nodes obey: rules of queues and kinds. Few, rarely changed.
///
/// Adapters: PostgreSQL, SQLite, memory (persistence/); one suite runs against all three.

#include "base/result.hpp"

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace orrery {

struct setting_row {
  std::string name;      ///< At most 256 bytes.
  std::string value;     ///< Text in UTF-8.
  uint64_t version = 0;  ///< From 1; counts the changes.
  friend bool operator==(const setting_row&, const setting_row&) = default;
};

/// Used by one thread at a time; calls block.
class settings_store {
public:
  virtual ~settings_store() = default;
  /// Those whose name begins with `prefix`, by name.
  virtual result<std::vector<setting_row>> all(std::string_view prefix) = 0;
  /// Stores the value where the present version is `expected` (0 = there is none) and answers the new one;
  /// `conflict` where it is another.
  virtual result<uint64_t> put(std::string_view name, std::string_view value,
                               uint64_t expected) = 0;
};

/// Opens sessions. Thread-safe.
class settings_source {
public:
  virtual ~settings_source() = default;
  virtual std::unique_ptr<settings_store> open_settings() = 0;
};

}  // namespace orrery
