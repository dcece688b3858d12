#pragma once
/// Many readers of `GET /api/events` on one thread, and what they saw. Linux, IPv4.

#include "bench/http_client.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace orrery::bench {

/// TaskQueued, TaskStarted, TaskSucceeded.
inline constexpr size_t events_of_noop = 3;

/// Counts by tenth of a millisecond, so that a hundred million values cost nothing.
class lateness_counts {
public:
  void add(double ms);
  /// The value that `part` of all do not exceed; 1 = the largest.
  double at(double part) const;

private:
  static constexpr size_t slots = 100'000;  ///< Up to ten seconds.
  std::vector<uint64_t> counts_ = std::vector<uint64_t>(slots);
  uint64_t total_ = 0;
  double largest_ = 0;
};

class event_readers {
public:
  /// Opens them all and waits until each has its answer; an error ends the process.
  event_readers(const std::string& address, size_t count, const std::string& headers);
  ~event_readers();
  event_readers(const event_readers&) = delete;
  event_readers& operator=(const event_readers&) = delete;

  /// Reads what is there, after `pause`.
  void read(std::chrono::milliseconds pause);

  size_t size() const noexcept { return readers_.size(); }
  size_t least() const;  ///< Events of the reader that saw the fewest.
  size_t most() const;
  size_t gaps() const noexcept { return gaps_; }  ///< Events out of order, missed or seen twice.
  lateness_counts& lateness() noexcept { return late_; }

private:
  struct frame {
    std::string text;
    size_t shard = 0;
    int64_t position = 0;
    double at_ms = 0;
  };
  struct reader {
    int socket = -1;
    bool in_events = false;
    size_t events = 0;
    std::string rest;  ///< Of a frame whose end has not come.
    std::vector<int64_t> positions;
  };
  void open(const std::string& address, const std::string& request);
  void take(reader& one, std::string_view bytes, double now_ms);
  size_t take_frames(reader& one, std::string_view bytes, double now_ms);
  void take_frame(reader& one, std::string_view text, double now_ms);
  void count(reader& one, const frame& told, double now_ms);

  int waiting_ = -1;
  std::vector<reader> readers_;
  size_t answered_ = 0;
  size_t gaps_ = 0;
  std::vector<frame> known_;  ///< In the order in which the first reader saw them.
  lateness_counts late_;
};

}  // namespace orrery::bench
