#pragma once
/// A vector that is empty nearly always, in things of which there are very many: it takes a pointer until
/// something is put in, not three.

#include <memory>
#include <utility>
#include <vector>

namespace orrery {

/// As a std::vector, as far as it goes. One that was moved from is empty.
template <class T>
class rare_vector {
public:
  bool empty() const noexcept { return items_ == nullptr || items_->empty(); }
  const T* begin() const noexcept { return items_ ? items_->data() : nullptr; }
  const T* end() const noexcept { return items_ ? items_->data() + items_->size() : nullptr; }
  void push_back(T one) { all().push_back(std::move(one)); }

  /// To be changed in place.
  std::vector<T>& all() {
    if (items_ == nullptr)
      items_ = std::make_unique<std::vector<T>>();
    return *items_;
  }

  /// What is in it; it is empty then.
  std::vector<T> take() {
    const auto taken = std::exchange(items_, nullptr);
    return taken ? std::move(*taken) : std::vector<T>{};
  }

private:
  std::unique_ptr<std::vector<T>> items_;
};

}  // namespace orrery
