#pragma once
/// A small HTTP/1.1 client for the command line: one call at a time, every wait with an end.

#include "base/result.hpp"
#include "base/time.hpp"

#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace orrery::http {

struct client_options {
  std::string server = {};  ///< `http://host:port` or `https://host:port`; without a scheme, http.
  std::string token = {};   ///< Sent as `Authorization: Bearer …` unless empty.
  std::string ca_file =
      {};  ///< PEM of whom to trust besides the machine's own; empty = those only.
  std::string agent = "orrery";
};

struct client_request {
  std::string verb = "GET";
  std::string target = {};  ///< `/api/tasks?kind=a`, encoded.
  std::string body = {};
  std::string type = "application/json";                          ///< Of the body.
  std::vector<std::pair<std::string, std::string>> headers = {};  ///< Further ones.
};

struct client_answer {
  int status = 0;
  std::string type;
  std::string body;
  int retry_after_s = 0;
  std::string request_id;
};

/// Percent-encodes what may not stand in a part of a path or in a query value.
std::string url_encode(std::string_view text);

/// Used by one thread. Each call has a connection of its own. TLS 1.2 and 1.3; certificate and name are
/// always checked.
class client {
public:
  /// `invalid` where the address cannot be one or the file of authorities cannot be read.
  static result<client> make(client_options options);

  /// Answers of any status are answers. `sent` says whether the server may have seen the request. A failure: `unavailable` (no connection, or it was lost),
  /// `in_doubt` (no whole answer within `limit`), `rejected` (TLS refused), `corrupt` (no HTTP). Answers
  /// are at most 64 MiB. Looking up a name may outlast `limit` by the resolver's own patience.
  result<client_answer> call(const client_request& request, duration limit, bool* sent = nullptr);

  /// Gives the body piece by piece as it comes, until the server ends it, `more` answers false, or
  /// nothing comes for `silence`. An answer other than 200 is given whole instead.
  result<client_answer> stream(const client_request& request, duration silence,
                               const std::function<bool(std::string_view)>& more);

  const std::string& server() const noexcept { return options_.server; }

private:
  struct address {
    std::string host;
    std::string port;
    std::string prefix;  ///< Path before every target, as behind a gateway.
    bool secure = false;
  };
  client(client_options options, address to) : options_(std::move(options)), to_(std::move(to)) {}

  static result<address> read_address(std::string_view text);
  std::string bytes_of(const client_request& request) const;
  result<client_answer> talk(const client_request& request, duration limit, bool* sent,
                             const std::function<bool(std::string_view)>* more);

  client_options options_;
  address to_;
};

}  // namespace orrery::http
