#pragma once
/// One commit on its way through one connection. Knows at every moment whether COMMIT has been
/// sent: a loss before means `failed`, after it `unknown`.

#include "persistence/postgres/commit_rows.hpp"
#include "persistence/postgres/libpq_connection.hpp"

#include <optional>

namespace orrery::postgres {

class commit_run {
public:
  commit_run(libpq_connection& connection, std::span<const shard_batch> batches,
             std::span<const std::string> decisions = {})
      : connection_(connection),
        batches_(batches),
        decisions_(decisions),
        writes_(sort_writes(batches)) {}

  /// Once. Leaves the connection in whatever state it got to: `roll_back` it afterwards.
  commit_report run();

private:
  struct call {
    const char* name;
    parameter_rows rows;
  };
  /// Nothing = go on; a report = it ended here.
  using step = std::optional<commit_report>;

  step copy_inserts();
  step copy_rows(entity_kind kind);
  step expect_done();
  step run_pipeline(bool begun);
  step fill_pipeline(bool begun, size_t& statements);
  void encode_calls();
  template <class Fill>
  void add_row(const char* name, parameter_rows (*make)(), Fill fill);
  commit_report judge(const reply& answer, bool at_commit) const;
  commit_report lost() const { return judge(reply{}, false); }

  libpq_connection& connection_;
  std::span<const shard_batch> batches_;
  std::span<const std::string> decisions_;
  sorted_writes writes_;
  std::vector<call> calls_;
  bool commit_sent_ = false;
};

}  // namespace orrery::postgres
