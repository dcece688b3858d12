#pragma once
/// From the URL of the configuration to the text that libpq and libpqxx connect by.

#include "base/result.hpp"
#include "base/time.hpp"

#include <string>
#include <string_view>

namespace orrery::postgres {

/// How sessions behave. The defaults suit a server in the same network.
struct session_limits {
  duration connect_timeout = 5s;     ///< Per host of the URL; whole seconds, at least two.
  duration statement_timeout = 10s;  ///< Enforced by the server, waiting for locks included.
  duration call_timeout = 20s;  ///< Enforced here, for a server that does not even answer that.
  duration silence_max = 10s;   ///< Unacknowledged packets until a connection counts as dead.
};

/// Reads a `postgres://` URL (or libpq's `key=value` form) and adds what it leaves open: the
/// timeouts, keepalives, UTF-8, and `target_session_attrs=read-write` where it names several hosts.
result<std::string> connection_text(const std::string& url, const session_limits& limits);

/// The statements that every new session begins with. `schema` is quoted here.
std::string session_setup(std::string_view schema, const session_limits& limits);

/// `name` as an SQL identifier with its quotes.
std::string quote_name(std::string_view name);

}  // namespace orrery::postgres
