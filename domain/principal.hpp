#pragma once
/// Who asks, and what he may do. Pure.

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace orrery {

/// What a route needs.
enum class permission : uint8_t {
  open,        ///< Nobody is asked who he is.
  signed_in,   ///< Any principal; for what concerns himself.
  read,        ///< See orders, tasks, figures.
  submit,      ///< Submit new work.
  work,        ///< Take attempts and report on them.
  operate,     ///< Change what others submitted: cancel, rerun, redrive, pause.
  administer,  ///< Users, keys, the audit log.
};
inline constexpr std::array<std::string_view, 7> permission_names = {
    "open", "signed-in", "read", "submit", "work", "operate", "administer"};
constexpr std::string_view to_string(permission needed) noexcept {
  return permission_names[static_cast<size_t>(needed)];
}

/// A set of permissions, one bit each.
using permission_set = uint8_t;
constexpr permission_set bit(permission p) noexcept {
  return static_cast<permission_set>(1U << static_cast<unsigned>(p));
}
inline constexpr permission_set all_permissions = 0x7f;

enum class role : uint8_t { viewer, producer, worker, operating, admin };
inline constexpr std::array<std::string_view, 5> role_names = {"viewer", "producer", "worker",
                                                               "operator", "admin"};
constexpr std::optional<role> parse_role(std::string_view name) noexcept {
  for (size_t i = 0; i < role_names.size(); ++i)
    if (role_names[i] == name)
      return static_cast<role>(i);
  return std::nullopt;
}
constexpr std::optional<permission> parse_permission(std::string_view name) noexcept {
  for (size_t i = 0; i < permission_names.size(); ++i)
    if (permission_names[i] == name)
      return static_cast<permission>(i);
  return std::nullopt;
}

/// A set of roles, one bit each.
using role_set = uint8_t;
constexpr role_set bit(role r) noexcept {
  return static_cast<role_set>(1U << static_cast<unsigned>(r));
}

constexpr permission_set permissions_of(role r) noexcept {
  constexpr auto base = static_cast<permission_set>(
      bit(permission::open) | bit(permission::signed_in) | bit(permission::read));
  switch (r) {
    case role::viewer: return base;
    case role::producer: return base | bit(permission::submit);
    case role::worker: return base | bit(permission::work);
    case role::operating:
      return base | bit(permission::submit) | bit(permission::work) | bit(permission::operate);
    case role::admin: return all_permissions;
  }
  return 0;
}
constexpr permission_set permissions_of(role_set roles) noexcept {
  permission_set out = 0;
  for (size_t i = 0; i < role_names.size(); ++i)
    if ((roles >> i & 1) != 0)
      out = static_cast<permission_set>(out | permissions_of(static_cast<role>(i)));
  // Who has an account but no role may still see to his own password.
  return static_cast<permission_set>(out | bit(permission::open) | bit(permission::signed_in));
}

struct principal {
  std::string name;     ///< Of the user; `node` for the node's own token; empty = nobody.
  std::string session;  ///< Of a token from signing in.
  std::string key;      ///< Of an API key.
  role_set roles = 0;
  permission_set may = 0;

  constexpr bool allows(permission p) const noexcept {
    return p == permission::open || (may & bit(p)) != 0;
  }
};

}  // namespace orrery
