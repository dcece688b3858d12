#include "persistence/sqlite/sqlite_writer.hpp"

#include "base/log.hpp"

namespace orrery {

sqlite_writer::sqlite_writer(std::filesystem::path file, const clock& time,
                             sqlite::database::options how)
    : file_(std::move(file)), time_(time), how_(std::move(how)) {}

sqlite_writer::ending sqlite_writer::transact(const work& steps) {
  const std::lock_guard lock(guard_);
  if (auto ok = make_ready(); !ok)
    return {commit_outcome::failed, std::move(ok).error()};
  if (auto begun = db_->prepared("BEGIN IMMEDIATE").run(); !begun)
    return abandon(std::move(begun).error(), false);
  if (auto ok = steps(*db_); !ok)
    return abandon(std::move(ok).error(), false);
  if (auto committed = db_->prepared("COMMIT").run(); !committed)
    return abandon(std::move(committed).error(), true);
  return {};
}

result<void> sqlite_writer::write(const work& steps) {
  auto end = transact(steps);
  if (end.outcome == commit_outcome::done)
    return {};
  if (end.outcome == commit_outcome::unknown)
    end.why.code = errc::in_doubt;
  return std::move(end.why);
}

result<void> sqlite_writer::read(const work& steps) {
  const std::lock_guard lock(guard_);
  if (auto ok = make_ready(); !ok)
    return ok;
  return steps(*db_);
}

result<void> sqlite_writer::make_ready() {
  if (!db_) {
    auto opened = sqlite::database::open(file_, sqlite::access::write, how_);
    if (!opened)
      return std::move(opened).error();
    db_ = std::move(*opened);
  }
  return settled_ ? result<void>{} : settle();
}

/// A COMMIT that fails while it syncs leaves its whole transaction, commit mark included, in the
/// write-ahead log: invisible now, but a recovery after a crash would find and apply it. The next
/// commit writes over its beginning, after which its checksums lead nowhere. So: one tiny commit,
/// and what failed is certain to have failed.
result<void> sqlite_writer::settle() {
  for (const auto* step :
       {"BEGIN IMMEDIATE", "UPDATE meta SET value = value + 1 WHERE key = 'settled'", "COMMIT"}) {
    if (auto ok = db_->prepared(step).run(); !ok) {
      if (db_->in_transaction())
        (void)db_->prepared("ROLLBACK").run();
      return ok;
    }
  }
  settled_ = true;
  return {};
}

sqlite_writer::ending sqlite_writer::abandon(failure why, bool at_commit) {
  if (db_->in_transaction())
    (void)db_->prepared("ROLLBACK").run();
  // `busy` says that the commit did not even begin to write.
  if (at_commit && why.code != errc::busy)
    settled_ = false;
  const bool stuck = db_->in_transaction();
  commit_outcome outcome = commit_outcome::failed;
  if (!settled_ && (stuck || !settle()))
    outcome = commit_outcome::unknown;
  if (stuck)
    db_.reset();
  if (why.code != errc::conflict)
    log::warning("sqlite.transaction_failed",
                 {{"outcome", outcome == commit_outcome::failed ? "failed" : "unknown"},
                  {"detail", why.detail}});
  return {outcome, std::move(why)};
}

}  // namespace orrery
