#pragma once
/// Which hosts, ports and addresses may be called.

#include "base/result.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace orrery::http {

/// A URL, taken apart. `host` is lower case, without brackets and without a final dot.
struct url {
  bool secure = false;
  std::string host;
  uint16_t port = 80;
  std::string authority;  ///< For the `Host` field: as given, without a default port.
  std::string target;     ///< Path and query; never empty.
};
/// `http` and `https` only; no user part, no zone, nothing but ASCII letters, digits, `-`, `.`, `_`
/// in a name.
result<url> parse_url(std::string_view text);

/// Whether `address` (text of an IPv4 or IPv6 address) is a public unicast address. Text that is no
/// address is not.
bool is_public_address(std::string_view address) noexcept;

/// The rules of `outbound_options`.
class host_rules {
public:
  host_rules(const std::vector<std::string>& allowed, bool allow_public);
  /// Before resolving. The failure says why not.
  result<void> check_host(const url& u) const;
  /// After resolving: every address must be allowed.
  result<void> check_addresses(const url& u, const std::vector<std::string>& addresses) const;

private:
  struct pattern {
    std::string host;  ///< Without `*.` where it is a suffix.
    bool subdomains = false;
    bool any_host = false;
    bool any_port = false;
    uint16_t port = 0;  ///< 0 = the usual ones.
  };
  bool listed(const url& u) const noexcept;

  std::vector<pattern> patterns_;
  bool allow_public_;
};

}  // namespace orrery::http
