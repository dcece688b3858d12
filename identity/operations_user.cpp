/// Users, sessions, keys and the audit log, as an administrator or their owner sees them.

#include "identity/service.hpp"

#include "base/time.hpp"
#include "codec/json.hpp"
#include "codec/object.hpp"

#include <charconv>

namespace orrery::identity {

namespace {

using codec::json_object;
using codec::json_writer;

size_t limit_of(const account_request& what) {
  const auto found = what.parameters.find("limit");
  size_t n = 50;
  if (found != what.parameters.end())
    std::from_chars(found->second.data(), found->second.data() + found->second.size(), n);
  return n;
}

std::string parameter(const account_request& what, const char* name) {
  const auto found = what.parameters.find(name);
  return found == what.parameters.end() ? std::string() : found->second;
}

bool is_admin(const account_request& what) { return what.who.allows(permission::administer); }

/// What is another's is not there, for who may not see it.
failure nobody() { return {errc::not_found, "there is no such user"}; }

/// Roles by name, each of which must be one.
result<role_set> read_roles(const json_object& body) {
  const auto names = body.texts("roles").value_or(std::vector<std::string>{});
  for (const auto& name : names)
    if (!parse_role(name))
      return failure{errc::invalid, name + " is not a role", "roles"};
  return roles_of(names);
}

/// `{"items":[…],"next":…}` of records that are read and shown.
template <class Read>
result<account_answer> page_of(const std::vector<identity_record>& rows, size_t limit, Read read) {
  account_answer out;
  out.body = R"({"items":[)";
  for (size_t i = 0; i < rows.size() && i < limit; ++i) {
    const auto one = read(rows[i]);
    if (!one)
      return one.error();
    if (i > 0)
      out.body += ',';
    append_view(out.body, *one);
  }
  out.body += R"(],"next":)";
  if (rows.size() > limit)
    codec::append_string(out.body, rows[limit - 1].key);
  else
    out.body += "null";
  out.body += '}';
  return out;
}

}  // namespace

result<user> service::find_user(identity_store& in, const std::string& name) {
  const auto found = in.find(identity_table::users, name);
  if (!found)
    return found.error();
  if (!*found)
    return nobody();
  return read_user(**found);
}

result<user> service::make_user(identity_store& in, const std::string& name,
                                const std::string& password, role_set roles) {
  const auto clean = check_user_name(name);
  if (!clean)
    return clean.error();
  if (auto ok = check_new_password(*clean, password); !ok)
    return std::move(ok).error();
  auto hash = hash_password(password, how_.cost);
  if (!hash)
    return hash.error();
  user u;
  u.name = *clean;
  u.password_hash = std::move(*hash);
  u.roles = roles;
  u.created_at = u.updated_at = time_.now();
  // A name that was deleted and comes again must not revive old tokens.
  u.generation = static_cast<uint64_t>(micros(u.created_at));
  const auto put = in.put(identity_table::users, to_record(u));
  if (!put)
    return put.error().code == errc::conflict
               ? failure{errc::conflict, "there is a user of this name", "name"}
               : put.error();
  u.version = *put;
  return u;
}

result<void> service::end_sessions(identity_store& in, const std::string& user) {
  for (;;) {
    const auto rows = in.list(identity_table::sessions, user, {}, 100);
    if (!rows)
      return rows.error();
    for (const auto& one : *rows)
      if (const auto gone = in.remove(identity_table::sessions, one.key); !gone)
        return gone.error();
    if (rows->size() < 100)
      return {};
  }
}

service::outcome service::list_users(identity_store& in, const account_request& what) {
  const auto limit = limit_of(what);
  const auto rows = in.list(identity_table::users, {}, parameter(what, "cursor"), limit + 1);
  return rows ? page_of(*rows, limit, read_user) : rows.error();
}

service::outcome service::get_user(identity_store& in, const account_request& what) {
  if (!is_admin(what) && what.id != what.who.name)
    return nobody();
  const auto found = find_user(in, what.id);
  if (!found)
    return found.error();
  account_answer out{200, {}, {}, found->version};
  append_view(out.body, *found);
  return out;
}

service::outcome service::create_user(identity_store& in, const account_request& what) {
  const auto body = json_object::read(what.body);
  if (!body)
    return body.error();
  const auto roles = read_roles(*body);
  if (!roles)
    return roles.error();
  const auto made =
      make_user(in, body->text("name").value_or(""), body->text("password").value_or(""), *roles);
  if (!made)
    return made.error();
  account_answer out{201, {}, "/api/users/" + made->name, made->version};
  append_view(out.body, *made);
  return out;
}

service::outcome service::update_user(identity_store& in, const account_request& what) {
  const auto body = json_object::read(what.body);
  if (!body)
    return body.error();
  auto u = find_user(in, what.id);
  if (!u)
    return u.error();
  if (what.if_match && *what.if_match != u->version)
    return failure{errc::conflict, "it has another version", "If-Match"};
  if (body->has("roles")) {
    const auto roles = read_roles(*body);
    if (!roles)
      return roles.error();
    u->roles = *roles;
  }
  u->disabled = body->flag("disabled").value_or(u->disabled);
  if (what.id == what.who.name && (u->disabled || (u->roles & bit(role::admin)) == 0))
    return failure{errc::rejected, "nobody takes his own administration away"};
  if (const auto password = body->text("password")) {
    if (auto ok = check_new_password(u->name, *password); !ok)
      return std::move(ok).error();
    auto hash = hash_password(*password, how_.cost);
    if (!hash)
      return hash.error();
    u->password_hash = std::move(*hash);
  }
  ++u->generation;
  u->updated_at = time_.now();
  const auto put = in.put(identity_table::users, to_record(*u));
  if (!put)
    return put.error();
  u->version = *put;
  forget_all();
  if (auto ok = end_sessions(in, u->name); !ok)
    return std::move(ok).error();
  account_answer out{200, {}, {}, u->version};
  append_view(out.body, *u);
  return out;
}

service::outcome service::delete_user(identity_store& in, const account_request& what) {
  if (what.id == what.who.name)
    return failure{errc::rejected, "nobody deletes his own account"};
  const auto gone = in.remove(identity_table::users, what.id);
  if (!gone)
    return gone.error();
  if (!*gone)
    return nobody();
  forget_all();
  if (auto ok = end_sessions(in, what.id); !ok)
    return std::move(ok).error();
  const auto keys = in.list(identity_table::api_keys, what.id, {}, 1'000);
  if (!keys)
    return keys.error();
  for (const auto& key : *keys)
    if (const auto removed = in.remove(identity_table::api_keys, key.key); !removed)
      return removed.error();
  return account_answer{204, {}, {}, 0};
}

service::outcome service::list_sessions(identity_store& in, const account_request& what) {
  if (!is_admin(what) && what.id != what.who.name)
    return nobody();
  const auto limit = limit_of(what);
  const auto rows =
      in.list(identity_table::sessions, what.id, parameter(what, "cursor"), limit + 1);
  return rows ? page_of(*rows, limit, read_session) : rows.error();
}

service::outcome service::delete_session(identity_store& in, const account_request& what) {
  const auto found = in.find(identity_table::sessions, what.second);
  if (!found)
    return found.error();
  const bool his = *found && (*found)->owner == what.id && !what.id.empty();
  if (!his || (!is_admin(what) && what.id != what.who.name))
    return failure{errc::not_found, "there is no such session"};
  if (const auto gone = in.remove(identity_table::sessions, what.second); !gone)
    return gone.error();
  forget_all();
  return account_answer{204, {}, {}, 0};
}

service::outcome service::list_keys(identity_store& in, const account_request& what) {
  const auto limit = limit_of(what);
  const auto rows = in.list(identity_table::api_keys, is_admin(what) ? "" : what.who.name,
                            parameter(what, "cursor"), limit + 1);
  return rows ? page_of(*rows, limit, read_api_key) : rows.error();
}

service::outcome service::create_key(identity_store& in, const account_request& what) {
  const auto body = json_object::read(what.body);
  if (!body)
    return body.error();
  const auto owner = body->text("user").value_or(what.who.name);
  if (owner != what.who.name && !is_admin(what))
    return failure{errc::rejected, "keys for others are made by administrators", "user"};
  if (const auto who = find_user(in, owner); !who)
    return who.error().code == errc::not_found
               ? failure{errc::invalid, "is not a user here", "user"}
               : who.error();
  api_key k;
  for (const auto& name : body->texts("scopes").value_or(std::vector<std::string>{})) {
    const auto scope = parse_permission(name);
    if (!scope || *scope == permission::open)
      return failure{errc::invalid, name + " is not a permission", "scopes"};
    // A key can do no more than who makes it.
    if (!what.who.allows(*scope))
      return failure{errc::rejected, "you may not give away " + name, "scopes"};
    k.scopes = static_cast<permission_set>(k.scopes | bit(*scope));
  }
  k.scopes = static_cast<permission_set>(k.scopes | bit(permission::open));
  if (const auto text = body->text("expiresIn")) {
    const auto length = parse_duration(*text);
    if (!length || *length <= duration{} || *length > 24h * 3650)
      return failure{errc::invalid, "must be a duration up to ten years", "expiresIn"};
    k.expires_at = time_.now() + *length;
  }
  k.id = random_hex(8);
  k.user = owner;
  k.name = body->text("name").value_or("");
  k.created_at = time_.now();
  const auto secret = base64url(random_bytes(32));
  k.secret = base64url(digest(secret));
  if (const auto put = in.put(identity_table::api_keys, to_record(k)); !put)
    return put.error();
  account_answer out{201, {}, "/api/keys/" + k.id, 0};
  append_view(out.body, k);
  // Shown this once.
  out.body.pop_back();
  out.body += R"(,"key":"ork_)" + k.id + "_" + secret + R"("})";
  return out;
}

service::outcome service::delete_key(identity_store& in, const account_request& what) {
  const auto found = in.find(identity_table::api_keys, what.id);
  if (!found)
    return found.error();
  if (!*found || (!is_admin(what) && (*found)->owner != what.who.name))
    return failure{errc::not_found, "there is no such key"};
  if (const auto gone = in.remove(identity_table::api_keys, what.id); !gone)
    return gone.error();
  forget_all();
  return account_answer{204, {}, {}, 0};
}

service::outcome service::list_audit(identity_store& in, const account_request& what) {
  write_audit();
  audit_query query;
  query.actor = parameter(what, "actor");
  query.action = parameter(what, "action");
  query.outcome = parameter(what, "outcome");
  query.limit = limit_of(what);
  if (const auto before = parameter(what, "before"); !before.empty())
    std::from_chars(before.data(), before.data() + before.size(), query.before);
  const auto rows = in.audit(query);
  if (!rows)
    return rows.error();
  account_answer out;
  json_writer json(out.body);
  json.begin_object().key("items").begin_array();
  for (const auto& e : *rows) {
    json.begin_object().field("number", e.number).field("at", e.at).field("actor", e.actor);
    json.field("action", e.action).field("target", e.target).field("outcome", e.outcome);
    json.optional_field("reason", e.reason).optional_field("address", e.address);
    json.optional_field("requestId", e.request_id).field("node", e.node).end_object();
  }
  json.end_array().key("next");
  if (rows->size() == query.limit)
    json.value(rows->back().number);
  else
    json.null();
  json.end_object();
  return out;
}

}  // namespace orrery::identity
