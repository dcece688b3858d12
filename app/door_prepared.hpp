#pragma once
/// A submission on its way into the log.

#include "domain/ports/front_door.hpp"

#include <optional>

namespace orrery::app {

/// A submission with its place.
struct door_prepared {
  submission item;
  accepted answer;
  std::string request_hash;  ///< Where it has an idempotency key.
  bool fresh = false;        ///< The id was made here and now.
  std::optional<failure> refused;

  const task_spec* of_task() const {
    const auto* wish = std::get_if<task_command>(&item.command);
    return wish ? &std::get<submit_task>(*wish).spec : nullptr;
  }
  bool has_unique_key() const { return of_task() && !of_task()->unique_key.empty(); }
};

}  // namespace orrery::app
