/// Reading and writing where plain sockets will not do at once.

#include "http/session.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace orrery::http {

lane_task<bool> session::shake_hands() {
  if (!tls_context_)
    co_return true;
  tls_.emplace(socket_, *tls_context_);
  const auto [error] = co_await tls_->async_handshake(net::ssl::stream_base::server, lane_token);
  co_return !error && !closing_;
}

lane_task<size_t> session::read_some(net::mutable_buffer into, beast::error_code& error) {
  auto [trouble, n] = co_await tls_->async_read_some(into, lane_token);
  error = trouble;
  co_return n;
}

lane_task<size_t> session::write_some(net::const_buffer from, beast::error_code& error) {
  if (tls_) {
    auto [trouble, n] = co_await tls_->async_write_some(from, lane_token);
    error = trouble;
    co_return n;
  }
  auto [trouble, n] = co_await socket_.async_write_some(from, lane_token);
  error = trouble;
  co_return n;
}

}  // namespace orrery::http
