#include "persistence/postgres/two_phase.hpp"

#include "base/crash_point.hpp"
#include "base/log.hpp"
#include "base/uuid.hpp"
#include "base/worker.hpp"
#include "persistence/postgres/inventory_session.hpp"

#include <cstdlib>
#include <random>

namespace orrery {

namespace {

using postgres::reply;
using steady = std::chrono::steady_clock;

constexpr auto pause_when_idle = std::chrono::milliseconds{500};
constexpr auto pause_after_failure = std::chrono::milliseconds{200};
constexpr auto clear_pause = std::chrono::minutes{10};
constexpr size_t released_at_once = 5000;
constexpr size_t forgotten_at_once = 500;

/// Different in every process: a name that is used twice would be two decisions under one row.
std::string fresh_start() {
  std::random_device chance;
  return std::to_string(chance()) + '-' + std::to_string(chance());
}

std::string quoted_list(const std::vector<std::string>& texts) {
  return postgres::array_text(std::span<const std::string>(texts));
}

}  // namespace

two_phase::two_phase(const inventory_database& stock, std::string journal,
                     std::string journal_setup, std::string_view identity,
                     two_phase_options options)
    : options_(options),
      prefix_(postgres::gid_prefix(identity)),
      start_(fresh_start()),
      watchdog_(std::make_shared<postgres::watchdog>()),
      stock_(stock.connection_text(), stock.setup(), {}, *watchdog_, stock.call_timeout()),
      journal_(std::move(journal), std::move(journal_setup), {}, *watchdog_, 10s),
      shelf_(const_cast<inventory_database&>(stock).open_stock()) {
  thread_ = std::jthread([this](const std::stop_token& stop) {
    name_this_thread("two-phase");
    run(stop);
  });
}

two_phase::~two_phase() { stop(); }

void two_phase::stop() {
  thread_.request_stop();
  if (thread_.joinable())
    thread_.join();
}

size_t two_phase::fits(std::span<const shard_batch* const> batches) const {
  return postgres::gid_fits(prefix_, start_ + "-00000000000", batches);
}

std::string two_phase::begin(std::span<const shard_batch* const> batches) {
  const std::lock_guard lock(guard_);
  auto gid = postgres::make_gid(prefix_, start_ + '-' + std::to_string(++numbers_), batches);
  under_way_.insert(gid);
  ++figures_.prepared;
  return gid;
}

void two_phase::push(open_end one) {
  {
    const std::lock_guard lock(guard_);
    ends_.push_back(std::move(one));
  }
  wake_.notify_one();
}

void two_phase::finish(std::string gid, bool commit, bool releases) {
  push({std::move(gid), commit ? wish::commit : wish::abort, releases, false});
}

void two_phase::doubt(std::string gid, bool releases) {
  push({std::move(gid), wish::decide, releases, false});
}

void two_phase::look_after(shard_id shard, epoch_t epoch) {
  {
    const std::lock_guard lock(guard_);
    auto& newest = owners_[shard];
    newest = std::max(newest, epoch);
    look_now_ = true;
  }
  wake_.notify_one();
}

void two_phase::set_away(std::string why) {
  if (!away_.exchange(true))
    log::warning("stock.away", {{"detail", std::move(why)}});
}

two_phase_figures two_phase::figures() const {
  const std::lock_guard lock(guard_);
  auto out = figures_;
  out.open = ends_.size();
  return out;
}

void two_phase::run(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    round();
    std::unique_lock lock(guard_);
    // What could not be carried out waits a little: the database is away, or a row is locked.
    const bool again = !ends_.empty();
    if (again)
      wake_.wait_for(lock, stop, pause_after_failure, [] { return false; });
    else
      wake_.wait_for(lock, stop, pause_when_idle, [&] { return !ends_.empty() || look_now_; });
  }
  round();
  forget_decisions();
}

void two_phase::round() {
  ping();
  std::deque<open_end> mine;
  {
    const std::lock_guard lock(guard_);
    mine.swap(ends_);
  }
  std::deque<open_end> left;
  bool answers = true;
  for (auto& one : mine)
    if (!answers || !carry_out(one)) {
      answers = false;
      left.push_back(std::move(one));
    }
  {
    const std::lock_guard lock(guard_);
    for (auto one = left.rbegin(); one != left.rend(); ++one)
      ends_.push_front(std::move(*one));
  }
  if (answers && released_)
    give_back();
  if (carried_out_.size() >= forgotten_at_once)
    forget_decisions();
  bool wanted = false;
  {
    const std::lock_guard lock(guard_);
    wanted = std::exchange(look_now_, false);
  }
  if (wanted || steady::now() >= look_due_) {
    look_due_ = steady::now() + options_.look_pause;
    look();
    forget_decisions();
  }
}

bool two_phase::connected(postgres::libpq_connection& connection) {
  return connection.ready().has_value();
}

void two_phase::ping() {
  if (!away())
    return;
  if (!connected(stock_))
    return;
  const auto watched = stock_.watch();
  if (stock_.execute("select 1", {}).what == reply::kind::done && away_.exchange(false))
    log::info("stock.back", {});
}

/// False: once more, later.
bool two_phase::carry_out(open_end& one) {
  if (one.what == wish::decide) {
    const auto commit = decide(one.gid);
    if (!commit)
      return false;
    one.what = *commit ? wish::commit : wish::abort;
  }
  if (!connected(stock_))
    return false;
  const bool commit = one.what == wish::commit;
  const auto sql = (commit ? "commit prepared '" : "rollback prepared '") + one.gid + "'";
  reply answer;
  {
    const auto watched = stock_.watch();
    answer = stock_.execute(sql.c_str(), {});
  }
  // Somebody else was faster; or, of a rollback, it was never prepared.
  const bool gone = answer.sqlstate == "42704";
  if (answer.what != reply::kind::done && !gone) {
    log::debug("stock.not_finished", {{"gid", one.gid}, {"detail", answer.message}});
    stock_.roll_back();
    return false;
  }
  if (commit) {
    reach(crash_point::stock_finished);
    carried_out_.push_back(one.gid);
  }
  released_ |= one.releases || one.found;
  const std::lock_guard lock(guard_);
  under_way_.erase(one.gid);
  ++(commit ? figures_.committed : figures_.rolled_back);
  figures_.resolved += one.found && !gone;
  if (one.found && !gone)
    log::info("stock.resolved", {{"gid", one.gid}, {"committed", commit}});
  return true;
}

result<bool> two_phase::decide(const std::string& gid) {
  if (auto ok = journal_.ready(); !ok)
    return std::move(ok).error();
  const auto watched = journal_.watch();
  const auto written = journal_.execute(
      "insert into stock_decisions (gid, committed) values ($1, false)"
      " on conflict (gid) do nothing",
      {gid});
  const auto read =
      written.what != reply::kind::done
          ? written
          : journal_.execute("select committed from stock_decisions where gid = $1", {gid});
  if (read.what != reply::kind::done || read.rows.size() != 1)
    return failure{errc::unavailable, read.message};
  return read.rows.front().front() == "t";
}

/// What is prepared for this store, and has no owner any more.
void two_phase::look() {
  if (away() || !connected(stock_))
    return;
  reply found;
  {
    const auto watched = stock_.watch();
    found = stock_.execute(
        "select gid, extract(epoch from clock_timestamp() - prepared)::text"
        " from pg_prepared_xacts where database = current_database()"
        " and starts_with(gid, $1)",
        {prefix_});
  }
  if (found.what != reply::kind::done)
    return stock_.roll_back();
  released_ = true;
  clear_decisions(found.rows);
  const std::lock_guard lock(guard_);
  for (const auto& row : found.rows) {
    const auto gid = postgres::parse_gid(row[0]);
    if (!gid || under_way_.contains(row[0]))
      continue;
    if (is_lost(*gid, std::atof(row[1].c_str()))) {
      under_way_.insert(row[0]);
      ends_.push_back({row[0], wish::decide, true, true});
    }
  }
}

/// Decisions that a node carried out and died before it forgot them: what they name was prepared before
/// them, and is not any more. A refusal is kept for a day: the commit that it stops may be slow.
void two_phase::clear_decisions(const std::vector<std::vector<std::string>>& prepared) {
  if (steady::now() < clear_due_ || !connected(journal_))
    return;
  std::vector<std::string> names;
  for (const auto& row : prepared)
    names.push_back(row[0]);
  const auto watched = journal_.watch();
  const auto done = journal_.execute(
      "delete from stock_decisions where case when committed"
      " then at < now() - interval '1 hour' and gid <> all($1::text[])"
      " else at < now() - interval '1 day' end",
      {quoted_list(names)});
  if (done.what == reply::kind::done)
    clear_due_ = steady::now() + clear_pause;
}

/// The row decides in any case; this only keeps from disturbing who is at work.
bool two_phase::is_lost(const postgres::stock_gid& gid, double age_seconds) const {
  if (age_seconds > std::chrono::duration<double>(options_.doubt_after).count())
    return true;
  return std::any_of(gid.shards.begin(), gid.shards.end(), [&](const auto& one) {
    const auto known = owners_.find(one.first);
    return known != owners_.end() && one.second < known->second;
  });
}

/// A decision that is carried out is of no use.
void two_phase::forget_decisions() {
  if (carried_out_.empty() || !connected(journal_))
    return;
  const auto watched = journal_.watch();
  const auto done = journal_.execute("delete from stock_decisions where gid = any($1::text[])",
                                     {quoted_list(carried_out_)});
  if (done.what != reply::kind::done)
    return;
  carried_out_.clear();
  reach(crash_point::stock_forgotten);
}

void two_phase::give_back() {
  for (;;) {
    const auto n = shelf_->settle(released_at_once);
    if (!n)
      return;
    if (*n < released_at_once)
      break;
  }
  released_ = false;
}

}  // namespace orrery
