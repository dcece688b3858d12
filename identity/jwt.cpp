#include "identity/jwt.hpp"

#include "codec/json.hpp"
#include "codec/object.hpp"
#include "identity/crypto.hpp"

#include <algorithm>
#include <array>

namespace orrery::identity {

namespace {

using codec::json_object;
using codec::json_writer;

int64_t seconds(time_point at) {
  return std::chrono::duration_cast<std::chrono::seconds>(at.time_since_epoch()).count();
}

struct token_parts {
  std::string_view signed_part;
  std::string header;
  std::string_view payload;  ///< Still encoded.
  std::string signature;
};

result<token_parts> take_apart(std::string_view token) {
  if (token.size() > token_bytes_max)
    return refused("the token is too long");
  const auto first = token.find('.');
  const auto second = first == std::string_view::npos ? first : token.find('.', first + 1);
  if (second == std::string_view::npos || token.find('.', second + 1) != std::string_view::npos)
    return refused("a token has three parts");
  token_parts out;
  out.signed_part = token.substr(0, second);
  out.payload = token.substr(first + 1, second - first - 1);
  auto header = from_base64url(token.substr(0, first));
  auto signature = from_base64url(token.substr(second + 1));
  if (!header || !signature)
    return refused("a part is not base64url");
  out.header = std::move(*header);
  out.signature = std::move(*signature);
  return out;
}

bool is_plain(std::string_view kid) {
  return !kid.empty() && kid.size() <= 128 && std::all_of(kid.begin(), kid.end(), [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '-' ||
           c == '_' || c == '.' || c == '=';
  });
}

/// The key that the header selects; the algorithm must be that key's.
result<verification_key> key_for(const token_parts& parts, const key_lookup& keys,
                                 const expectation& wanted) {
  const auto header = json_object::read(parts.header, true);
  if (!header)
    return refused("the header is not an object");
  // Keys come from our configuration alone; a token that brings or points to its own is an attack.
  for (const auto* name : {"crit", "jwk", "jku", "x5u", "x5c", "b64", "zip", "enc"})
    if (header->has(name))
      return refused(std::string("the header has ") + name);
  const auto typ = header->text("typ").value_or("");
  if (wanted.typed ? typ != "at+jwt" : !(typ.empty() || typ == "JWT" || typ == "at+jwt"))
    return refused("the token is of another type");
  const auto kid = header->text("kid").value_or("");
  if (!is_plain(kid))
    return refused("the key's id cannot be one");
  auto key = keys(kid);
  if (!key)
    return refused("the key is not known");
  if (header->text("alg").value_or("") != (key->alg == algorithm::eddsa ? "EdDSA" : "RS256"))
    return refused("the algorithm is not the key's");
  return std::move(*key);
}

bool signature_holds(const token_parts& parts, const verification_key& key) {
  return key.alg == algorithm::eddsa
             ? verify_ed25519(parts.signed_part, parts.signature, key.public_key)
             : verify_rs256(parts.signed_part, parts.signature, key.modulus, key.exponent);
}

/// Whole seconds within the years that a time can hold.
std::optional<time_point> time_claim(const json_object& from, std::string_view name) {
  const auto value = from.whole(name);
  if (!value || *value < 0 || *value > 253'402'300'799)
    return std::nullopt;
  return from_micros(*value * 1'000'000);
}

result<claims> read_claims(const json_object& from, const expectation& wanted) {
  claims out;
  out.issuer = from.text("iss").value_or("");
  out.subject = from.text("sub").value_or("");
  if (const auto one = from.text("aud"))
    out.audience = {*one};
  else
    out.audience = from.texts("aud").value_or(std::vector<std::string>{});
  out.session = from.text("sid").value_or("");
  out.generation = static_cast<uint64_t>(from.whole("gen").value_or(0));
  if (const auto one = from.text(wanted.roles_claim))
    out.roles = {*one};
  else
    out.roles = from.texts(wanted.roles_claim).value_or(std::vector<std::string>{});
  const auto expires = time_claim(from, "exp");
  if (!expires)
    return refused("exp is missing or no time");
  out.expires_at = *expires;
  for (const auto& [name, into] : {std::pair{"nbf", &out.not_before}, {"iat", &out.issued_at}})
    if (from.has(name)) {
      const auto at = time_claim(from, name);
      if (!at)
        return refused(std::string(name) + " is no time");
      *into = *at;
    }
  return out;
}

}  // namespace

std::string make_token(const claims& of, const std::string& kid, const std::string& secret_key) {
  std::string header;
  json_writer(header)
      .begin_object()
      .field("alg", "EdDSA")
      .field("typ", "at+jwt")
      .field("kid", kid)
      .end_object();
  std::string payload;
  json_writer out(payload);
  out.begin_object().field("iss", of.issuer).field("sub", of.subject);
  out.field("aud", of.audience.front()).field("sid", of.session).field("gen", of.generation);
  out.field("iat", seconds(of.issued_at)).field("nbf", seconds(of.not_before));
  out.field("exp", seconds(of.expires_at)).field("jti", random_hex(8)).key("roles").begin_array();
  for (const auto& role : of.roles)
    out.value(role);
  out.end_array().end_object();
  auto token = base64url(header) + "." + base64url(payload);
  token += "." + base64url(sign_ed25519(token, secret_key));
  return token;
}

result<claims> verify_token(std::string_view token, const key_lookup& keys,
                            const expectation& wanted, time_point now) {
  const auto parts = take_apart(token);
  if (!parts)
    return parts.error();
  const auto key = key_for(*parts, keys, wanted);
  if (!key)
    return key.error();
  if (!signature_holds(*parts, *key))
    return refused("the signature does not hold");
  const auto payload = from_base64url(parts->payload);
  if (!payload)
    return refused("a part is not base64url");
  const auto object = json_object::read(*payload, true);
  if (!object)
    return refused("the claims are not an object");
  auto said = read_claims(*object, wanted);
  if (!said)
    return said;
  if (said->issuer != wanted.issuer)
    return refused("the issuer is another");
  if (std::find(said->audience.begin(), said->audience.end(), wanted.audience) ==
      said->audience.end())
    return refused("the audience is another");
  if (said->subject.empty() || said->subject.size() > 256)
    return refused("the subject is missing");
  if (said->expires_at + clock_skew <= now)
    return refused("the token has expired");
  if (said->not_before - clock_skew > now || said->issued_at - clock_skew > now)
    return refused("the token is of the future");
  return said;
}

std::string claimed_issuer(std::string_view token) {
  const auto parts = take_apart(token);
  if (!parts)
    return {};
  const auto payload = from_base64url(parts->payload);
  if (!payload)
    return {};
  const auto object = json_object::read(*payload);
  return object ? object->text("iss").value_or("") : "";
}

std::vector<std::pair<std::string, verification_key>> read_jwks(std::string_view json) {
  std::vector<std::pair<std::string, verification_key>> out;
  const auto set = json_object::read(json);
  if (!set)
    return out;
  for (const auto& text : set->objects("keys").value_or(std::vector<std::string>{})) {
    const auto key = json_object::read(text, true);
    if (!key)
      continue;
    const auto kid = key->text("kid").value_or("");
    const auto use = key->text("use").value_or("sig");
    const auto part = [&](const char* name) {
      return from_base64url(key->text(name).value_or("")).value_or("");
    };
    verification_key made;
    if (key->text("kty") == "OKP" && key->text("crv") == "Ed25519") {
      made.public_key = part("x");
    } else if (key->text("kty") == "RSA") {
      made.alg = algorithm::rs256;
      made.modulus = part("n");
      made.exponent = part("e");
    } else {
      continue;
    }
    if (is_plain(kid) && use == "sig" && out.size() < 64)
      out.emplace_back(kid, std::move(made));
  }
  return out;
}

}  // namespace orrery::identity
