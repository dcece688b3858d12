#pragma once
/// The primitives, by libsodium and (RS256 only) OpenSSL. Nothing here is of our own making.

#include "base/result.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace orrery::identity {

/// As C libraries want it.
inline const unsigned char* bytes_of(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}
inline unsigned char* bytes_of(std::string& text) {
  return reinterpret_cast<unsigned char*>(text.data());
}

std::string random_bytes(size_t count);
std::string random_hex(size_t bytes);

/// Without padding (RFC 7515).
std::string base64url(std::string_view bytes);
/// Empty unless `text` is exactly what `base64url` gives for some bytes: no padding, no stray bits.
std::optional<std::string> from_base64url(std::string_view text);

/// 32 bytes of BLAKE2b: for secrets of full entropy, which need no slow hash.
std::string digest(std::string_view bytes);
bool same_in_constant_time(std::string_view a, std::string_view b) noexcept;

/// argon2id. The defaults are the floor that OWASP names: 19 MiB, two passes.
struct password_cost {
  uint64_t passes = 2;
  size_t memory_bytes = 19 * 1024 * 1024;
};
/// `unavailable` where there is not enough memory. The parameters stand in the text.
result<std::string> hash_password(const std::string& password, const password_cost& cost);
bool verify_password(const std::string& hash, const std::string& password);
bool needs_rehash(const std::string& hash, const password_cost& cost);

struct key_pair {
  std::string public_key;  ///< 32 bytes
  std::string secret_key;  ///< 64 bytes
};
key_pair make_key_pair();
std::string sign_ed25519(std::string_view message, const std::string& secret_key);
bool verify_ed25519(std::string_view message, std::string_view signature,
                    const std::string& public_key);
/// `modulus` and `exponent` in network order; keys below 2048 bits verify nothing.
bool verify_rs256(std::string_view message, std::string_view signature, std::string_view modulus,
                  std::string_view exponent);

}  // namespace orrery::identity
