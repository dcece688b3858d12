/// The routes of users, sessions, keys and the audit log. All are run by the port `accounts` under the
/// row's name.

#include "http/handlers.hpp"
#include "http/routes.hpp"

#include <array>

namespace orrery::http {

namespace {

using enum method;

constexpr route account(method verb, std::string_view pattern, std::string_view name,
                        permission needs, std::string_view request, std::string_view answer,
                        std::string_view description) {
  return {.verb = verb,
          .pattern = pattern,
          .handle = handlers::account,
          .needs = needs,
          .name = name,
          .group = pattern.starts_with("/api/auth") || pattern.starts_with("/.well") ? "auth"
                                                                                     : "accounts",
          .description = description,
          .body = request.empty() ? body_kind::none : body_kind::single,
          .request = request,
          .answer = answer,
          .status = answer.empty() ? 204 : 200};
}
constexpr route with(route r, std::string_view parameters, std::string_view errors = {},
                     int status = 0) {
  r.parameters = parameters;
  r.errors = errors;
  if (status != 0)
    r.status = status;
  return r;
}

constexpr route shown_once(route r) {
  r.secret_answer = true;
  return r;
}

constexpr std::array account_table{
    with(account(post, "/api/auth/login", "login", permission::open, "Credentials", "Tokens",
                 "Signs in with name and password."),
         "", "401"),
    with(account(post, "/api/auth/refresh", "refreshSession", permission::open, "Refresh", "Tokens",
                 "Exchanges a refresh token for new tokens; each is good for one exchange."),
         "", "401"),
    account(post, "/api/auth/logout", "logout", permission::signed_in, "Logout", "",
            "Ends this session, or all of this user."),
    account(post, "/api/auth/password", "changePassword", permission::signed_in, "PasswordChange",
            "Tokens", "Changes one's own password, ends all sessions and begins a new one."),
    with(account(post, "/api/auth/register", "registerUser", permission::open, "Registration",
                 "User", "Makes an account with the role viewer, where registration is open."),
         "", "403 409", 201),
    with(account(post, "/api/auth/bootstrap", "bootstrap", permission::open, "Bootstrap", "Tokens",
                 "Makes the first account, an administrator, with the one-time token of the first "
                 "start."),
         "", "401 409"),
    account(get, "/api/auth/me", "whoAmI", permission::signed_in, "", "WhoAmI",
            "Who asks, and what he may do."),
    account(post, "/api/auth/rotate-keys", "rotateKeys", permission::administer, "Nothing",
            "KeySet", "Signs tokens with a new key from now on; earlier ones still verify."),
    account(get, "/.well-known/jwks.json", "getJwks", permission::open, "", "KeySet",
            "The keys by which others verify our tokens."),
    with(account(get, "/api/users", "listUsers", permission::administer, "", "UserList",
                 "Users, by name."),
         "cursor limit"),
    with(account(post, "/api/users", "createUser", permission::administer, "UserCreation", "User",
                 "Makes a user."),
         "", "409", 201),
    with(account(get, "/api/users/{user}", "getUser", permission::signed_in, "", "User",
                 "A user; others than oneself only for administrators."),
         "userName"),
    with(account(patch, "/api/users/{user}", "updateUser", permission::administer, "UserChange",
                 "User", "Changes roles or password, disables or enables; ends all sessions."),
         "userName IfMatch", "409 412"),
    with(account(erase, "/api/users/{user}", "deleteUser", permission::administer, "", "",
                 "Deletes a user with his sessions and keys."),
         "userName"),
    with(account(get, "/api/users/{user}/sessions", "listSessions", permission::signed_in, "",
                 "SessionList", "Sessions of a user; of others only for administrators."),
         "userName cursor limit"),
    with(account(erase, "/api/users/{user}/sessions/{session}", "deleteSession",
                 permission::signed_in, "", "", "Ends a session."),
         "userName sessionId"),
    with(account(get, "/api/keys", "listKeys", permission::signed_in, "", "KeyList",
                 "API keys: one's own, or all for administrators."),
         "cursor limit"),
    shown_once(with(account(post, "/api/keys", "createKey", permission::signed_in, "KeyCreation",
                            "Key", "Makes an API key; the answer shows it this once."),
                    "", "", 201)),
    with(account(erase, "/api/keys/{key}", "deleteKey", permission::signed_in, "", "",
                 "Revokes an API key."),
         "keyId"),
    with(account(get, "/api/audit", "listAudit", permission::administer, "", "AuditList",
                 "Every change and every refused access, newest first."),
         "actor action outcome before limit"),
};

}  // namespace

std::span<const route> account_routes() noexcept { return account_table; }

}  // namespace orrery::http
