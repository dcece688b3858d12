#include "identity/records.hpp"

#include "codec/json.hpp"
#include "codec/object.hpp"

namespace orrery::identity {

namespace {

using codec::json_object;
using codec::json_writer;

void write_texts(json_writer& out, std::string_view name, const std::vector<std::string>& texts) {
  out.key(name).begin_array();
  for (const auto& text : texts)
    out.value(text);
  out.end_array();
}

void optional_time(json_writer& out, std::string_view name, time_point at) {
  if (at != never)
    out.field(name, at);
}

failure corrupt(const identity_record& r) {
  return {errc::corrupt, "the stored account record " + r.key + " cannot be read"};
}

time_point time_of(const json_object& from, std::string_view name) {
  return from_micros(from.whole(name).value_or(0));
}

}  // namespace

std::vector<std::string> names_of(role_set roles) {
  std::vector<std::string> out;
  for (size_t i = 0; i < role_names.size(); ++i)
    if ((roles >> i & 1) != 0)
      out.emplace_back(role_names[i]);
  return out;
}

role_set roles_of(const std::vector<std::string>& names) {
  role_set out = 0;
  for (const auto& name : names)
    if (const auto r = parse_role(name))
      out = static_cast<role_set>(out | bit(*r));
  return out;
}

identity_record to_record(const user& u) {
  identity_record r{u.name, {}, {}, u.version, never};
  json_writer out(r.body);
  out.begin_object().field("password", u.password_hash).field("roles", uint32_t{u.roles});
  out.field("disabled", u.disabled).field("generation", u.generation);
  out.field("created", micros(u.created_at)).field("updated", micros(u.updated_at)).end_object();
  return r;
}

result<user> read_user(const identity_record& r) {
  const auto from = json_object::read(r.body);
  if (!from || !from->text("password"))
    return corrupt(r);
  user u;
  u.name = r.key;
  u.password_hash = *from->text("password");
  u.roles = static_cast<role_set>(from->whole("roles").value_or(0));
  u.disabled = from->flag("disabled").value_or(true);
  u.generation = static_cast<uint64_t>(from->whole("generation").value_or(1));
  u.created_at = time_of(*from, "created");
  u.updated_at = time_of(*from, "updated");
  u.version = r.version;
  return u;
}

identity_record to_record(const session& s) {
  identity_record r{s.id, s.user, {}, s.version, s.expires_at};
  json_writer out(r.body);
  out.begin_object().field("secret", s.secret).field("generation", s.generation);
  write_texts(out, "used", s.used);
  out.field("created", micros(s.created_at)).field("usedAt", micros(s.used_at));
  out.field("address", s.address).end_object();
  return r;
}

result<session> read_session(const identity_record& r) {
  const auto from = json_object::read(r.body);
  if (!from || !from->text("secret"))
    return corrupt(r);
  session s;
  s.id = r.key;
  s.user = r.owner;
  s.secret = *from->text("secret");
  s.used = from->texts("used").value_or(std::vector<std::string>{});
  s.generation = static_cast<uint64_t>(from->whole("generation").value_or(0));
  s.created_at = time_of(*from, "created");
  s.used_at = time_of(*from, "usedAt");
  s.expires_at = r.expires_at;
  s.address = from->text("address").value_or("");
  s.version = r.version;
  return s;
}

identity_record to_record(const api_key& k) {
  identity_record r{k.id, k.user, {}, k.version, k.expires_at};
  json_writer out(r.body);
  out.begin_object().field("name", k.name).field("secret", k.secret);
  out.field("scopes", uint32_t{k.scopes}).field("created", micros(k.created_at));
  out.field("usedAt", micros(k.used_at)).end_object();
  return r;
}

result<api_key> read_api_key(const identity_record& r) {
  const auto from = json_object::read(r.body);
  if (!from || !from->text("secret"))
    return corrupt(r);
  api_key k;
  k.id = r.key;
  k.user = r.owner;
  k.name = from->text("name").value_or("");
  k.secret = *from->text("secret");
  k.scopes = static_cast<permission_set>(from->whole("scopes").value_or(0));
  k.created_at = time_of(*from, "created");
  k.used_at = time_of(*from, "usedAt");
  k.expires_at = r.expires_at;
  k.version = r.version;
  return k;
}

void append_view(std::string& text, const user& u) {
  json_writer out(text);
  out.begin_object().field("name", u.name);
  write_texts(out, "roles", names_of(u.roles));
  out.field("disabled", u.disabled).field("createdAt", u.created_at);
  out.field("updatedAt", u.updated_at).field("version", u.version).end_object();
}

void append_view(std::string& text, const session& s) {
  json_writer out(text);
  out.begin_object().field("id", s.id).field("user", s.user).field("createdAt", s.created_at);
  out.field("usedAt", s.used_at).field("expiresAt", s.expires_at);
  out.optional_field("address", s.address).end_object();
}

void append_view(std::string& text, const api_key& k) {
  json_writer out(text);
  out.begin_object().field("id", k.id).field("user", k.user).field("name", k.name);
  out.field("prefix", "ork_" + k.id).key("scopes").begin_array();
  for (size_t i = 0; i < permission_names.size(); ++i)
    if ((k.scopes >> i & 1) != 0 && static_cast<permission>(i) != permission::open)
      out.value(permission_names[i]);
  out.end_array().field("createdAt", k.created_at);
  optional_time(out, "usedAt", k.used_at);
  optional_time(out, "expiresAt", k.expires_at);
  out.end_object();
}

}  // namespace orrery::identity
