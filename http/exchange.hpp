#pragma once
/// One request and its answer: what handlers see. Knows nothing of sockets.

#include "http/server.hpp"
#include "http/stream_signal.hpp"

#include "domain/principal.hpp"

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

namespace orrery::http {

struct route;
class probe;

enum class method : uint8_t { get, head, post, put, patch, erase, options, other };

struct request {
  method verb = method::other;
  std::string target;      ///< As it was sent.
  std::string_view path;   ///< Of `target`, still encoded.
  std::string_view query;  ///< Of `target`, without `?`.
  std::string id;          ///< The first `{…}` of the path, decoded.
  std::string action;      ///< The second, or the last segment of the path.
  std::string body;
  bool lines = false;  ///< The body is NDJSON.
  std::optional<std::string> idempotency_key;
  std::string
      traceparent;  ///< Empty unless valid. Where requests are traced, of the request's own span.
  std::string tracestate;
  duration wait{};  ///< `Prefer: wait=n`; 0 = none.
  std::string request_id;
  std::string principal;  ///< Name of `who`.
  orrery::principal who;
  std::string address;               ///< Of the client, without port.
  std::optional<uint64_t> if_match;  ///< The version of `If-Match`.
  std::string if_none_match;
  bool gzip = false;            ///< The client takes it.
  bool accepts_events = false;  ///< `Accept: text/event-stream`.
  std::string last_event_id;    ///< Of a reader that comes back.
};

enum class media : uint8_t {
  none,
  json,
  lines,
  problem,
  metrics,
  events,
  html,
  script,
  style,
  image
};

struct response {
  int status = 200;
  media type = media::json;
  std::string body = {};
  std::string location = {};
  std::string allow = {};
  int64_t wait_applied_s = 0;  ///< `Preference-Applied`; 0 = none.
  int retry_after_s = 0;       ///< 0 = none.
  uint64_t version = 0;        ///< `ETag`; 0 = none.
  std::string link = {};       ///< RFC 8288
  /// Set: after the header, the connection carries what the stream brings, until it ends.
  std::shared_ptr<feed_stream> stream = {};
  std::shared_ptr<stream_signal> more = {};  ///< Raised when the stream has more.
};

/// Held by the session that waits and by every callback that may answer. The first `finish` counts;
/// later ones, and those after `close`, are dropped. The request may be read by whoever may still
/// finish; the session leaves it alone until the exchange is answered or closed.
class exchange : public std::enable_shared_from_this<exchange> {
public:
  exchange(const server_options& how, front_door& gate, std::shared_ptr<const probe> counters)
      : options(how), door(gate), counts(std::move(counters)) {}

  request in;
  const route* matched = nullptr;
  const server_options& options;        ///< For handlers, not for their callbacks.
  front_door& door;                     ///< For callbacks only while `open`.
  std::shared_ptr<const probe> counts;  ///< Shared, as a callback may come after the server's end.

  /// Thread-safe.
  void finish(response answer);
  /// Shown the first answer before anybody hears it, also where nobody waits any more; calls its second
  /// argument once, then the answer goes its way. Set by who runs the handler, before it.
  using keeper = std::function<void(const response&, std::function<void()>)>;
  void keep_with(keeper keep);
  void fail(const failure& why);
  /// Whether an answer is still wanted; false lets a chain of calls end early.
  bool open() const;

  // The session's side.

  /// Empties the exchange for the next request. Only while no one else holds it.
  void reset();
  bool answered() const;
  /// Calls `wake` once when answered, at once if it is. `wake` only posts to the session's thread.
  void when_answered(std::function<void()> wake);
  response take();
  /// From here on nobody is told anything; `wake` is forgotten and will not be called again.
  void close();

private:
  enum class state : uint8_t { open, answered, closed };
  void deliver(response answer);

  mutable std::mutex guard_;
  keeper keep_;
  bool keeping_ = false;
  state state_ = state::open;
  response answer_;
  std::function<void()> wake_;
};

using exchange_ptr = std::shared_ptr<exchange>;

}  // namespace orrery::http
