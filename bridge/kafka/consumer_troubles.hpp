#pragma once
/// What the library reports to a consumer instead of a record.

#include "bridge/kafka/handles.hpp"

#include <functional>

namespace orrery::kafka {

/// Tells what waiting cannot mend, once, and logs the rest now and then. Of one thread.
class consumer_troubles {
public:
  explicit consumer_troubles(std::function<void(const std::string& why)> final);
  void take(const rd_kafka_message_t& message);

private:
  std::function<void(const std::string&)> final_;
  std::chrono::steady_clock::time_point warned_{};
  bool failed_ = false;
};

}  // namespace orrery::kafka
