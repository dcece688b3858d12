#include "http/server.hpp"

#include "http/lane.hpp"
#include "http/tls.hpp"

#include "base/check.hpp"
#include "base/log.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <charconv>
#include <future>
#include <mutex>

namespace orrery::http {

namespace {

using lane_acceptor = net::basic_socket_acceptor<net::ip::tcp, lane_executor>;

result<net::ip::tcp::endpoint> parse_address(std::string_view text) {
  const failure bad{errc::invalid, "must be host:port with an IP address or localhost", "address"};
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos)
    return bad;
  auto host = text.substr(0, colon);
  const auto digits = text.substr(colon + 1);
  uint16_t port = 0;
  const auto [last, error] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  if (error != std::errc{} || last != digits.data() + digits.size())
    return bad;
  if (host.size() > 2 && host.front() == '[' && host.back() == ']')
    host = host.substr(1, host.size() - 2);
  else if (host == "localhost")
    host = "127.0.0.1";
  boost::system::error_code code;
  const auto address = net::ip::make_address(std::string(host), code);
  if (code)
    return bad;
  return net::ip::tcp::endpoint(address, port);
}

std::string text_of(const net::ip::tcp::endpoint& at) {
  const auto host = at.address().to_string();
  return (at.address().is_v6() ? "[" + host + "]" : host) + ":" + std::to_string(at.port());
}

/// Tells one client too many so, without waiting for it.
void turn_away(lane_socket socket) {
  static constexpr std::string_view answer =
      "HTTP/1.1 503 Service Unavailable\r\nServer: orrery\r\nRetry-After: 1\r\n"
      "Content-Length: 0\r\nConnection: close\r\n\r\n";
  boost::system::error_code ignored;
  socket.non_blocking(true, ignored);
  socket.write_some(net::buffer(answer), ignored);
  socket.shutdown(lane_socket::shutdown_both, ignored);
}

}  // namespace

struct server::parts {
  parts(server_options how, front_door& gate) : options(std::move(how)), door(gate) {}

  lane_task<void> accept();
  void accept_rest();
  /// On the first lane's thread.
  std::shared_ptr<net::ssl::context> certificate() { return tls ? tls->current() : nullptr; }
  /// False when connections remain after `limit`.
  bool wait_until_empty(duration limit) const;

  const server_options options;
  front_door& door;
  const std::shared_ptr<probe> counts = std::make_shared<probe>();
  rate_limiter limits{options.requests_per_second, options.requests_burst};
  std::vector<std::unique_ptr<lane>> lanes;
  std::optional<lane_acceptor> acceptor;   ///< Used on the first lane's thread.
  std::optional<net::steady_timer> pause;  ///< After a failed accept.
  std::optional<tls_keeper> tls;           ///< Used on the first lane's thread.
  bool stopping = false;                   ///< On the first lane's thread.
  mutable std::mutex guard;
  std::string address;
};

lane_task<void> server::parts::accept() {
  constexpr auto token = net::as_tuple(net::use_awaitable_t<lane_executor>{});
  for (size_t next = 0; !stopping; ++next) {
    auto& home = *lanes[next % lanes.size()];
    auto [error, socket] = co_await acceptor->async_accept(home.context.get_executor(), token);
    if (error && stopping)
      co_return;
    if (error) {
      // Out of descriptors, most likely: the connection stays in the backlog and accept fails again
      // at once, so that without a pause this loop would take a whole core.
      log::warning("http.accept_failed", {{"what", error.message()}});
      pause->expires_after(100ms);
      co_await pause->async_wait(token);
      continue;
    }
    if (counts->connections.load() >= static_cast<int64_t>(options.connections_max)) {
      counts->connections_refused.fetch_add(1, std::memory_order_relaxed);
      turn_away(std::move(socket));
      continue;
    }
    net::co_spawn(home.context,
                  serve(home, std::move(socket), connection_ticket(counts), certificate()),
                  net::detached);
  }
}

/// What the kernel has accepted for us already: its clients believe that they are heard, and closing the
/// acceptor over them would reset them with their requests under way.
void server::parts::accept_rest() {
  boost::system::error_code error;
  acceptor->non_blocking(true, error);
  for (size_t next = 0; !error; ++next) {
    auto& home = *lanes[next % lanes.size()];
    auto socket = acceptor->accept(home.context.get_executor(), error);
    if (!error)
      net::co_spawn(home.context,
                    serve(home, std::move(socket), connection_ticket(counts), certificate()),
                    net::detached);
  }
}

bool server::parts::wait_until_empty(duration limit) const {
  const auto end = steady::now() + limit;
  while (counts->connections.load() > 0) {
    if (steady::now() >= end)
      return false;
    std::this_thread::sleep_for(2ms);
  }
  return true;
}

server::server(server_options options, front_door& door)
    : parts_(std::make_unique<parts>(std::move(options), door)) {
  CHECK(parts_->options.threads > 0, "a server has at least one io thread");
}

server::~server() { stop(duration{}); }

result<std::string> server::start() {
  auto& p = *parts_;
  CHECK(p.lanes.empty(), "a server is started once");
  const auto at = parse_address(p.options.address);
  if (!at)
    return at.error();
  for (size_t i = 0; i < p.options.threads; ++i)
    p.lanes.push_back(std::make_unique<lane>(p.options, p.door, p.counts, p.limits, i));
  if (!p.options.tls_certificate.empty()) {
    p.tls.emplace(p.options.tls_certificate, p.options.tls_key);
    if (auto loaded = p.tls->load(); !loaded) {
      p.lanes.clear();
      return std::move(loaded).error();
    }
  }
  auto& first = *p.lanes.front();
  p.acceptor.emplace(first.context);
  p.pause.emplace(first.context);
  boost::system::error_code code;
  p.acceptor->open(at->protocol(), code);
  if (!code)
    p.acceptor->set_option(net::socket_base::reuse_address(true), code);
  if (!code)
    p.acceptor->bind(*at, code);
  if (!code)
    p.acceptor->listen(4096, code);
  if (code) {
    p.acceptor.reset();
    p.pause.reset();
    p.lanes.clear();
    return failure{errc::unavailable, p.options.address + ": " + code.message(), "address"};
  }
  const auto text = text_of(p.acceptor->local_endpoint());
  {
    const std::lock_guard lock(p.guard);
    p.address = text;
  }
  net::co_spawn(first.context, p.accept(), net::detached);
  for (auto& l : p.lanes)
    l->start();
  log::info("http.listening", {{"address", text}, {"threads", p.options.threads}});
  return text;
}

void server::stop(duration grace) {
  auto& p = *parts_;
  if (p.lanes.empty())
    return;
  std::promise<void> closed;
  net::post(p.lanes.front()->context, [&p, &closed] {
    p.stopping = true;
    p.accept_rest();
    boost::system::error_code ignored;
    p.acceptor->close(ignored);
    p.pause->cancel();
    closed.set_value();
  });
  closed.get_future().wait();
  for (auto& l : p.lanes)
    l->end_connections(false);
  if (!p.wait_until_empty(grace)) {
    for (auto& l : p.lanes)
      l->end_connections(true);
    // Closed sockets end their sessions at the next turn of the loop; only a stuck lane takes
    // longer.
    if (!p.wait_until_empty(10s))
      log::error("http.sessions_left", {{"connections", p.counts->connections.load()}});
  }
  for (auto& l : p.lanes)
    l->stop();
  p.acceptor.reset();
  p.pause.reset();
  p.lanes.clear();
}

std::string server::address() const {
  const std::lock_guard lock(parts_->guard);
  return parts_->address;
}

void server::append_metrics(std::string& out) const { parts_->counts->append_metrics(out); }

}  // namespace orrery::http
