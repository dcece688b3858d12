#pragma once
/// Who is who: what the HTTP room asks of identity/. Thread-safe; nothing here blocks.

#include "base/result.hpp"
#include "domain/ports/identity_store.hpp"
#include "domain/principal.hpp"

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace orrery {

/// One operation on accounts, named as its route: `login`, `createUser`, … `body` fits the route's schema.
struct account_request {
  std::string operation;
  std::string id;      ///< The first part of the path.
  std::string second;  ///< The second.
  std::string body;
  std::map<std::string, std::string> parameters;  ///< Of the query.
  std::optional<uint64_t> if_match;               ///< Change only this version.
  principal who;
  std::string address;
  std::string request_id;
};

struct account_answer {
  int status = 200;
  std::string body;      ///< JSON; empty with 204.
  std::string location;  ///< Of what was made.
  uint64_t version = 0;  ///< For `ETag`; 0 = none.
};

class accounts {
public:
  virtual ~accounts() = default;

  /// The principal of a bearer credential, where that was looked up a moment ago (two seconds at most, so
  /// that a revoked one ends everywhere within that time); nothing = ask `check`. Some hundred nanoseconds.
  virtual std::optional<principal> known(std::string_view credential) = 0;
  /// Looks it up. `rejected` = it is no valid credential (the detail is for the audit log, not for the
  /// client), `busy`, `unavailable`. `done` runs exactly once on any thread.
  virtual void check(std::string credential, std::function<void(result<principal>)> done) = 0;

  /// Runs an operation. The failure's code is what the client is told; `busy` may carry the seconds to
  /// wait as `field`.
  virtual void run(account_request what, std::function<void(result<account_answer>)> done) = 0;

  /// Writes to the audit log, soon. Bounded: what does not fit is counted and the count written.
  virtual void note(audit_entry entry) = 0;
};

}  // namespace orrery
