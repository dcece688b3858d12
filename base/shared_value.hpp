#pragma once
/// A value that never changes, shared by its copies: for what is large, made once and handed around.

#include <memory>
#include <utility>

namespace orrery {

/// Behaves as a `const T`; a default one holds `T{}`. Copies are cheap and thread-safe.
template <class T>
class shared_value {
public:
  shared_value() = default;
  shared_value(T value) : value_(std::make_shared<const T>(std::move(value))) {}

  const T& operator*() const noexcept { return value_ ? *value_ : none(); }
  const T* operator->() const noexcept { return &**this; }
  /// Whether it was ever given a value, be it `T{}`.
  bool is_set() const noexcept { return value_ != nullptr; }

  /// Replaces this copy's value by one that `change` has been let at; other copies keep theirs.
  template <class Change>
  void edit(Change change) {
    T value = **this;
    change(value);
    *this = std::move(value);
  }

  friend bool operator==(const shared_value& a, const shared_value& b) {
    return a.value_ == b.value_ || *a == *b;
  }

private:
  static const T& none() {
    static const T value{};
    return value;
  }

  std::shared_ptr<const T> value_;
};

}  // namespace orrery
