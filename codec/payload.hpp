#pragma once
/// The payloads of the executors that run here, read once and for all.

#include "base/result.hpp"

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace orrery::codec {

/// Payload of an `exec` task: `{"command":"copy","args":{"from":"a","count":3},"stdin":"…"}`.
struct exec_payload {
  std::string command;
  /// By name; numbers and booleans in their JSON form.
  std::vector<std::pair<std::string, std::string>> args;
  std::string stdin_text;
};

/// Unknown fields are ignored. A failure is `invalid` and names the field: `command`, `args.count`,
/// `stdin`. No text holds a NUL except `stdin`'s. Never throws.
result<exec_payload> read_exec_payload(std::string_view json);

}  // namespace orrery::codec
