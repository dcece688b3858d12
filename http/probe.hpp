#pragma once
/// What the server counts. Thread-safe, relaxed.

#include "http/routes.hpp"

#include <array>
#include <atomic>
#include <string>

namespace orrery::http {

class probe {
public:
  std::atomic<int64_t> connections{0};
  std::atomic<int64_t> in_flight{0};
  std::atomic<uint64_t> connections_accepted{0};
  std::atomic<uint64_t> connections_refused{0};

  /// `matched` null = no route (protocol errors, unknown paths).
  void count_answer(const route* matched, int status) noexcept;
  /// How long the answer of a route took, from the whole header to the answer in hand.
  void note_time(const route* matched, duration took) noexcept;
  void append_metrics(std::string& out) const;

private:
  static constexpr size_t classes = 6;
  static constexpr size_t time_bounds = 16;
  using row = std::array<std::atomic<uint64_t>, classes>;
  std::array<row, routes_max + 1> answers_{};
  struct times {
    std::array<std::atomic<uint64_t>, time_bounds + 1> counts{};
    std::atomic<int64_t> sum{0};
  };
  std::array<times, routes_max> times_{};
};

}  // namespace orrery::http
