#pragma once
/// Named commands: what the `exec` executor may run, and how a payload becomes an argument vector.
/// Only what the operator configured is ever started, and never through a shell of ours.

#include "base/result.hpp"
#include "base/time.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace orrery {

/// Bounds that the kernel keeps for a process and what it starts. Empty = inherited from the node.
struct process_limits {
  std::optional<uint64_t> address_space_bytes;
  std::optional<uint64_t> cpu_seconds;
  std::optional<uint64_t> file_bytes;  ///< Size of a file that it writes.
  std::optional<uint64_t> open_files = 1024;
  std::optional<uint64_t> core_bytes = 0;
};

/// One configured command.
struct command_template {
  /// `argv[0]` is an absolute path without placeholders. In the other elements `{name}` is replaced
  /// by the payload's argument of that name; `{{` stands for one brace. An element stays one
  /// argument whatever its value holds; put `--` before values that might begin with a dash.
  std::vector<std::string> argv;
  std::string directory = "/";                     ///< Working directory; absolute.
  std::map<std::string, std::string> environment;  ///< Beside PATH, LANG and ORRERY_*.
  process_limits limits;
};

/// By name.
using command_table = std::map<std::string, command_template>;

/// What is about to be started.
struct command_line {
  const command_template* command = nullptr;
  std::vector<std::string> argv;
  std::string stdin_text;
};

/// Whether the operator's table can be used; the failure names the command.
result<void> check_commands(const command_table& commands);

/// Reads a payload and fills the placeholders. Arguments without placeholder, and placeholders
/// without argument, are refused by name. The answer points into `commands`.
result<command_line> fill_command(const command_table& commands, const std::string& payload);

}  // namespace orrery
