#pragma once
/// What a process wrote, bounded; and how it becomes a result.

#include <cstddef>
#include <string>
#include <string_view>

namespace orrery {

/// Keeps the newest `limit` bytes of what is appended.
class output_ring {
public:
  explicit output_ring(size_t limit) : limit_(limit) {}

  void append(std::string_view bytes);
  /// Oldest first.
  std::string text() const;
  bool dropped_some() const noexcept { return total_ > limit_; }
  size_t total() const noexcept { return total_; }

private:
  size_t limit_;
  size_t total_ = 0;
  size_t next_ = 0;  ///< Where the next byte goes once the ring is full.
  std::string bytes_;
};

/// Valid UTF-8 of the same length or shorter: bytes that belong to no character become `?`, a
/// character cut off at the front is left out.
std::string readable_text(std::string bytes);

/// The result of a process that succeeded, as JSON: all of its standard output where that is one
/// JSON value, else its last line where that is one, else a JSON string of the newest 64 KiB. Empty
/// where it wrote nothing. Never longer than `limits::result_bytes`.
std::string result_of_output(std::string text, bool dropped_some);

}  // namespace orrery
