#include "app/view_commands.hpp"

#include "app/commands.hpp"
#include "app/view_proof.hpp"
#include "base/clock.hpp"
#include "persistence/postgres/postgres_store.hpp"
#include "persistence/sqlite/sqlite_statistics.hpp"
#include "persistence/sqlite/sqlite_store.hpp"

#include <CLI/CLI.hpp>
#include <filesystem>
#include <iostream>

namespace orrery::app {

namespace {

int complain_of_views(const failure& why) {
  std::cerr << "orrery: " << (why.field.empty() ? "" : why.field + ": ") << why.detail << '\n';
  return 1;
}

int prove_views(store& truth, statistics_source& statistics, const clock& time, bool repair) {
  view_proof proof(truth, statistics, time,
                   [](const std::string& line) { std::cout << line << '\n'; });
  const auto shards = truth.open_reader()->shards();
  if (!shards)
    return complain_of_views(shards.error());
  if (auto ok = proof.check_lists(); !ok)
    return complain_of_views(ok.error());
  for (const auto& row : *shards)
    if (auto ok = proof.check_shard(row, repair); !ok)
      return complain_of_views(ok.error());
  proof.check_strangers();
  const auto& sum = proof.totals();
  std::cout << shards->size() << " shards, " << sum.events << " events, " << sum.entities
            << " entities: " << sum.differences << " differences, " << sum.repaired
            << " repaired\n";
  return sum.differences == sum.repaired ? 0 : 1;
}

int rebuild_views(const loaded_config& loaded, bool repair) {
  if (const int status = report_problems(loaded); status != 0)
    return status;
  const auto& how = loaded.values;
  const system_clock time;
  if (how.embedded_store()) {
    const auto file = std::filesystem::path(how.data) / "orrery.db";
    if (!std::filesystem::exists(file))
      return complain_of_views({errc::not_found, "there is no store at " + file.string()});
    sqlite_store truth(file, time);
    sqlite_statistics statistics(truth);
    return prove_views(truth, statistics, time, repair);
  }
  const auto opened = postgres_store::open(how.store.reveal());
  if (!opened)
    return complain_of_views(opened.error());
  const auto statistics = (*opened)->statistics();
  return prove_views(**opened, *statistics, time, repair);
}

}  // namespace

void add_view_commands(CLI::App& app, int& status, const std::function<void(CLI::App*)>& options,
                       const std::function<loaded_config()>& load) {
  auto* views = app.add_subcommand("views", "The tables that follow from the journal");
  views->require_subcommand(1);
  auto* again = views->add_subcommand(
      "rebuild", "Folds the journal once more and compares: rows, counts, statistics");
  options(again);
  const auto repair = std::make_shared<bool>(false);
  again->add_flag("--repair", *repair, "Write what the journal says where they differ");
  again->callback([load, repair, &status] { status = rebuild_views(load(), *repair); });
}

}  // namespace orrery::app
