/// From a bearer credential to a principal.

#include "identity/borrowed.hpp"
#include "identity/service.hpp"

#include "base/log.hpp"

namespace orrery::identity {

namespace {

using steady = std::chrono::steady_clock;
constexpr size_t seen_max = 10'000;
constexpr size_t key_id_digits = 16;
constexpr std::string_view key_prefix = "ork_";

}  // namespace

std::optional<principal> service::known(std::string_view credential) {
  if (credential.size() > token_bytes_max)
    return std::nullopt;
  const auto key = digest(credential);
  const std::lock_guard lock(seen_guard_);
  const auto found = seen_.find(key);
  if (found == seen_.end() || found->second.fresh_until < steady::now())
    return std::nullopt;
  // Against the clock, too: a token must not outlive its end in our memory.
  if (found->second.expires_at != never && found->second.expires_at <= time_.now())
    return std::nullopt;
  return found->second.who;
}

void service::remember(const std::string& credential, const principal& who, time_point until) {
  const std::lock_guard lock(seen_guard_);
  if (seen_.size() >= seen_max)
    seen_.clear();
  seen_[digest(credential)] = {
      who, steady::now() + std::chrono::duration_cast<steady::duration>(how_.trust), until};
}

void service::forget_all() {
  const std::lock_guard lock(seen_guard_);
  seen_.clear();
  ++seen_epoch_;
}

void service::check(std::string credential, std::function<void(result<principal>)> done) {
  const bool external = !how_.external.issuer.empty() && !credential.starts_with(key_prefix) &&
                        claimed_issuer(credential) == how_.external.issuer;
  auto told = std::make_shared<std::function<void(result<principal>)>>(std::move(done));
  auto& on = external ? external_worker_ : store_worker_;
  const bool taken = on.submit([this, external, credential = std::move(credential), told] {
    if (external)
      return (*told)(check_external(credential));
    const borrowed in(*this);
    (*told)(look_up(*in, credential));
  });
  if (!taken)
    (*told)(failure{errc::busy, "too many credentials are being checked"});
}

result<principal> service::look_up(identity_store& in, const std::string& credential) {
  if (credential.empty() || credential.size() > token_bytes_max)
    return refused("the credential is too long");
  if (!how_.node_token.empty() &&
      same_in_constant_time(digest(credential), digest(how_.node_token))) {
    principal who{"node", {}, {}, bit(role::admin), all_permissions};
    remember(credential, who, never);
    return who;
  }
  if (credential.starts_with(key_prefix))
    return check_key(in, credential);
  return check_token(in, credential);
}

result<principal> service::check_token(identity_store& in, const std::string& token) {
  uint64_t epoch = 0;
  {
    const std::lock_guard lock(seen_guard_);
    epoch = seen_epoch_;
  }
  const auto verify = [&](bool& unknown) {
    return verify_token(
        token,
        [&](const std::string& kid) {
          auto key = keys_.find(kid);
          unknown = !key;
          return key;
        },
        {how_.issuer, how_.audience, true, "roles"}, time_.now());
  };
  bool unknown = false;
  auto said = verify(unknown);
  if (keys_.wants_loading(unknown)) {
    if (auto loaded = keys_.load(in); !loaded)
      return std::move(loaded).error();
    (void)in.purge(time_.now());  // once a minute; what is left over goes the next time
    if (!said && unknown)
      said = verify(unknown);
  }
  if (!said)
    return said.error();
  const auto found = in.find(identity_table::sessions, said->session);
  if (!found)
    return found.error();
  if (!*found || (*found)->owner != said->subject || (*found)->expires_at <= time_.now())
    return refused("the session has ended");
  const auto who = find_user(in, said->subject);
  if (!who)
    return who.error().code == errc::not_found ? refused("there is no such user") : who.error();
  if (who->disabled || who->generation != said->generation)
    return refused("the token is of an earlier state of the account");
  principal out{who->name, said->session, {}, who->roles, permissions_of(who->roles)};
  {
    // A sign-out while this was looked up must win.
    const std::lock_guard lock(seen_guard_);
    if (epoch != seen_epoch_)
      return out;
  }
  remember(token, out, said->expires_at);
  return out;
}

result<principal> service::check_key(identity_store& in, const std::string& text) {
  if (text.size() < key_prefix.size() + key_id_digits + 2 ||
      text[key_prefix.size() + key_id_digits] != '_')
    return refused("the key is not one");
  const auto id = text.substr(key_prefix.size(), key_id_digits);
  const auto found = in.find(identity_table::api_keys, id);
  if (!found)
    return found.error();
  if (!*found)
    return refused("there is no such key");
  auto key = read_api_key(**found);
  if (!key)
    return key.error();
  const auto secret = text.substr(key_prefix.size() + key_id_digits + 1);
  if (!same_in_constant_time(base64url(digest(secret)), key->secret))
    return refused("the key's secret is wrong");
  if (key->expires_at != never && key->expires_at <= time_.now())
    return refused("the key has expired");
  const auto who = find_user(in, key->user);
  if (!who)
    return who.error().code == errc::not_found ? refused("the key's user is gone") : who.error();
  if (who->disabled)
    return refused("the key's user is disabled");
  principal out{who->name,
                {},
                key->id,
                who->roles,
                static_cast<permission_set>(permissions_of(who->roles) & key->scopes)};
  remember(text, out, key->expires_at);
  if (key->used_at + 1min < time_.now()) {
    key->used_at = time_.now();
    (void)in.put(identity_table::api_keys,
                 to_record(*key));  // somebody else's note will do as well
  }
  return out;
}

result<void> service::load_external(bool unknown_key) {
  {
    const std::lock_guard lock(guard_);
    const auto age = steady::now() - external_loaded_at_;
    const bool wanted =
        external_keys_.empty()
            ? age > std::chrono::seconds(5)
            : age > std::chrono::minutes(10) || (unknown_key && age > std::chrono::seconds(30));
    if (!wanted && external_loaded_at_ != steady::time_point{})
      return {};
    external_loaded_at_ = steady::now();
  }
  if (!how_.external.fetch)
    return failure{errc::unavailable, "the issuer cannot be asked"};
  const auto document = how_.external.fetch(how_.external.jwks_url);
  if (!document) {
    log::warning("issuer.not_reached", {{"detail", document.error().detail}});
    return failure{errc::unavailable, "the issuer does not answer"};
  }
  auto keys = read_jwks(*document);
  const std::lock_guard lock(guard_);
  external_keys_.clear();
  for (auto& [kid, key] : keys)
    external_keys_[kid] = std::move(key);
  return {};
}

result<principal> service::check_external(const std::string& token) {
  const expectation wanted{how_.external.issuer, how_.external.audience, false,
                           how_.external.roles_claim};
  bool unknown = false;
  const auto verify = [&] {
    return verify_token(
        token,
        [&](const std::string& kid) -> std::optional<verification_key> {
          const std::lock_guard lock(guard_);
          const auto found = external_keys_.find(kid);
          unknown = found == external_keys_.end();
          return unknown ? std::nullopt : std::optional(found->second);
        },
        wanted, time_.now());
  };
  auto loaded = load_external(false);
  auto said = verify();
  if (!said && unknown) {
    loaded = load_external(true);
    said = verify();
  }
  if (!said)
    return unknown && !loaded ? loaded.error() : said.error();
  const auto roles = roles_of(said->roles);
  // The prefix keeps a stranger's "admin" from being ours.
  principal out{"oidc:" + said->subject, {}, {}, roles, permissions_of(roles)};
  remember(token, out, said->expires_at);
  return out;
}

}  // namespace orrery::identity
