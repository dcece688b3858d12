#pragma once
/// The topics as data: what AsyncAPI is made from.

#include <span>
#include <string_view>
#include <vector>

namespace orrery::http {

struct topic_message {
  std::string_view schema;  ///< Of `http/api/*.json`; also the message's name.
  std::string_view title;
};

struct topic {
  std::string_view name;  ///< Without the configured prefix.
  bool incoming = false;
  std::string_view description;
  std::vector<topic_message> messages;
};

std::span<const topic> topics();

}  // namespace orrery::http
