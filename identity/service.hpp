#pragma once
/// Accounts over an identity store: the port `accounts`.

#include "base/clock.hpp"
#include "base/worker.hpp"
#include "domain/ports/accounts.hpp"
#include "identity/crypto.hpp"
#include "identity/keyring.hpp"
#include "identity/records.hpp"
#include "identity/throttle.hpp"

#include <atomic>
#include <functional>
#include <mutex>
#include <unordered_map>

namespace orrery::identity {

/// An issuer that is not us.
struct external_issuer {
  std::string issuer;  ///< Empty = none.
  std::string audience;
  std::string jwks_url;
  std::string roles_claim = "roles";
  /// Gets a document; blocks, on a thread of its own. Within its own time limit.
  std::function<result<std::string>(const std::string& url)> fetch = {};
};

struct service_options {
  std::string node = "node";
  std::string issuer = "orrery";
  std::string audience = "orrery";
  std::string node_token = {};  ///< Opens everything; for scripts on this machine. Empty = none.
  bool open_registration = false;
  duration access_life = 10min;
  duration session_life = 24h * 30;
  duration trust = 2s;  ///< How long a looked-up credential is believed without asking again.
  password_cost cost = {};
  size_t password_threads = 2;
  size_t password_queue_max = 32;
  throttle_limits limits = {};
  keyring_options keys = {};
  external_issuer external = {};
};

/// Owns its threads: two that ask the store, some that hash passwords, one that asks the external issuer.
class service final : public accounts {
public:
  service(identity_source& where, const clock& time, service_options how);
  ~service() override;

  /// Reads the keys; at the very first start of a system also makes a one-time token for the first
  /// account, which is answered (else empty). Failures: `unavailable`.
  result<std::string> start();
  /// Answers what is under way, writes the audit log. Idempotent.
  void stop();

  std::optional<principal> known(std::string_view credential) override;
  void check(std::string credential, std::function<void(result<principal>)> done) override;
  void run(account_request what, std::function<void(result<account_answer>)> done) override;
  void note(audit_entry entry) override;

private:
  using outcome = result<account_answer>;
  using operation = outcome (service::*)(identity_store&, const account_request&);
  struct row {
    std::string_view name;
    operation run;
    bool hashes = false;  ///< Runs on the password threads.
  };
  static const row* find_operation(std::string_view name);

  // credentials.cpp
  result<principal> look_up(identity_store& in, const std::string& credential);
  result<principal> check_token(identity_store& in, const std::string& token);
  result<principal> check_key(identity_store& in, const std::string& key);
  result<principal> check_external(const std::string& token);
  result<void> load_external(bool unknown_key);
  void remember(const std::string& credential, const principal& who, time_point until);
  void forget_all();

  // operations_session.cpp
  outcome login(identity_store& in, const account_request& what);
  outcome refresh(identity_store& in, const account_request& what);
  outcome logout(identity_store& in, const account_request& what);
  outcome change_password(identity_store& in, const account_request& what);
  outcome register_self(identity_store& in, const account_request& what);
  outcome bootstrap(identity_store& in, const account_request& what);
  outcome who_am_i(identity_store& in, const account_request& what);
  outcome jwks(identity_store& in, const account_request& what);
  outcome rotate_keys(identity_store& in, const account_request& what);

  // operations_user.cpp
  outcome list_users(identity_store& in, const account_request& what);
  outcome get_user(identity_store& in, const account_request& what);
  outcome create_user(identity_store& in, const account_request& what);
  outcome update_user(identity_store& in, const account_request& what);
  outcome delete_user(identity_store& in, const account_request& what);
  outcome list_sessions(identity_store& in, const account_request& what);
  outcome delete_session(identity_store& in, const account_request& what);
  outcome list_keys(identity_store& in, const account_request& what);
  outcome create_key(identity_store& in, const account_request& what);
  outcome delete_key(identity_store& in, const account_request& what);
  outcome list_audit(identity_store& in, const account_request& what);

  result<user> find_user(identity_store& in, const std::string& name);
  result<user> make_user(identity_store& in, const std::string& name, const std::string& password,
                         role_set roles);
  result<void> end_sessions(identity_store& in, const std::string& user);
  outcome sign_in(identity_store& in, const user& who, const std::string& address);
  std::string tokens(const user& who, const session& of, const std::string& secret);
  result<account_answer> perform(const row& what, identity_store& in, const account_request& asked);
  void write_audit();

  /// Borrows a store session for a call.
  class borrowed;

  identity_source& where_;
  const clock& time_;
  const service_options how_;
  keyring keys_;
  throttle throttle_;
  const std::string dummy_hash_;  ///< What the password of nobody is compared with.

  std::mutex guard_;  ///< Of everything down to the workers.
  std::vector<std::unique_ptr<identity_store>> idle_;
  std::vector<audit_entry> notes_;
  uint64_t notes_lost_ = 0;
  bool writing_ = false;
  std::unordered_map<std::string, verification_key> external_keys_;
  std::chrono::steady_clock::time_point external_loaded_at_{};

  struct seen {
    principal who;
    std::chrono::steady_clock::time_point fresh_until;
    time_point expires_at;
  };
  std::mutex seen_guard_;
  std::unordered_map<std::string, seen> seen_;  ///< By digest of the credential.
  uint64_t seen_epoch_ =
      0;  ///< Raised by `forget_all`: what was looked up before must not be kept.

  // Last, so that they join before anything they use is gone.
  worker store_worker_;
  worker password_worker_;
  worker external_worker_;
};

/// Lower case, one to 64 of letters, digits, `.`, `_`, `-`.
result<std::string> check_user_name(const std::string& name);
result<void> check_new_password(const std::string& name, const std::string& password);

}  // namespace orrery::identity
