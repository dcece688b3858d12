#pragma once
/// One attempt's process while it lives: what it writes, what it is fed, who belongs to it, and how
/// it is brought to its end. Used by the `exec` thread alone.

#include "actors/executors/output.hpp"
#include "actors/executors/process_scan.hpp"
#include "actors/executors/spawn.hpp"
#include "domain/limits.hpp"
#include "domain/ports/executor.hpp"

#include <poll.h>
#include <chrono>
#include <functional>
#include <optional>
#include <vector>

namespace orrery {

using steady_point = std::chrono::steady_clock::time_point;

class process_attempt {
public:
  /// Times that a family is given.
  struct patience {
    duration grace;
    duration linger;
  };

  /// Hears what the process writes: whether to its standard error, and bytes cut anywhere.
  using listener = std::function<void(bool is_error, std::string_view bytes)>;

  process_attempt(spawned_process process, std::string mark, std::string input, patience times,
                  listener heard = {});
  process_attempt(process_attempt&&) = default;
  process_attempt& operator=(process_attempt&&) = default;

  /// Adds what is to be watched.
  void watch(std::vector<pollfd>& into) const;
  /// Reads, feeds and notes the end of the process, as far as possible without waiting.
  void advance(steady_point now);

  /// Asks or forces it to end. Takes effect on the family at the next `settle`.
  void stop(stop_mode mode, steady_point now);

  /// Whether the family must be looked at now.
  bool wants_scan(steady_point now) const;
  process_family& family() noexcept { return family_; }
  /// After a scan: kills what has outlived its time.
  void settle(steady_point now);
  /// When to look again; empty = when something happens.
  std::optional<steady_point> next_look() const;

  /// The process has ended and none of its family is left.
  bool ended() const noexcept { return over_; }
  /// Reaps the process and says how it went. Once, after `ended`.
  work_outcome finish();

private:
  void read(descriptor& from, bool is_result);
  void feed();
  void kill_family();

  spawned_process process_;
  process_family family_;
  patience times_;
  listener heard_;
  std::string input_;
  size_t fed_ = 0;
  output_ring result_{limits::result_bytes};
  output_ring output_{limits::output_bytes};
  bool exited_ = false;
  bool over_ = false;
  std::optional<steady_point> kill_at_;  ///< From then on the family is killed.
  std::optional<steady_point> look_at_;  ///< The next scan.
};

}  // namespace orrery
