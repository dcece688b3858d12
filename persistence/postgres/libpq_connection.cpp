#include "persistence/postgres/libpq_connection.hpp"

#include "persistence/postgres/connection_settings.hpp"

#include <libpq-fe.h>
#include <poll.h>
#include <algorithm>
#include <array>
#include <utility>

namespace orrery::postgres {

namespace {

struct result_closer {
  void operator()(PGresult* r) const noexcept { PQclear(r); }
};
using result_handle = std::unique_ptr<PGresult, result_closer>;

struct options_closer {
  void operator()(PQconninfoOption* list) const noexcept { PQconninfoFree(list); }
};

std::string trimmed(const char* text) {
  std::string s = text == nullptr ? "" : text;
  while (!s.empty() && (s.back() == '\n' || s.back() == ' '))
    s.pop_back();
  std::replace(s.begin(), s.end(), '\n', ' ');
  return s;
}

std::string field(const PGresult* r, int code) { return trimmed(PQresultErrorField(r, code)); }

/// Error results that libpq makes up itself, at a loss, carry no SQLSTATE.
reply::kind kind_of_error(const PGresult* r) {
  if (PQresultErrorField(r, PG_DIAG_SQLSTATE) == nullptr)
    return reply::kind::lost;
  return field(r, PG_DIAG_SEVERITY_NONLOCALIZED) == "ERROR" ? reply::kind::refused
                                                            : reply::kind::expelled;
}

void read_rows(const PGresult* r, reply& out) {
  for (int row = 0; row < PQntuples(r); ++row) {
    auto& fields = out.rows.emplace_back();
    for (int column = 0; column < PQnfields(r); ++column)
      fields.emplace_back(PQgetvalue(r, row, column),
                          static_cast<size_t>(PQgetlength(r, row, column)));
  }
}

reply read(PGresult* r) {
  reply out;
  switch (PQresultStatus(r)) {
    case PGRES_TUPLES_OK: read_rows(r, out); [[fallthrough]];
    case PGRES_COMMAND_OK:
    case PGRES_PIPELINE_SYNC:
      out.what = reply::kind::done;
      out.command = PQcmdStatus(r);
      return out;
    case PGRES_COPY_IN: out.what = reply::kind::copy_in; return out;
    case PGRES_PIPELINE_ABORTED: out.what = reply::kind::skipped; return out;
    default: break;
  }
  out.what = kind_of_error(r);
  out.sqlstate = field(r, PG_DIAG_SQLSTATE);
  out.message = field(r, PG_DIAG_MESSAGE_PRIMARY);
  if (out.message.empty())
    out.message = trimmed(PQresultErrorMessage(r));
  out.detail = field(r, PG_DIAG_MESSAGE_DETAIL);
  return out;
}

/// A value as libpq's key=value form quotes it.
std::string quote_value(std::string_view value) {
  std::string out = "'";
  for (const char c : value) {
    if (c == '\'' || c == '\\')
      out += '\\';
    out += c;
  }
  return out + "'";
}

int64_t seconds_of(duration d) {
  return std::max<int64_t>(std::chrono::duration_cast<std::chrono::seconds>(d).count(), 1);
}
int64_t millis_of(duration d) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(d).count();
}

}  // namespace

result<std::string> connection_text(const std::string& url, const session_limits& limits) {
  char* problem = nullptr;
  const std::unique_ptr<PQconninfoOption, options_closer> given(
      PQconninfoParse(url.c_str(), &problem));
  if (!given) {
    // libpq repeats the whole URL in some of its sentences, and with it the password.
    PQfreemem(problem);
    return failure{errc::invalid, "this is not a PostgreSQL URL", "store"};
  }
  std::string text;
  const auto add = [&text](std::string_view key, std::string_view value) {
    text.append(text.empty() ? "" : " ").append(key).append("=").append(quote_value(value));
  };
  std::vector<std::pair<std::string, std::string>> defaults = {
      {"connect_timeout", std::to_string(std::max<int64_t>(seconds_of(limits.connect_timeout), 2))},
      {"client_encoding", "UTF8"},
      {"application_name", "orrery"},
      {"keepalives_idle", std::to_string(seconds_of(limits.silence_max / 2))},
      {"keepalives_interval", std::to_string(seconds_of(limits.silence_max / 6))},
      {"keepalives_count", "3"},
      {"tcp_user_timeout", std::to_string(millis_of(limits.silence_max))},
  };
  for (const auto* option = given.get(); option->keyword != nullptr; ++option) {
    if (option->val == nullptr)
      continue;
    const std::string_view key = option->keyword;
    if ((key == "host" || key == "hostaddr") &&
        std::string_view(option->val).find(',') != std::string_view::npos)
      defaults.emplace_back("target_session_attrs", "read-write");
    add(key, option->val);
  }
  for (const auto& [key, value] : defaults) {
    const auto* option = given.get();
    while (option->keyword != nullptr && key != option->keyword)
      ++option;
    if (option->keyword == nullptr || option->val == nullptr)
      add(key, value);
  }
  return text;
}

std::string quote_name(std::string_view name) {
  std::string out = "\"";
  for (const char c : name) {
    if (c == '"')
      out += '"';
    out += c;
  }
  return out + "\"";
}

std::string session_setup(std::string_view schema, const session_limits& limits) {
  const auto statement = std::to_string(millis_of(limits.statement_timeout));
  const auto silence = std::to_string(seconds_of(limits.silence_max));
  // A server that was told not to wait for its disk would break every promise made here. A node
  // that freezes within a transaction must not keep the shard's row from the next owner.
  return "set search_path = " + quote_name(schema) +
         "; set client_min_messages = warning; set statement_timeout = " + statement +
         "; set idle_in_transaction_session_timeout = " + statement +
         "; set tcp_keepalives_idle = " + silence +
         "; set tcp_user_timeout = " + std::to_string(millis_of(limits.silence_max)) +
         "; select set_config('synchronous_commit', 'on', false)"
         " where current_setting('synchronous_commit') = 'off'";
}

void libpq_connection::closer::operator()(pg_conn* handle) const noexcept { PQfinish(handle); }

libpq_connection::libpq_connection(std::string connection_text, std::string setup,
                                   std::vector<std::pair<std::string, std::string>> prepare,
                                   watchdog& dog, duration call_timeout)
    : connection_text_(std::move(connection_text)),
      setup_(std::move(setup)),
      prepare_(std::move(prepare)),
      watchdog_(dog),
      call_timeout_(call_timeout) {}

libpq_connection::~libpq_connection() = default;

void libpq_connection::drop() noexcept { handle_.reset(); }

watchdog::guard libpq_connection::watch(duration limit) {
  return watchdog_.watch(handle_ ? PQsocket(handle_.get()) : -1, limit);
}

bool libpq_connection::is_alive() const {
  if (!handle_ || PQstatus(handle_.get()) != CONNECTION_OK)
    return false;
  // An idle connection has nothing to read, unless the server said farewell or closed it.
  pollfd look{PQsocket(handle_.get()), POLLIN, 0};
  if (::poll(&look, 1, 0) == 0)
    return true;
  return PQconsumeInput(handle_.get()) == 1 && PQstatus(handle_.get()) == CONNECTION_OK;
}

result<void> libpq_connection::ready() {
  if (is_alive())
    return {};
  drop();
  auto connected = connect();
  if (!connected)
    drop();
  return connected;
}

result<void> libpq_connection::connect() {
  handle_.reset(PQconnectdb(connection_text_.c_str()));
  const auto away = [](const std::string& what) {
    return failure{errc::unavailable, "PostgreSQL: " + what};
  };
  if (!handle_ || PQstatus(handle_.get()) != CONNECTION_OK)
    return away(handle_ ? trimmed(PQerrorMessage(handle_.get())) : "out of memory");
  const auto watched = watch();
  PQsetNoticeProcessor(
      handle_.get(), [](void*, const char*) {}, nullptr);
  const result_handle set(PQexec(handle_.get(), setup_.c_str()));
  if (PQresultStatus(set.get()) != PGRES_COMMAND_OK && PQresultStatus(set.get()) != PGRES_TUPLES_OK)
    return away(trimmed(PQerrorMessage(handle_.get())));
  for (const auto& [name, sql] : prepare_) {
    const result_handle made(PQprepare(handle_.get(), name.c_str(), sql.c_str(), 0, nullptr));
    if (PQresultStatus(made.get()) != PGRES_COMMAND_OK)
      return away(trimmed(PQerrorMessage(handle_.get())));
  }
  return {};
}

reply libpq_connection::lost() const {
  reply r;
  r.message = handle_ ? trimmed(PQerrorMessage(handle_.get())) : "";
  if (r.message.empty())
    r.message = "the connection was lost";
  return r;
}

reply libpq_connection::execute(const char* sql, const std::vector<std::string>& parameters) {
  std::vector<const char*> values;
  for (const auto& p : parameters)
    values.push_back(p.c_str());
  const result_handle r(PQexecParams(handle_.get(), sql, static_cast<int>(values.size()), nullptr,
                                     values.data(), nullptr, nullptr, 0));
  return r ? read(r.get()) : lost();
}

bool libpq_connection::send(const std::string& sql) {
  return PQsendQuery(handle_.get(), sql.c_str()) == 1;
}

reply libpq_connection::next() {
  const result_handle r(PQgetResult(handle_.get()));
  if (r)
    return read(r.get());
  if (PQstatus(handle_.get()) != CONNECTION_OK)
    return lost();
  reply over;
  over.what = reply::kind::end;
  return over;
}

bool libpq_connection::put(std::string_view bytes) {
  return PQputCopyData(handle_.get(), bytes.data(), static_cast<int>(bytes.size())) == 1;
}

bool libpq_connection::end_copy() { return PQputCopyEnd(handle_.get(), nullptr) == 1; }

bool libpq_connection::begin_pipeline() { return PQenterPipelineMode(handle_.get()) == 1; }

bool libpq_connection::queue(const std::string& sql) {
  return PQsendQueryParams(handle_.get(), sql.c_str(), 0, nullptr, nullptr, nullptr, nullptr, 0) ==
         1;
}

bool libpq_connection::queue_prepared(const std::string& name,
                                      std::span<const std::string* const> parameters) {
  std::vector<const char*> values;
  std::vector<int> lengths;
  for (const auto* p : parameters) {
    values.push_back(p->data());
    lengths.push_back(static_cast<int>(p->size()));
  }
  const std::vector<int> formats(parameters.size(), 1);
  return PQsendQueryPrepared(handle_.get(), name.c_str(), static_cast<int>(values.size()),
                             values.data(), lengths.data(), formats.data(), 0) == 1;
}

bool libpq_connection::flush_pipeline() { return PQpipelineSync(handle_.get()) == 1; }

reply libpq_connection::next_in_pipeline() {
  const result_handle r(PQgetResult(handle_.get()));
  if (!r)
    return lost();
  auto answer = read(r.get());
  // A null result ends each statement's answers; after a loss there may be none.
  if (answer.what != reply::kind::lost && answer.what != reply::kind::expelled)
    result_handle(PQgetResult(handle_.get())).reset();
  return answer;
}

bool libpq_connection::end_pipeline() {
  const result_handle mark(PQgetResult(handle_.get()));
  return PQresultStatus(mark.get()) == PGRES_PIPELINE_SYNC &&
         PQexitPipelineMode(handle_.get()) == 1;
}

void libpq_connection::roll_back() {
  if (handle_ && !rolled_back())
    drop();
}

bool libpq_connection::rolled_back() {
  if (PQstatus(handle_.get()) != CONNECTION_OK ||
      PQpipelineStatus(handle_.get()) != PQ_PIPELINE_OFF)
    return false;
  const auto watched = watch();
  for (int unread = 0; unread < 16; ++unread) {
    const result_handle r(PQgetResult(handle_.get()));
    if (!r || PQresultStatus(r.get()) == PGRES_COPY_IN)
      break;
  }
  const auto state = PQtransactionStatus(handle_.get());
  if (state == PQTRANS_IDLE)
    return true;
  if (state != PQTRANS_INERROR && state != PQTRANS_INTRANS)
    return false;
  const result_handle r(PQexec(handle_.get(), "rollback"));
  return PQresultStatus(r.get()) == PGRES_COMMAND_OK;
}

}  // namespace orrery::postgres
