#pragma once
/// What a message of one kind of entity may say, before it is known which command it is.

#include "codec/detail/json_reader.hpp"
#include "domain/events.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace orrery::codec::detail {

struct task_body {
  std::string command;
  std::string id_text;
  task_spec spec;  ///< `payload` is also that of a rerun.
  attempt_token token;
  std::string secret;  ///< Of a lease.
  bool has_run = false;
  bool has_attempt = false;
  std::string result;
  std::string error;
  std::string error_code;
  bool retryable = true;
  duration retry_after{};
  std::string reason;
  bool kill = false;
  double progress = -1;
  std::string message;
  std::string cursor;
  duration extend{};
  time_point extend_to{};
  bool pinned = true;
};

struct order_body {
  std::string command;
  std::string id_text;
  order_spec spec;
  std::string reason;
  std::string step;
  bool kill = false;
};

result<task_body> read_task_body(std::string_view text);
result<order_body> read_order_body(std::string_view text);

/// The command that `verb` and the body make; empty where this kind knows no such verb. A submit is
/// validated.
result<std::optional<entity_command>> command_of(std::string_view verb, task_body&& body);
result<std::optional<entity_command>> command_of(std::string_view verb, order_body&& body);

}  // namespace orrery::codec::detail
