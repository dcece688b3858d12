#include "persistence/postgres/two_phase_journal.hpp"

#include "base/crash_point.hpp"
#include "persistence/postgres/inventory_session.hpp"

#include <algorithm>
#include <set>

namespace orrery::postgres {

namespace {

std::string sql_literal(const std::string& text) {
  std::string out = "'";
  for (const char c : text) {
    if (c == '\'')
      out += '\'';
    out += c;
  }
  return out + "'";
}

/// The statements that move what these batches say, in their order: taken first, then given back. What
/// is taken and given back in one commit is given back.
std::vector<std::string> moves_of_batches(std::span<const shard_batch* const> batches) {
  std::set<entity_id> takes;
  std::vector<entity_id> gives;
  std::vector<entity_id> orders;
  std::vector<std::string> products;
  for (const auto* batch : batches)
    for (const auto& m : batch->stock) {
      if (!m.release) {
        takes.insert(m.task);
      } else if (!m.reservation.is_nil()) {
        gives.push_back(m.reservation);
      } else {
        orders.push_back(m.order);
        products.push_back(m.product);
      }
    }
  std::vector<std::string> list;
  if (!takes.empty())
    list.push_back("with moved as (update stock_reservations set state = 1 where task = any('" +
                   array_text(std::vector(takes.begin(), takes.end())) +
                   "'::uuid[]) and state <= 1 returning 1) select stock_expect(count(*), " +
                   std::to_string(takes.size()) + ") from moved");
  if (!gives.empty())
    list.push_back("update stock_reservations set state = 2 where task = any('" +
                   array_text(gives) + "'::uuid[]) and state <= 1");
  if (!orders.empty())
    list.push_back("update stock_reservations r set state = 2 from unnest('" + array_text(orders) +
                   "'::uuid[], " + sql_literal(array_text(products)) +
                   "::text[]) n(o, p) where r.order_id = n.o and r.product = n.p and state = 1");
  return list;
}

/// What a refusal of the stock means: of the contents, of rows that somebody else has prepared and not
/// yet finished, or of the server.
errc code_of_refusal(const reply& answer) {
  if (answer.sqlstate == "OR010")
    return errc::conflict;
  return answer.sqlstate == "55P03" || answer.sqlstate.starts_with("40") ? errc::busy
                                                                         : errc::unavailable;
}

bool releases_any(std::span<const shard_batch* const> batches) {
  return std::any_of(batches.begin(), batches.end(), [](const shard_batch* batch) {
    return std::any_of(batch->stock.begin(), batch->stock.end(),
                       [](const stock_movement& m) { return m.release; });
  });
}

}  // namespace

two_phase_journal::two_phase_journal(std::unique_ptr<journal_session> journal,
                                     const inventory_database& stock, two_phase& phases)
    : journal_(std::move(journal)),
      watchdog_(std::make_shared<watchdog>()),
      stock_(stock.connection_text(), stock.setup(), {}, *watchdog_, stock.call_timeout()),
      phases_(phases) {}

result<shard_tenure> two_phase_journal::acquire(shard_id shard, std::string_view owner,
                                                time_point now) {
  auto tenure = journal_->acquire(shard, owner, now);
  if (tenure)
    phases_.look_after(shard, tenure->epoch);
  return tenure;
}

/// `conflict`: the stock refuses the contents. `busy`: rows are locked. All else: it is away.
result<void> two_phase_journal::prepare(const std::string& gid,
                                        std::span<const shard_batch* const> batches) {
  if (auto ok = stock_.ready(); !ok)
    return ok;
  reach(crash_point::stock_prepare);
  auto statements = moves_of_batches(batches);
  statements.insert(statements.begin(), "begin");
  statements.push_back("prepare transaction '" + gid + "'");
  std::optional<failure> problem;
  {
    const auto watched = stock_.watch();
    bool sent = stock_.begin_pipeline();
    for (const auto& sql : statements)
      sent = sent && stock_.queue(sql);
    if (!sent || !stock_.flush_pipeline())
      problem = failure{errc::unavailable, "the connection to the stock was lost"};
    for (size_t i = 0; i < statements.size() && (!problem || problem->code != errc::unavailable);
         ++i) {
      const auto answer = stock_.next_in_pipeline();
      if (answer.what == reply::kind::done || answer.what == reply::kind::skipped)
        continue;
      problem = failure{code_of_refusal(answer),
                        "stock: " + answer.message + " (" + answer.sqlstate + ")"};
    }
    (void)stock_.end_pipeline();
  }
  stock_.roll_back();
  if (problem)
    return std::move(*problem);
  reach(crash_point::stock_prepared);
  return {};
}

result<void> two_phase_journal::prepare_all(std::span<const shard_batch* const> batches,
                                            std::vector<part>& parts) {
  while (!batches.empty()) {
    const auto some = batches.first(phases_.fits(batches));
    parts.push_back({phases_.begin(some), releases_any(some)});
    if (auto ok = prepare(parts.back().gid, some); !ok)
      return ok;
    batches = batches.subspan(some.size());
  }
  return {};
}

commit_report two_phase_journal::commit(std::span<const shard_batch> batches) {
  std::vector<const shard_batch*> moving;
  for (const auto& batch : batches)
    if (!batch.stock.empty())
      moving.push_back(&batch);
  if (moving.empty())
    return journal_->commit(batches);

  commit_report report;
  std::vector<part> parts;
  auto prepared = phases_.away() ? result<void>(failure{errc::unavailable, "the stock is away"})
                                 : prepare_all(moving, parts);
  if (!prepared) {
    // Perhaps prepared all the same, where the answer was lost: a rollback, now or by a later look. The
    // journal never heard of it.
    for (auto& one : parts)
      phases_.finish(std::move(one.gid), false, one.releases);
    report.outcome = commit_outcome::failed;
    report.detail = prepared.error().detail;
    if (prepared.error().code != errc::conflict) {
      if (prepared.error().code == errc::unavailable)
        phases_.set_away(report.detail);
      for (const auto* batch : moving)
        report.unprepared.push_back(batch->shard);
    }
    return report;
  }
  std::vector<std::string> gids;
  for (const auto& one : parts)
    gids.push_back(one.gid);
  report = journal_->commit(batches, gids);
  if (report.outcome == commit_outcome::done)
    reach(crash_point::stock_decided);
  for (auto& one : parts) {
    if (report.outcome == commit_outcome::unknown)
      phases_.doubt(std::move(one.gid), one.releases);
    else
      phases_.finish(std::move(one.gid), report.outcome == commit_outcome::done, one.releases);
  }
  return report;
}

}  // namespace orrery::postgres
