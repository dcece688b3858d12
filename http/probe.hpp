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
  void append_metrics(std::string& out) const;

private:
  static constexpr size_t classes = 6;
  using row = std::array<std::atomic<uint64_t>, classes>;
  std::array<row, routes_max + 1> answers_{};
};

}  // namespace orrery::http
