#include "persistence/postgres/commit_run.hpp"

#include "base/crash_point.hpp"
#include "persistence/postgres/row_text.hpp"

#include <algorithm>

namespace orrery::postgres {

namespace {

constexpr std::array kinds = {entity_kind::task, entity_kind::order, entity_kind::schedule};
/// Rows go out in pieces of this size while the next are encoded.
constexpr size_t copy_piece_bytes = 64 * 1024;
/// Arrays of a statement beyond this are cut into several statements; one value ends at 1 GiB.
constexpr size_t call_bytes = 16 * 1024 * 1024;
/// Events per journal row: larger commits are cut, so that reading back stays cheap.
constexpr size_t journal_row_events = 1000;

std::vector<shard_id> read_shards(std::string_view list) {
  std::vector<shard_id> shards;
  while (!list.empty()) {
    const auto end = std::min(list.find(','), list.size());
    if (const auto number = read_number(list.substr(0, end)))
      shards.push_back(shard_id{static_cast<uint16_t>(*number)});
    list.remove_prefix(std::min(end + 1, list.size()));
  }
  return shards;
}

parameter_rows task_updates() { return update_rows(entity_kind::task); }
parameter_rows order_updates() { return update_rows(entity_kind::order); }
parameter_rows schedule_updates() { return update_rows(entity_kind::schedule); }

}  // namespace

commit_report commit_run::run() {
  const bool inserts = std::any_of(writes_.inserts.begin(), writes_.inserts.end(),
                                   [](const auto& of_kind) { return !of_kind.empty(); });
  if (inserts) {
    if (auto ended = copy_inserts())
      return *ended;
  } else {
    encode_calls();
  }
  if (auto ended = run_pipeline(inserts))
    return *ended;
  return {};
}

commit_run::step commit_run::copy_inserts() {
  std::string sql = "begin; " + fence_statement(batches_);
  for (const auto kind : kinds)
    if (!writes_.inserts[static_cast<size_t>(kind)].empty())
      sql.append("; ").append(copy_statement(kind));
  if (!connection_.send(sql))
    return lost();
  for (int i = 0; i < 2; ++i)  // begin, fence
    if (auto ended = expect_done())
      return ended;
  for (const auto kind : kinds)
    if (!writes_.inserts[static_cast<size_t>(kind)].empty())
      if (auto ended = copy_rows(kind))
        return ended;
  const auto over = connection_.next();
  return over.what == reply::kind::end ? step{} : judge(over, false);
}

commit_run::step commit_run::copy_rows(entity_kind kind) {
  const auto ready = connection_.next();
  if (ready.what != reply::kind::copy_in)
    return judge(ready, false);
  std::string piece(copy_header());
  piece.reserve(copy_piece_bytes * 2);
  for (const auto& [shard, write] : writes_.inserts[static_cast<size_t>(kind)]) {
    append_copy_row(piece, shard, *write);
    if (piece.size() < copy_piece_bytes)
      continue;
    if (!connection_.put(piece))
      return lost();
    piece.clear();
  }
  piece.append(copy_trailer());
  if (!connection_.put(piece) || !connection_.end_copy())
    return lost();
  // The server works on the last piece while we encode what comes next.
  if (calls_.empty())
    encode_calls();
  return expect_done();
}

commit_run::step commit_run::expect_done() {
  const auto answer = connection_.next();
  return answer.what == reply::kind::done ? step{} : judge(answer, false);
}

template <class Fill>
void commit_run::add_row(const char* name, parameter_rows (*make)(), Fill fill) {
  const bool fits = !calls_.empty() && std::string_view(calls_.back().name) == name &&
                    calls_.back().rows.byte_count() < call_bytes;
  if (!fits)
    calls_.push_back({name, make()});
  fill(calls_.back().rows);
}

void commit_run::encode_calls() {
  for (const auto& gid : decisions_)
    add_row("insert_decisions", decision_rows, [&](auto& rows) { rows.add(0).text(gid); });
  for (const auto& [shard, write] : writes_.updates[0])
    add_row("update_tasks", task_updates, [&, w = write](auto& rows) { add_update(rows, *w); });
  for (const auto& [shard, write] : writes_.updates[1])
    add_row("update_orders", order_updates, [&, w = write](auto& rows) { add_update(rows, *w); });
  for (const auto& [shard, write] : writes_.updates[2])
    add_row("update_schedules", schedule_updates,
            [&, w = write](auto& rows) { add_update(rows, *w); });
  for (const auto& [shard, write] : writes_.erasures[0])
    add_row("erase_tasks", erase_rows, [&, w = write](auto& rows) { add_erasure(rows, *w); });
  for (const auto& [shard, write] : writes_.erasures[1])
    add_row("erase_orders", erase_rows, [&, w = write](auto& rows) { add_erasure(rows, *w); });
  for (const auto& batch : batches_) {
    const auto events = events_in_order(batch);
    for (size_t at = 0; at < events.size(); at += journal_row_events) {
      const auto count = std::min(journal_row_events, events.size() - at);
      const std::span row(events.data() + at, count);
      add_row("insert_journal", journal_rows,
              [&](auto& rows) { add_journal(rows, batch.shard, row); });
    }
  }
  for (const auto& batch : batches_)
    for (const auto& moved : batch.moved)
      add_row("count_queues", queue_rows, [&](auto& rows) { add_queue(rows, batch.shard, moved); });
  for (const auto& batch : batches_)
    for (const auto& letter : batch.dead_letters)
      add_row("insert_dead_letters", dead_letter_rows,
              [&](auto& rows) { add_dead_letter(rows, letter); });
}

commit_run::step commit_run::fill_pipeline(bool begun, size_t& statements) {
  if (!connection_.begin_pipeline())
    return lost();
  if (!begun) {
    if (!connection_.queue("begin") || !connection_.queue(fence_statement(batches_)))
      return lost();
    statements += 2;
  }
  for (auto& one : calls_) {
    if (!connection_.queue_prepared(one.name, one.rows.finish()))
      return lost();
    ++statements;
  }
  reach(crash_point::commit_before);
  commit_sent_ = true;
  if (!connection_.queue("commit") || !connection_.flush_pipeline())
    return lost();
  return {};
}

commit_run::step commit_run::run_pipeline(bool begun) {
  size_t before_commit = 0;
  if (auto ended = fill_pipeline(begun, before_commit))
    return ended;
  step first_problem;
  for (size_t i = 0; i <= before_commit; ++i) {
    const bool at_commit = i == before_commit;
    const auto answer = connection_.next_in_pipeline();
    if (answer.what == reply::kind::done && (!at_commit || answer.command == "COMMIT"))
      continue;
    if (!first_problem)
      first_problem = judge(answer, at_commit);
    if (answer.what == reply::kind::lost || answer.what == reply::kind::expelled)
      return first_problem;
  }
  (void)connection_.end_pipeline();  // Where this fails, `roll_back` drops the connection.
  return first_problem;
}

commit_report commit_run::judge(const reply& answer, bool at_commit) const {
  commit_report report;
  report.outcome = commit_outcome::failed;
  report.detail = answer.message.empty() ? "the connection was lost" : answer.message;
  if (!answer.sqlstate.empty())
    report.detail += " (" + answer.sqlstate + ")";
  if (answer.sqlstate == "OR001") {
    report.outcome = commit_outcome::refused;
    report.refused = read_shards(answer.detail);
    return report;
  }
  // A session that is ended while it commits may have committed: the order of the two is not told.
  const bool gone = answer.what == reply::kind::lost;
  const bool expelled = answer.what == reply::kind::expelled;
  if ((gone && commit_sent_) || (expelled && at_commit))
    report.outcome = commit_outcome::unknown;
  return report;
}

}  // namespace orrery::postgres
