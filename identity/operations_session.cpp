/// Signing in and out, and what an account may do for itself.

#include "identity/service.hpp"

#include "codec/json.hpp"
#include "codec/object.hpp"

#include <algorithm>

namespace orrery::identity {

namespace {

using codec::json_object;
using codec::json_writer;

constexpr size_t used_max = 20;
constexpr size_t password_bytes_max = 1024;
constexpr std::string_view refresh_prefix = "orr_";

// One sentence for all reasons: who guesses must not learn which names there are.
failure wrong() { return {errc::rejected, "the name or the password is wrong", "credentials"}; }
failure ended() { return {errc::rejected, "the session has ended", "credentials"}; }

struct refresh_token {
  std::string session;
  std::string secret;
};
std::optional<refresh_token> take_apart(const std::string& text) {
  const auto dot = text.find('.');
  if (!text.starts_with(refresh_prefix) || dot == std::string::npos || text.size() > 256)
    return std::nullopt;
  return refresh_token{text.substr(refresh_prefix.size(), dot - refresh_prefix.size()),
                       text.substr(dot + 1)};
}

}  // namespace

std::string service::tokens(const user& who, const session& of, const std::string& secret) {
  const auto now = time_.now();
  claims c;
  c.issuer = how_.issuer;
  c.audience = {how_.audience};
  c.subject = who.name;
  c.session = of.id;
  c.generation = who.generation;
  c.roles = names_of(who.roles);
  c.issued_at = c.not_before = now;
  c.expires_at = now + how_.access_life;
  std::string text;
  json_writer out(text);
  out.begin_object().field("accessToken", keys_.sign(std::move(c))).field("tokenType", "Bearer");
  out.field("expiresIn",
            std::chrono::duration_cast<std::chrono::seconds>(how_.access_life).count());
  out.field("refreshToken", std::string(refresh_prefix) + of.id + "." + secret);
  out.field("user", who.name).key("roles").begin_array();
  for (const auto& role : names_of(who.roles))
    out.value(role);
  out.end_array().end_object();
  return text;
}

service::outcome service::sign_in(identity_store& in, const user& who, const std::string& address) {
  if (keys_.wants_loading(false))
    if (auto loaded = keys_.load(in); !loaded)
      return std::move(loaded).error();
  const auto secret = base64url(random_bytes(32));
  session s;
  s.id = random_hex(16);
  s.user = who.name;
  s.secret = base64url(digest(secret));
  s.generation = who.generation;
  s.created_at = s.used_at = time_.now();
  s.expires_at = time_.now() + how_.session_life;
  s.address = address;
  if (const auto put = in.put(identity_table::sessions, to_record(s)); !put)
    return put.error();
  return account_answer{200, tokens(who, s, secret), {}, 0};
}

service::outcome service::login(identity_store& in, const account_request& what) {
  const auto body = json_object::read(what.body);
  const auto name = check_user_name(body ? body->text("name").value_or("") : "");
  const auto password = body ? body->text("password").value_or("") : "";
  if (!name || password.empty() || password.size() > password_bytes_max)
    return wrong();
  if (auto ok = throttle_.begin(in, *name, what.address); !ok)
    return std::move(ok).error();
  auto who = find_user(in, *name);
  if (!who && who.error().code != errc::not_found)
    return who.error();
  // The same work for a name that is not there: time must not tell either.
  const bool right = verify_password(who ? who->password_hash : dummy_hash_, password);
  if (!who || !right || who->disabled)
    return wrong();
  throttle_.succeeded(in, *name, what.address);
  if (needs_rehash(who->password_hash, how_.cost))
    if (auto hash = hash_password(password, how_.cost)) {
      who->password_hash = std::move(*hash);
      if (const auto put = in.put(identity_table::users, to_record(*who)); put)
        who->version = *put;
    }
  return sign_in(in, *who, what.address);
}

service::outcome service::refresh(identity_store& in, const account_request& what) {
  const auto body = json_object::read(what.body);
  const auto token = take_apart(body ? body->text("refreshToken").value_or("") : "");
  if (!token)
    return ended();
  const auto given = base64url(digest(token->secret));
  for (int round = 0; round < 3; ++round) {
    const auto found = in.find(identity_table::sessions, token->session);
    if (!found)
      return found.error();
    if (!*found || (*found)->owner.empty() || (*found)->expires_at <= time_.now())
      return ended();
    auto s = read_session(**found);
    if (!s)
      return s.error();
    if (!same_in_constant_time(given, s->secret)) {
      // Somebody uses a secret that was exchanged before: it was stolen, from him or by him. Nobody can
      // tell which, so the session ends for both.
      if (std::find(s->used.begin(), s->used.end(), given) == s->used.end())
        return ended();
      (void)in.remove(identity_table::sessions, s->id);
      forget_all();
      return failure{errc::rejected, "the refresh token was used before: its session is ended",
                     "credentials"};
    }
    const auto who = find_user(in, s->user);
    if (!who || who->disabled || who->generation != s->generation)
      return who || who.error().code == errc::not_found ? ended() : who.error();
    const auto secret = base64url(random_bytes(32));
    s->used.push_back(s->secret);
    if (s->used.size() > used_max)
      s->used.erase(s->used.begin());
    s->secret = base64url(digest(secret));
    s->used_at = time_.now();
    const auto put = in.put(identity_table::sessions, to_record(*s));
    if (put)
      return account_answer{200, tokens(*who, *s, secret), {}, 0};
    if (put.error().code != errc::conflict)
      return put.error();
    // Another request used the same token at the same time: the next round sees it as used.
  }
  return ended();
}

service::outcome service::logout(identity_store& in, const account_request& what) {
  if (what.who.session.empty())
    return failure{errc::rejected, "this is no session: an API key is revoked, not signed out"};
  const auto body = json_object::read(what.body.empty() ? "{}" : what.body);
  const bool all = body && body->flag("all").value_or(false);
  const auto ok = all ? end_sessions(in, what.who.name) : result<void>{};
  if (!ok)
    return ok.error();
  if (const auto gone = in.remove(identity_table::sessions, what.who.session); !gone)
    return gone.error();
  forget_all();
  return account_answer{204, {}, {}, 0};
}

service::outcome service::change_password(identity_store& in, const account_request& what) {
  const auto body = json_object::read(what.body);
  if (!body)
    return body.error();
  auto who = find_user(in, what.who.name);
  if (!who)
    return failure{errc::rejected, "this is no account with a password"};
  if (auto ok = throttle_.begin(in, who->name, what.address); !ok)
    return std::move(ok).error();
  if (!verify_password(who->password_hash, body->text("oldPassword").value_or("")))
    return failure{errc::invalid, "is wrong", "oldPassword"};
  throttle_.succeeded(in, who->name, what.address);
  const auto wanted = body->text("newPassword").value_or("");
  if (auto ok = check_new_password(who->name, wanted); !ok)
    return failure{errc::invalid, ok.error().detail, "newPassword"};
  auto hash = hash_password(wanted, how_.cost);
  if (!hash)
    return hash.error();
  who->password_hash = std::move(*hash);
  ++who->generation;
  who->updated_at = time_.now();
  if (const auto put = in.put(identity_table::users, to_record(*who)); !put)
    return put.error();
  forget_all();
  if (auto ok = end_sessions(in, who->name); !ok)
    return std::move(ok).error();
  return sign_in(in, *who, what.address);
}

service::outcome service::register_self(identity_store& in, const account_request& what) {
  if (!how_.open_registration)
    return failure{errc::rejected, "registration is closed; ask an administrator"};
  const auto body = json_object::read(what.body);
  if (!body)
    return body.error();
  const auto name = body->text("name").value_or("");
  if (auto ok = throttle_.begin(in, "register", what.address); !ok)
    return std::move(ok).error();
  throttle_.succeeded(in, "register", what.address);
  const auto made = make_user(in, name, body->text("password").value_or(""), bit(role::viewer));
  if (!made)
    return made.error();
  account_answer out{201, {}, "/api/users/" + made->name, made->version};
  append_view(out.body, *made);
  return out;
}

service::outcome service::bootstrap(identity_store& in, const account_request& what) {
  const auto body = json_object::read(what.body);
  if (!body)
    return body.error();
  if (auto ok = throttle_.begin(in, "bootstrap", what.address); !ok)
    return std::move(ok).error();
  const auto found = in.find(identity_table::sessions, "bootstrap");
  if (!found)
    return found.error();
  const auto given = base64url(digest(body->text("token").value_or("")));
  if (!*found || (*found)->expires_at <= time_.now() ||
      !same_in_constant_time(given, (*found)->body))
    return failure{errc::rejected, "the token is not valid (any more)", "credentials"};
  throttle_.succeeded(in, "bootstrap", what.address);
  const auto made = make_user(in, body->text("name").value_or(""),
                              body->text("password").value_or(""), bit(role::admin));
  if (!made)
    return made.error();
  // Of two who use it at once the second finds it gone; his account goes again.
  if (const auto gone = in.remove(identity_table::sessions, "bootstrap"); !gone || !*gone) {
    (void)in.remove(identity_table::users, made->name);
    return failure{errc::rejected, "the token is not valid (any more)", "credentials"};
  }
  return sign_in(in, *made, what.address);
}

service::outcome service::who_am_i(identity_store&, const account_request& what) {
  account_answer out;
  json_writer json(out.body);
  json.begin_object().field("name", what.who.name).key("roles").begin_array();
  for (const auto& role : names_of(what.who.roles))
    json.value(role);
  json.end_array().key("permissions").begin_array();
  for (size_t i = 1; i < permission_names.size(); ++i)
    if (what.who.allows(static_cast<permission>(i)))
      json.value(permission_names[i]);
  json.end_array().optional_field("session", what.who.session);
  json.optional_field("key", what.who.key).end_object();
  return out;
}

service::outcome service::jwks(identity_store&, const account_request&) {
  return account_answer{200, keys_.jwks(), {}, 0};
}

service::outcome service::rotate_keys(identity_store& in, const account_request&) {
  if (auto ok = keys_.rotate(in); !ok)
    return std::move(ok).error();
  return account_answer{200, keys_.jwks(), {}, 0};
}

}  // namespace orrery::identity
