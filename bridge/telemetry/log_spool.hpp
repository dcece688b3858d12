#pragma once
/// Texts that wait on disk to be sent: files in a folder, oldest first, up to a limit.

#include "base/result.hpp"

#include <cstdint>
#include <deque>
#include <filesystem>
#include <string>

namespace orrery {

/// Used by one thread. What a crash cuts off in the middle is left out when it is read.
class log_spool {
public:
  /// Finds what an earlier process left there.
  log_spool(std::filesystem::path folder, uint64_t bytes_max, uint64_t segment_bytes = 512 * 1024);

  /// Adds one entry, which ends with a line end; the oldest files go where there is no room. False: it could
  /// not be written.
  bool add(std::string_view entry);
  bool empty() const noexcept { return segments_.empty(); }
  uint64_t bytes() const noexcept { return bytes_; }
  /// Entries lost to the limit, in lines.
  uint64_t dropped_lines() const noexcept { return dropped_; }
  /// All of the oldest file.
  result<std::string> first() const;
  void drop_first();

private:
  struct segment {
    uint64_t number = 0;
    uint64_t bytes = 0;
  };
  std::filesystem::path file_of(uint64_t number) const;

  const std::filesystem::path folder_;
  const uint64_t bytes_max_;
  const uint64_t segment_bytes_;
  std::deque<segment> segments_;
  uint64_t bytes_ = 0;
  uint64_t dropped_ = 0;
  bool fresh_ = true;  ///< The last file is of an earlier process: a new one is begun.
};

}  // namespace orrery
