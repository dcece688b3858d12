#include "base/meter.hpp"

#include <algorithm>
#include <numeric>

namespace orrery {

namespace {

constexpr int64_t a_ms = 1000;
constexpr int64_t a_second = 1000 * a_ms;
constexpr std::array<int64_t, 18> work{
    1 * a_ms,      2 * a_ms,      5 * a_ms,      10 * a_ms,      25 * a_ms,      50 * a_ms,
    100 * a_ms,    250 * a_ms,    500 * a_ms,    1 * a_second,   2500 * a_ms,    5 * a_second,
    10 * a_second, 30 * a_second, 60 * a_second, 300 * a_second, 900 * a_second, 3600 * a_second};
constexpr std::array<int64_t, 16> latency{100,          250,         500,          1 * a_ms,
                                          2500,         5 * a_ms,    10 * a_ms,    25 * a_ms,
                                          50 * a_ms,    100 * a_ms,  250 * a_ms,   500 * a_ms,
                                          1 * a_second, 2500 * a_ms, 5 * a_second, 10 * a_second};
constexpr std::array<int64_t, 11> batch{1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000};

}  // namespace

size_t meter_stripe() noexcept {
  static std::atomic<size_t> next{0};
  thread_local const size_t mine = next.fetch_add(1, std::memory_order_relaxed) % meter_stripes;
  return mine;
}

uint64_t distribution::count() const noexcept {
  return std::accumulate(counts.begin(), counts.end(), uint64_t{0});
}

void histogram::observe(int64_t value) noexcept {
  const auto place = std::lower_bound(bounds_.begin(), bounds_.end(), value) - bounds_.begin();
  auto& mine = stripes_[meter_stripe()];
  mine.counts[static_cast<size_t>(place)].fetch_add(1, std::memory_order_relaxed);
  mine.sum.fetch_add(value, std::memory_order_relaxed);
}

distribution histogram::read() const {
  distribution out;
  out.bounds.assign(bounds_.begin(), bounds_.end());
  out.counts.resize(bounds_.size() + 1);
  for (const auto& one : stripes_) {
    for (size_t i = 0; i < out.counts.size(); ++i)
      out.counts[i] += one.counts[i].load(std::memory_order_relaxed);
    out.sum += one.sum.load(std::memory_order_relaxed);
  }
  return out;
}

labelled_histograms::~labelled_histograms() {
  for (auto& one : entries_)
    delete one.load();
}

histogram& labelled_histograms::of(std::string_view label) {
  for (auto& place : entries_) {
    auto* known = place.load(std::memory_order_acquire);
    if (known == nullptr) {
      auto made = std::make_unique<entry>(label, bounds_);
      if (place.compare_exchange_strong(known, made.get(), std::memory_order_acq_rel))
        return made.release()->values;
    }
    if (known->label == label)
      return known->values;
  }
  return other_;
}

std::vector<std::pair<std::string, distribution>> labelled_histograms::read() const {
  std::vector<std::pair<std::string, distribution>> out;
  for (const auto& place : entries_)
    if (const auto* one = place.load(std::memory_order_acquire); one != nullptr)
      out.emplace_back(one->label, one->values.read());
  if (auto rest = other_.read(); rest.count() > 0)
    out.emplace_back("other", std::move(rest));
  return out;
}

std::string seconds_text(int64_t micros) {
  auto out = std::to_string(micros / a_second);
  auto rest = std::to_string(a_second + micros % a_second).substr(1);
  while (!rest.empty() && rest.back() == '0')
    rest.pop_back();
  return rest.empty() ? out : out + '.' + rest;
}

std::span<const int64_t> work_bounds() noexcept { return work; }
std::span<const int64_t> latency_bounds() noexcept { return latency; }
std::span<const int64_t> batch_bounds() noexcept { return batch; }

}  // namespace orrery
