#pragma once
/// The HTTP face of a node: a server over the port `front_door`.

#include "base/time.hpp"
#include "domain/limits.hpp"
#include "domain/ports/accounts.hpp"
#include "domain/ports/answer_book.hpp"
#include "domain/ports/front_door.hpp"

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

namespace orrery {
class cluster_view;
class span_sink;
}  // namespace orrery

namespace orrery::http {

struct server_options {
  std::string address = "127.0.0.1:8080";  ///< `host:port` or `[v6]:port`; port 0 = any free one.
  size_t threads = 1;
  size_t connections_max = 10'000;      ///< Over it: 503 and closed.
  size_t header_bytes_max = 16 * 1024;  ///< Over it: 431.
  size_t header_fields_max = 100;       ///< Over it: 431.
  size_t body_bytes_max = 300 * 1024;   ///< Single posts and commands; over it: 413.
  size_t batch_bytes_max = limits::batch_bytes;
  /// For a whole header, and for a body; a body gets one second more per 64 KiB received.
  duration read_timeout = 10s;
  duration idle_timeout = 60s;     ///< Between two requests of a connection.
  duration write_timeout = 30s;    ///< Until the client has taken the answer.
  duration request_timeout = 30s;  ///< Until the front door has answered; then 504.
  answer_book* answers = nullptr;  ///< For `Idempotency-Key`; outlives the server. Null = not kept.
  cluster_view* cluster = nullptr;  ///< For `GET /api/cluster`; outlives the server.
  span_sink* spans = nullptr;       ///< Of requests; null = none are told. Outlives the server.
  /// Who is who; outlives the server. Null = `bearer_token` decides alone.
  accounts* who = nullptr;
  std::string bearer_token = {};  ///< Without `who`: the one credential. Empty = no authentication.
  bool authenticate = true;       ///< False = everybody may do everything, also with `who`.
  /// Groups of routes that are open to everybody besides those that always are: `metrics`.
  std::vector<std::string> open_routes = {};
  /// PEM files of the certificate (with its chain) and its key; empty = no TLS. Read again when they change.
  std::string tls_certificate = {};
  std::string tls_key = {};
  /// Not 0 = serves nothing but the way to this port, by TLS.
  uint16_t redirect_port = 0;
  std::vector<std::string> cors_origins = {};  ///< `https://app.example`, exactly.
  double requests_per_second = 0;              ///< Of one principal, or one address; 0 = no limit.
  double requests_burst = 2'000;
  /// Addresses of gateways whose `X-Forwarded-For` is believed.
  std::vector<std::string> trusted_proxies = {};
};

/// Serves the routes of `routes()`; each request becomes one or two calls of the front door.
///
/// Owns its io threads. `door` must outlive `stop`; a callback that arrives later is ignored.
/// `start` and `stop` belong to one thread; `address` and `append_metrics` are thread-safe.
class server {
public:
  server(server_options options, front_door& door);
  /// `stop` without grace.
  ~server();
  server(const server&) = delete;
  server& operator=(const server&) = delete;

  /// Binds and listens; the address it really has, with the port chosen. Failures: `invalid` for an
  /// address that cannot be read, `unavailable` where it cannot be bound.
  result<std::string> start();
  /// Stops accepting, closes idle connections, gives requests in flight `grace` to be answered,
  /// then closes what is left and joins. Idempotent.
  void stop(duration grace);

  /// As `start` answered; empty before.
  std::string address() const;
  /// Prometheus text: requests by route and class of status, in flight, connections. Part of
  /// `GET /metrics` already.
  void append_metrics(std::string& out) const;

private:
  struct parts;
  std::unique_ptr<parts> parts_;
};

}  // namespace orrery::http
