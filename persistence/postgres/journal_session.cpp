#include "persistence/postgres/journal_session.hpp"

#include "base/log.hpp"
#include "persistence/postgres/commit_run.hpp"
#include "persistence/postgres/row_text.hpp"

namespace orrery::postgres {

namespace {

/// On a table that has grown since it was analysed, the planner would join a batched update by
/// reading the whole table. JIT would be tried for the price that the switched-off ways count with.
constexpr const char* writer_setup =
    "; set enable_hashjoin = off; set enable_mergejoin = off; set enable_seqscan = off"
    "; set plan_cache_mode = force_generic_plan; set jit = off";

/// For how long a former owner may go on with a commit that holds the row of a shard.
constexpr auto owner_patience_ms = "1000";
constexpr auto lock_not_available = "(55P03)";  ///< As `unreadable` ends.

failure unreadable(const reply& answer, errc code) {
  auto detail = "PostgreSQL: " + answer.message;
  if (!answer.sqlstate.empty())
    detail += " (" + answer.sqlstate + ")";
  return {code, std::move(detail)};
}

result<shard_tenure> tenure_of(const std::vector<std::string>& fields) {
  auto row = read_shard({fields.begin(), fields.end()});
  if (!row)
    return std::move(row).error();
  return shard_tenure{row->shard, row->epoch,  row->position,
                      row->next,  row->counts, row->published};
}

}  // namespace

journal_session::journal_session(std::string connection_text, std::string setup,
                                 duration call_timeout, std::shared_ptr<watchdog> dog)
    : watchdog_(std::move(dog)),
      connection_(std::move(connection_text), std::move(setup) + writer_setup, commit_statements(),
                  *watchdog_, call_timeout) {}

result<reply> journal_session::ask(const char* sql, const std::vector<std::string>& parameters) {
  if (auto connected = connection_.ready(); !connected)
    return connected.error();
  reply answer;
  {
    const auto watched = connection_.watch();
    answer = connection_.execute(sql, parameters);
  }
  connection_.roll_back();
  if (answer.what == reply::kind::done)
    return answer;
  const bool refused = answer.what == reply::kind::refused;
  return unreadable(answer, refused ? errc::unavailable : errc::in_doubt);
}

result<shard_tenure> journal_session::acquire(shard_id shard, std::string_view owner,
                                              time_point now) {
  static const std::string sql =
      std::string(
          "insert into shards as s (shard, owner, epoch, acquired_at)"
          " select $1::integer, $2, 1, $3::timestamptz"
          " from (select set_config('lock_timeout', $4, true)) as patience (set)"
          " where patience.set is not null"
          " on conflict (shard) do update set owner = excluded.owner,"
          " epoch = s.epoch + 1, acquired_at = excluded.acquired_at returning ") +
      shard_columns;
  const std::vector<std::string> parameters = {std::to_string(shard.value), column_text(owner),
                                               instant_text(now), owner_patience_ms};
  auto answer = ask(sql.c_str(), parameters);
  if (!answer && answer.error().detail.ends_with(lock_not_available)) {
    if (auto ended = end_holder(shard); !ended)
      return ended.error();
    answer = ask(sql.c_str(), parameters);
  }
  if (!answer)
    return answer.error();
  if (answer->rows.size() != 1)
    return failure{errc::corrupt, "acquiring a shard gave no row"};
  return tenure_of(answer->rows.front());
}

/// Ends the session that has locked the row of a shard: its node has frozen, or its machine is cut
/// off, within a transaction. No timeout of the server ends one that waits for its client in COPY or
/// in a pipeline. Should it be alive, its commit is tried again, and refused for this shard alone.
result<void> journal_session::end_holder(shard_id shard) {
  const auto ended =
      ask("select l.pid, pg_terminate_backend(l.pid) from shards s join pg_locks l"
          " on l.locktype = 'transactionid' and l.granted and l.mode = 'ExclusiveLock'"
          " and l.transactionid = s.xmax where s.shard = $1::integer and l.pid <> pg_backend_pid()",
          {std::to_string(shard.value)});
  if (!ended)
    return ended.error();
  for (const auto& row : ended->rows)
    log::warning("journal.holder_ended", {{"shard", shard.value}, {"session", row.front()}});
  return {};
}

commit_report journal_session::commit(std::span<const shard_batch> batches,
                                      std::span<const std::string> decisions) {
  if (batches.empty())
    return {};
  if (const auto connected = connection_.ready(); !connected)
    return {commit_outcome::failed, {}, connected.error().detail};
  commit_report report;
  {
    const auto watched = connection_.watch();
    report = commit_run(connection_, batches, decisions).run();
  }
  connection_.roll_back();
  return report;
}

result<shard_tenure> journal_session::inspect(shard_id shard) {
  static const std::string sql =
      std::string("select ") + shard_columns + " from shards where shard = $1::integer";
  const auto answer = ask(sql.c_str(), {std::to_string(shard.value)});
  if (!answer) {
    auto error = answer.error();
    error.code = errc::unavailable;  // Reading leaves nothing in doubt.
    return error;
  }
  if (answer->rows.empty())
    return failure{errc::not_found, "shard " + std::to_string(shard.value) + " was never owned"};
  return tenure_of(answer->rows.front());
}

result<void> journal_session::mark_published(shard_id shard, epoch_t epoch, position_t upto) {
  const auto answer =
      ask("with raised as (update shards set published = $3::bigint where shard = $1::integer"
          " and epoch = $2::bigint and published < $3::bigint)"
          " select epoch = $2::bigint from shards where shard = $1::integer",
          {std::to_string(shard.value), std::to_string(epoch.value), std::to_string(upto.value)});
  if (!answer)
    return answer.error();
  if (answer->rows.empty())
    return failure{errc::not_found, "shard " + std::to_string(shard.value) + " was never owned"};
  if (answer->rows.front().front() != "t")
    return failure{errc::conflict, "the shard has another owner"};
  return {};
}

result<void> journal_session::mark_copied(shard_id shard, std::span<const int64_t> numbers) {
  std::string list = "{";
  for (const auto number : numbers)
    list.append(list.size() == 1 ? "" : ",").append(std::to_string(number));
  const auto answer =
      ask("update dead_letters set copied = true where id = any($2::bigint[])"
          " and shard = $1::integer",
          {std::to_string(shard.value), list + "}"});
  return answer ? result<void>{} : result<void>{answer.error()};
}

}  // namespace orrery::postgres
