#include "persistence/postgres/pqxx_session.hpp"

#include <algorithm>
#include <utility>

namespace orrery::postgres {

namespace {

std::string one_line(const char* text) {
  std::string line = text;
  while (!line.empty() && line.back() == '\n')
    line.pop_back();
  std::replace(line.begin(), line.end(), '\n', ' ');
  return line;
}

/// Classes of SQLSTATE that tell of the request rather than of the server's condition.
errc code_of(const std::string& sqlstate) {
  if (sqlstate.starts_with("22"))
    return errc::invalid;
  return errc::unavailable;
}

}  // namespace

explained explain_current_exception() {
  try {
    throw;
  } catch (const pqxx::broken_connection& e) {
    return {{errc::unavailable, "PostgreSQL: " + one_line(e.what())}, true};
  } catch (const pqxx::sql_error& e) {
    const auto state = e.sqlstate();
    auto detail = "PostgreSQL: " + one_line(e.what());
    if (!state.empty())
      detail += " (" + state + ")";
    // 57P..: the server ends the session. No state at all: libpq has lost it.
    return {{code_of(state), std::move(detail)}, state.empty() || state.starts_with("57P")};
  } catch (const std::exception& e) {
    return {{errc::unavailable, "PostgreSQL: " + one_line(e.what())}, true};
  }
}

pqxx_session::pqxx_session(std::string connection_text, std::string setup, duration call_timeout,
                           std::shared_ptr<watchdog> dog)
    : connection_text_(std::move(connection_text)),
      setup_(std::move(setup)),
      call_timeout_(call_timeout),
      watchdog_(std::move(dog)) {}

void pqxx_session::open() {
  if (connection_ && connection_->is_open())
    return;
  auto fresh = std::make_unique<pqxx::connection>(connection_text_);
  // libpqxx would otherwise reconnect by itself, into a session without our settings. Deprecated,
  // since version 7 never does.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
  fresh->inhibit_reactivation(true);
#pragma GCC diagnostic pop
  const auto watched = watchdog_->watch(fresh->sock(), call_timeout_);
  pqxx::nontransaction(*fresh).exec(setup_);
  connection_ = std::move(fresh);
}

}  // namespace orrery::postgres
