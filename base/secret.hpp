#pragma once
/// A text that nobody shall see: a password, a key, a token.

#include <ostream>
#include <string>
#include <utility>

namespace orrery {

/// Has no conversion to text and cannot be formatted, so that a log line, a message or a page that would
/// show it does not compile. What must have it asks by name, and grep finds who does.
class secret {
public:
  secret() = default;
  explicit secret(std::string value) : value_(std::move(value)) {}
  /// For the one call that needs it: never to keep, never to print.
  const std::string& reveal() const noexcept { return value_; }
  bool empty() const noexcept { return value_.empty(); }
  friend bool operator==(const secret&, const secret&) = default;

private:
  std::string value_;
};

std::ostream& operator<<(std::ostream&, const secret&) = delete;
std::string to_string(const secret&) = delete;

}  // namespace orrery
