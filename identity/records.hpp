#pragma once
/// What is stored of users, sessions and keys, and how it looks as a record.

#include "domain/ports/identity_store.hpp"
#include "domain/principal.hpp"

#include <string>
#include <vector>

namespace orrery::identity {

struct user {
  std::string name;
  std::string password_hash;
  role_set roles = 0;
  bool disabled = false;
  uint64_t generation = 1;  ///< Raised by whatever must end all tokens: password, roles, disabling.
  time_point created_at;
  time_point updated_at;
  uint64_t version = 0;
};

struct session {
  std::string id;
  std::string user;
  std::string secret;             ///< Digest of the present refresh secret, base64url.
  std::vector<std::string> used;  ///< Of earlier ones, newest last, at most 20.
  uint64_t generation = 0;        ///< Of the user when he signed in.
  time_point created_at;
  time_point used_at;
  time_point expires_at;
  std::string address;
  uint64_t version = 0;
};

struct api_key {
  std::string id;
  std::string user;
  std::string name;
  std::string secret;  ///< Digest, base64url.
  permission_set scopes = 0;
  time_point created_at;
  time_point used_at;
  time_point expires_at;
  uint64_t version = 0;
};

identity_record to_record(const user& u);
identity_record to_record(const session& s);
identity_record to_record(const api_key& k);
/// `corrupt` where the body is not what was written.
result<user> read_user(const identity_record& r);
result<session> read_session(const identity_record& r);
result<api_key> read_api_key(const identity_record& r);

std::vector<std::string> names_of(role_set roles);
/// Names that are no role are left out.
role_set roles_of(const std::vector<std::string>& names);

// As the API shows them, without secrets.
void append_view(std::string& out, const user& u);
void append_view(std::string& out, const session& s);
void append_view(std::string& out, const api_key& k);

}  // namespace orrery::identity
