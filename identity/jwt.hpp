#pragma once
/// JSON Web Tokens, as narrow as they can be: compact form, EdDSA or RS256, and the algorithm is the key's,
/// never the token's choice. Nothing of a token is believed before its signature holds, but for `kid`,
/// which only selects among keys we have.

#include "base/result.hpp"
#include "base/time.hpp"

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace orrery::identity {

inline constexpr size_t token_bytes_max = 8 * 1024;
inline constexpr duration clock_skew = 30s;

enum class algorithm : uint8_t { eddsa, rs256 };

/// Somebody is not whom they say they are; `why` is for logs.
inline failure refused(std::string why) { return {errc::rejected, std::move(why)}; }

struct verification_key {
  algorithm alg = algorithm::eddsa;
  std::string public_key;  ///< Ed25519
  std::string modulus;     ///< RSA
  std::string exponent;
};

struct claims {
  std::string issuer;
  std::string subject;
  std::vector<std::string> audience;
  std::string session;      ///< `sid`
  uint64_t generation = 0;  ///< `gen`: of the user's security; a token of an earlier one is void.
  std::vector<std::string> roles;
  time_point issued_at;
  time_point not_before;
  time_point expires_at;
};

/// Type `at+jwt` (RFC 9068), EdDSA.
std::string make_token(const claims& of, const std::string& kid, const std::string& secret_key);

/// What a token must say besides being signed.
struct expectation {
  std::string issuer;
  std::string audience;
  bool typed = true;  ///< `typ` must be `at+jwt`; other issuers may leave it out or say `JWT`.
  std::string roles_claim = "roles";
};
using key_lookup = std::function<std::optional<verification_key>(const std::string& kid)>;

/// Every failure is `rejected`; the detail is for logs.
result<claims> verify_token(std::string_view token, const key_lookup& keys,
                            const expectation& wanted, time_point now);

/// The issuer a token claims, before anything is verified: only to choose whom to ask. Empty where it
/// cannot be read.
std::string claimed_issuer(std::string_view token);

/// The keys of a JWK set that can verify tokens, by `kid`; others are left out.
std::vector<std::pair<std::string, verification_key>> read_jwks(std::string_view json);

}  // namespace orrery::identity
