#include "identity/crypto.hpp"

#include "base/check.hpp"

#include <sodium.h>

namespace orrery::identity {

namespace {

void start() {
  static const bool ready = [] {
    CHECK(sodium_init() >= 0, "libsodium can be used");
    return true;
  }();
  (void)ready;
}

constexpr int variant = sodium_base64_VARIANT_URLSAFE_NO_PADDING;

}  // namespace

std::string random_bytes(size_t count) {
  start();
  std::string out(count, '\0');
  randombytes_buf(out.data(), out.size());
  return out;
}

std::string random_hex(size_t bytes) {
  static constexpr char digits[] = "0123456789abcdef";
  std::string out;
  for (const char c : random_bytes(bytes)) {
    out += digits[static_cast<unsigned char>(c) >> 4];
    out += digits[static_cast<unsigned char>(c) & 15];
  }
  return out;
}

std::string base64url(std::string_view bytes) {
  start();
  std::string out(sodium_base64_encoded_len(bytes.size(), variant), '\0');
  sodium_bin2base64(out.data(), out.size(), bytes_of(bytes), bytes.size(), variant);
  out.pop_back();  // the terminating zero
  return out;
}

std::optional<std::string> from_base64url(std::string_view text) {
  start();
  std::string out(text.size() / 4 * 3 + 3, '\0');
  size_t length = 0;
  const char* end = nullptr;
  if (sodium_base642bin(bytes_of(out), out.size(), text.data(), text.size(), nullptr, &length, &end,
                        variant) != 0 ||
      end != text.data() + text.size())
    return std::nullopt;
  out.resize(length);
  if (base64url(out) != text)
    return std::nullopt;
  return out;
}

std::string digest(std::string_view bytes) {
  start();
  std::string out(crypto_generichash_BYTES, '\0');
  crypto_generichash(bytes_of(out), out.size(), bytes_of(bytes), bytes.size(), nullptr, 0);
  return out;
}

bool same_in_constant_time(std::string_view a, std::string_view b) noexcept {
  return a.size() == b.size() && sodium_memcmp(a.data(), b.data(), a.size()) == 0;
}

result<std::string> hash_password(const std::string& password, const password_cost& cost) {
  start();
  std::string out(crypto_pwhash_STRBYTES, '\0');
  if (crypto_pwhash_str_alg(out.data(), password.data(), password.size(), cost.passes,
                            cost.memory_bytes, crypto_pwhash_ALG_ARGON2ID13) != 0)
    return failure{errc::unavailable, "there is not enough memory to hash a password"};
  out.resize(out.find('\0'));
  return out;
}

bool verify_password(const std::string& hash, const std::string& password) {
  start();
  return hash.size() < crypto_pwhash_STRBYTES &&
         crypto_pwhash_str_verify(hash.c_str(), password.data(), password.size()) == 0;
}

bool needs_rehash(const std::string& hash, const password_cost& cost) {
  start();
  return crypto_pwhash_str_needs_rehash(hash.c_str(), cost.passes, cost.memory_bytes) != 0;
}

key_pair make_key_pair() {
  start();
  key_pair out{std::string(crypto_sign_PUBLICKEYBYTES, '\0'),
               std::string(crypto_sign_SECRETKEYBYTES, '\0')};
  crypto_sign_keypair(bytes_of(out.public_key), bytes_of(out.secret_key));
  return out;
}

std::string sign_ed25519(std::string_view message, const std::string& secret_key) {
  start();
  CHECK(secret_key.size() == crypto_sign_SECRETKEYBYTES, "a signing key has 64 bytes");
  std::string out(crypto_sign_BYTES, '\0');
  crypto_sign_detached(bytes_of(out), nullptr, bytes_of(message), message.size(),
                       bytes_of(std::string_view(secret_key)));
  return out;
}

bool verify_ed25519(std::string_view message, std::string_view signature,
                    const std::string& public_key) {
  start();
  return signature.size() == crypto_sign_BYTES && public_key.size() == crypto_sign_PUBLICKEYBYTES &&
         crypto_sign_verify_detached(bytes_of(signature), bytes_of(message), message.size(),
                                     bytes_of(std::string_view(public_key))) == 0;
}

}  // namespace orrery::identity
