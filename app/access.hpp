#pragma once
/// Who may do what on a node: its settings, and the accounts that follow from them.

#include "base/clock.hpp"
#include "base/result.hpp"
#include "domain/ports/identity_store.hpp"

#include <memory>
#include <string>
#include <vector>

namespace orrery {
class accounts;
}

namespace orrery::app {

struct access_config {
  bool open_registration = false;
  std::string issuer = "orrery";
  duration access_life = 10min;
  duration session_life = 24h * 30;
  std::string oidc_issuer;  ///< Empty = none.
  std::string oidc_audience;
  std::string oidc_jwks;
  std::string oidc_roles = "roles";
  std::vector<std::string> open_routes;  ///< By name, `getMetrics`.
  uint32_t requests_per_second = 1'000;  ///< Of one principal; 0 = no limit.
  uint32_t requests_burst = 2'000;
  std::vector<std::string> trusted_proxies;
  std::vector<std::string> cors_origins;
  std::string tls_certificate;
  std::string tls_key;
  std::string redirect;  ///< Address whose requests are sent to the one with TLS; empty = none.
};

/// The accounts of a node, and what they need to ask strangers.
class access_control {
public:
  /// Reads the keys from the store.
  static result<std::unique_ptr<access_control>> start(const access_config& how,
                                                       const std::string& node,
                                                       const std::string& node_token,
                                                       identity_source& where, const clock& time);
  ~access_control();

  accounts& port() noexcept;
  /// The one-time token for the first account; empty unless it was made just now.
  const std::string& bootstrap_token() const noexcept;
  void stop();

private:
  struct parts;
  explicit access_control(std::unique_ptr<parts> p);
  std::unique_ptr<parts> parts_;
};

/// What is wrong with the settings, one sentence each.
std::vector<std::string> problems_of(const access_config& how);

}  // namespace orrery::app
