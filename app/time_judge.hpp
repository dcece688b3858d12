#pragma once
/// Asks the store for the time where the machine's clock has leapt (base/clock.hpp `judged_clock`).

#include "base/clock.hpp"
#include "base/result.hpp"

#include <optional>
#include <thread>

namespace orrery::app {

class time_judge {
public:
  using question = std::function<result<std::optional<time_point>>()>;

  /// `ask` blocks. The first time is judged before this returns, where `ask` answers.
  time_judge(judged_clock& of, question ask);
  time_judge(const time_judge&) = delete;
  time_judge& operator=(const time_judge&) = delete;

private:
  void judge();
  void run(const std::stop_token& stop);

  judged_clock& of_;
  const question ask_;
  std::jthread thread_;
};

}  // namespace orrery::app
