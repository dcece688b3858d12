#pragma once
/// The executor of kind `http`: one attempt is one request to somebody else's server.
///
/// Payload: `{"url":"https://…","method":"POST","headers":{"X-A":"b"},"body":<any
/// JSON>,"timeout":"30s"}`; only `url` is needed. A body that is a JSON string is sent as that
/// text, anything else as JSON. Sent along: `Idempotency-Key: <task>-<run>`, `Orrery-Task`,
/// `Orrery-Attempt: <run>/<attempt>/<epoch>`, `traceparent` where there is one, `User-Agent:
/// orrery`.
///
/// Answers: 2xx is success. 408, 425, 429 and 5xx may be tried again, after `Retry-After` where
/// given; any other status not, redirects included, as following one would leave the checked
/// address. Error codes: `http-503`, `timeout`, `resolve`, `connect`, `tls`, `protocol`, `aborted`,
/// `busy`, `refused`, `invalid`.
///
/// The body of an answer is kept up to 256 KiB: as JSON where it says it is and is, else as a JSON
/// string. One that is longer is cut and the connection closed; the status still counts, because
/// the other side has done its work and asking again would do it twice.
///
/// Where it may call: only public addresses, on the ports 80, 443, 8080 and 8443. Private,
/// loopback, link-local, multicast, unspecified, carrier-grade, documentation and translated
/// (NAT64, 6to4, mapped) addresses are refused. The name is resolved once; every address it has
/// must pass, and the connection goes to one of those, so that a second answer of the name server
/// cannot lead elsewhere.

#include "domain/ports/executor.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace orrery::http {

struct outbound_options {
  /// Hosts that may also be called on private addresses: `host`, `*.domain`, `10.0.0.7`, `[::1]`,
  /// each with `:port` or `:*` where it is not one of the usual ports. Compared with the URL's
  /// text, without case.
  std::vector<std::string> allowed_hosts = {};
  /// False = nothing but `allowed_hosts`.
  bool allow_public = true;
  size_t requests_max = 1'000;  ///< At the same time; over it an attempt fails `busy`, retryable.
  duration timeout = 30s;       ///< Where the payload names none; never longer than the task's ttl.
  size_t response_bytes_max = limits::result_bytes;
  size_t resolver_threads = 4;  ///< Name servers may be slow, and looking up blocks.
  std::string ca_file = {};     ///< PEM, trusted beside the system's; empty = none.
  /// The addresses of a host, as text. Empty = the system's resolver. Called on a resolver thread.
  std::function<result<std::vector<std::string>>(const std::string& host)> resolve = {};
};

/// Owns one io thread and the resolver threads. The destructor stops what is under way; every
/// `done` has run when it returns.
class http_executor final : public executor {
public:
  explicit http_executor(outbound_options options);
  ~http_executor() override;

  void start(work_item item, std::function<void(work_outcome)> done) override;
  void stop(entity_id task, attempt_token token, stop_mode mode) override;
  result<void> check(const std::string& payload) const override;

private:
  struct parts;
  std::unique_ptr<parts> parts_;
};

}  // namespace orrery::http
