#pragma once
/// Counters and distributions that many threads write all the time and one reads now and then. Writing takes
/// no lock and allocates nothing; each thread writes to a stripe of its own, as long as there are enough.

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace orrery {

inline constexpr size_t meter_stripes = 8;
/// Of the calling thread: threads get them in turn.
size_t meter_stripe() noexcept;

/// What a histogram held when it was read.
struct distribution {
  std::vector<int64_t> bounds;   ///< Upper bounds, inclusive, rising.
  std::vector<uint64_t> counts;  ///< By bucket, not summed up; one more than bounds: the rest.
  int64_t sum = 0;

  uint64_t count() const noexcept;
};

/// Values by size. Thread-safe.
class histogram {
public:
  static constexpr size_t bounds_max = 19;
  /// `bounds` rise, are at most `bounds_max`, and live as long as the program.
  explicit histogram(std::span<const int64_t> bounds) noexcept : bounds_(bounds) {}
  void observe(int64_t value) noexcept;
  distribution read() const;

private:
  struct alignas(64) stripe {
    std::array<std::atomic<uint64_t>, bounds_max + 1> counts{};
    std::atomic<int64_t> sum{0};
  };
  const std::span<const int64_t> bounds_;
  std::array<stripe, meter_stripes> stripes_;
};

/// Histograms by a label that comes from outside: the first `labels_max` values have one of their own, all
/// others share one under `other`. Thread-safe; a known label costs a comparison or two.
class labelled_histograms {
public:
  static constexpr size_t labels_max = 16;
  explicit labelled_histograms(std::span<const int64_t> bounds) noexcept
      : bounds_(bounds), other_(bounds) {}
  ~labelled_histograms();
  labelled_histograms(const labelled_histograms&) = delete;
  labelled_histograms& operator=(const labelled_histograms&) = delete;

  histogram& of(std::string_view label);
  /// Label and values; what was never written is left out.
  std::vector<std::pair<std::string, distribution>> read() const;

private:
  struct entry {
    entry(std::string_view text, std::span<const int64_t> bounds) : label(text), values(bounds) {}
    const std::string label;
    histogram values;
  };
  const std::span<const int64_t> bounds_;
  std::array<std::atomic<entry*>, labels_max> entries_{};
  histogram other_;
};

/// A counter for each of a fixed set of things. Thread-safe.
template <size_t N>
class counters {
public:
  void add(size_t which, uint64_t n = 1) noexcept {
    stripes_[meter_stripe()].values[which].fetch_add(n, std::memory_order_relaxed);
  }
  uint64_t read(size_t which) const noexcept {
    uint64_t sum = 0;
    for (const auto& one : stripes_)
      sum += one.values[which].load(std::memory_order_relaxed);
    return sum;
  }

private:
  struct alignas(64) stripe {
    std::array<std::atomic<uint64_t>, N> values{};
  };
  std::array<stripe, meter_stripes> stripes_;
};

/// Bounds in microseconds: of what takes from a millisecond to an hour, …
std::span<const int64_t> work_bounds() noexcept;
/// … and from 100 microseconds to ten seconds.
std::span<const int64_t> latency_bounds() noexcept;
/// `0.0025` for 2500.
std::string seconds_text(int64_t micros);
/// Of how many go together: 1 to 2000.
std::span<const int64_t> batch_bounds() noexcept;

}  // namespace orrery
