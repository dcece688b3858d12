#include "identity/keyring.hpp"

#include "codec/json.hpp"
#include "codec/object.hpp"
#include "identity/crypto.hpp"

#include <algorithm>

namespace orrery::identity {

using codec::json_object;
using codec::json_writer;

namespace {
constexpr size_t keys_max = 100;
}

result<void> keyring::make(identity_store& in) {
  const auto pair = make_key_pair();
  const auto now = time_.now();
  identity_record r{random_hex(8), {}, {}, 0, now + how_.rotate_after + how_.verify_after};
  json_writer(r.body)
      .begin_object()
      .field("secret", base64url(pair.secret_key))
      .field("public", base64url(pair.public_key))
      .field("made", micros(now))
      .end_object();
  const auto put = in.put(identity_table::signing_keys, r);
  return put ? result<void>{} : put.error();
}

result<void> keyring::load(identity_store& from) {
  for (int round = 0;; ++round) {
    const auto rows = from.list(identity_table::signing_keys, {}, {}, keys_max);
    if (!rows)
      return rows.error();
    std::vector<entry> found;
    for (const auto& row : *rows) {
      const auto body = json_object::read(row.body);
      if (!body || row.expires_at <= time_.now())
        continue;
      auto secret = from_base64url(body->text("secret").value_or(""));
      auto known = from_base64url(body->text("public").value_or(""));
      if (secret && known && secret->size() == 64)
        found.push_back({row.key, std::move(*secret), std::move(*known),
                         from_micros(body->whole("made").value_or(0))});
    }
    std::sort(found.begin(), found.end(),
              [](const auto& a, const auto& b) { return a.made_at < b.made_at; });
    const bool signs = !found.empty() && found.back().made_at + how_.rotate_after > time_.now();
    if (signs || round > 0) {
      const std::lock_guard lock(guard_);
      keys_ = std::move(found);
      loaded_at_ = std::chrono::steady_clock::now();
      return {};
    }
    if (auto made = make(from); !made)
      return made;
  }
}

result<void> keyring::rotate(identity_store& in) {
  if (auto made = make(in); !made)
    return made;
  return load(in);
}

bool keyring::wants_loading(bool unknown_key) const {
  const std::lock_guard lock(guard_);
  const auto age = std::chrono::steady_clock::now() - loaded_at_;
  return keys_.empty() || age > std::chrono::seconds(60) ||
         (unknown_key && age > std::chrono::seconds(5));
}

std::optional<verification_key> keyring::find(const std::string& kid) const {
  const std::lock_guard lock(guard_);
  for (const auto& key : keys_)
    if (key.kid == kid)
      return verification_key{algorithm::eddsa, key.public_key, {}, {}};
  return std::nullopt;
}

std::string keyring::sign(claims of) const {
  const std::lock_guard lock(guard_);
  return keys_.empty() ? std::string() : make_token(of, keys_.back().kid, keys_.back().secret_key);
}

std::string keyring::jwks() const {
  const std::lock_guard lock(guard_);
  std::string text;
  json_writer out(text);
  out.begin_object().key("keys").begin_array();
  for (const auto& key : keys_)
    out.begin_object()
        .field("kty", "OKP")
        .field("crv", "Ed25519")
        .field("use", "sig")
        .field("alg", "EdDSA")
        .field("kid", key.kid)
        .field("x", base64url(key.public_key))
        .end_object();
  out.end_array().end_object();
  return text;
}

}  // namespace orrery::identity
