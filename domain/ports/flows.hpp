#pragma once
/// Where flows are kept. Versions are never changed or deleted: an order may have begun with any.

#include "domain/flow.hpp"

#include <functional>
#include <memory>
#include <vector>

namespace orrery {

/// One session of a store. All calls block; used by one thread at a time.
class flow_shelf {
public:
  virtual ~flow_shelf() = default;
  /// Stores a flow as the next version of its name and answers it; where it is the same as the newest
  /// version, nothing is stored and that one is answered. Two at once get two versions.
  virtual result<flow> put(const flow& f, time_point now) = 0;
  /// The newest version of each name, by name.
  virtual result<std::vector<flow>> newest() = 0;
  /// `version` 0 = the newest. `not_found` where there is none.
  virtual result<flow> get(std::string_view name, uint32_t version) = 0;
};

/// A store that keeps flows. Thread-safe.
class flow_source {
public:
  virtual ~flow_source() = default;
  virtual std::unique_ptr<flow_shelf> open_flows() = 0;
};

/// What the faces of a node may ask about flows. Thread-safe; calls return at once, and `done` runs
/// exactly once, on any thread.
class flow_desk {
public:
  virtual ~flow_desk() = default;
  /// Checks and stores; `invalid` names the place, as `steps[2].dependsOn`.
  virtual void put(flow f, std::function<void(result<flow>)> done) = 0;
  virtual void list(std::function<void(result<std::vector<flow>>)> done) = 0;
  virtual void get(std::string name, uint32_t version, std::function<void(result<flow>)> done) = 0;
};

/// A door (domain/ports/front_door.hpp) that also knows flows is one of these. Valid as long as it.
class flow_hall {
public:
  virtual ~flow_hall() = default;
  /// Null where the node keeps none.
  virtual flow_desk* flows() = 0;
};

}  // namespace orrery
