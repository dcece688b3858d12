#pragma once
/// The keys that sign access tokens. All nodes of a system share them through the store; each has a time
/// to sign and, after it, a time in which it still verifies.

#include "base/clock.hpp"
#include "domain/ports/identity_store.hpp"
#include "identity/jwt.hpp"

#include <chrono>
#include <mutex>

namespace orrery::identity {

struct keyring_options {
  duration rotate_after = 24h * 30;
  duration verify_after = 24h;  ///< Longer than any token lives.
};

/// Thread-safe.
class keyring {
public:
  keyring(const clock& time, keyring_options how) : time_(time), how_(how) {}

  /// Reads the keys, and makes one where none may sign any more.
  result<void> load(identity_store& from);
  /// Another key signs from now on; the former ones still verify.
  result<void> rotate(identity_store& in);
  /// Whether the keys should be read again: every minute, or at once (at most each five seconds) for a
  /// token with a key that nobody here has heard of.
  bool wants_loading(bool unknown_key) const;

  std::optional<verification_key> find(const std::string& kid) const;
  /// Empty where no key was loaded.
  std::string sign(claims of) const;
  /// The public keys as a JWK set.
  std::string jwks() const;

private:
  struct entry {
    std::string kid;
    std::string secret_key;
    std::string public_key;
    time_point made_at;
  };
  result<void> make(identity_store& in);

  const clock& time_;
  const keyring_options how_;
  mutable std::mutex guard_;
  std::vector<entry> keys_;  ///< Oldest first; the last one signs.
  std::chrono::steady_clock::time_point loaded_at_{};
};

}  // namespace orrery::identity
