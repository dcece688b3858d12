#pragma once
#include "identity/service.hpp"

namespace orrery::identity {

/// A store session for one call, put back at its end.
class service::borrowed {
public:
  explicit borrowed(service& of) : of_(of) {
    {
      const std::lock_guard lock(of_.guard_);
      if (!of_.idle_.empty()) {
        session_ = std::move(of_.idle_.back());
        of_.idle_.pop_back();
      }
    }
    if (!session_)
      session_ = of_.where_.open_identity();
  }
  ~borrowed() {
    const std::lock_guard lock(of_.guard_);
    of_.idle_.push_back(std::move(session_));
  }
  borrowed(const borrowed&) = delete;
  borrowed& operator=(const borrowed&) = delete;
  identity_store& operator*() const noexcept { return *session_; }

private:
  service& of_;
  std::unique_ptr<identity_store> session_;
};

}  // namespace orrery::identity
