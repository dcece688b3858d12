#pragma once
/// Errors as values. `result<T>` is either a `T` or a `failure`, with the names of `std::expected`.

#include <optional>
#include <ostream>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>

namespace orrery {

/// What went wrong, named by what the caller can do about it.
enum class errc {
  invalid,      ///< The request itself is wrong; sending it again will not help.
  not_found,    ///< The thing named does not exist.
  conflict,     ///< It clashes with what is there (stale epoch, same id with another body).
  rejected,     ///< Understood, but the present state does not allow it.
  busy,         ///< A limit is reached; try again after a pause.
  unavailable,  ///< A dependency or an owner is away; try again later.
  in_doubt,     ///< It may or may not have happened; read back before acting.
  corrupt,      ///< Stored or received bytes are not what they should be.
};

std::string_view to_string(errc code) noexcept;

/// An error: its code, a sentence for people, and the field or place it speaks of (may be empty).
struct failure {
  errc code = errc::invalid;
  std::string detail;
  std::string field = {};

  friend bool operator==(const failure&, const failure&) = default;
};

/// A value or a failure. Reading the side that is not there is a programming error and aborts.
template <class T>
class [[nodiscard]] result {
public:
  using value_type = T;

  result(T value) : state_(std::in_place_index<0>, std::move(value)) {}
  result(failure error) : state_(std::in_place_index<1>, std::move(error)) {}

  bool has_value() const noexcept { return state_.index() == 0; }
  explicit operator bool() const noexcept { return has_value(); }

  T& value() & { return std::get<0>(state_); }
  const T& value() const& { return std::get<0>(state_); }
  T&& value() && { return std::get<0>(std::move(state_)); }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T&& operator*() && { return std::move(*this).value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }

  failure& error() & { return std::get<1>(state_); }
  const failure& error() const& { return std::get<1>(state_); }
  failure&& error() && { return std::get<1>(std::move(state_)); }

  template <class U>
  T value_or(U&& other) const& {
    return has_value() ? value() : static_cast<T>(std::forward<U>(other));
  }

private:
  std::variant<T, failure> state_;
};

/// Success without a value, or a failure.
template <>
class [[nodiscard]] result<void> {
public:
  using value_type = void;

  result() = default;
  result(failure error) : error_(std::move(error)) {}

  bool has_value() const noexcept { return !error_; }
  explicit operator bool() const noexcept { return has_value(); }

  failure& error() & { return *error_; }
  const failure& error() const& { return *error_; }
  failure&& error() && { return std::move(*error_); }

private:
  std::optional<failure> error_;
};

}  // namespace orrery
