/// What Beast costs by itself: answers every request with the same body, one io thread, keep-alive. The
/// measure for what routing, accounts, validation and the store add (`bench/http`).
///
///     bare_beast BYTES      prints `ready http=ADDRESS`; ends with its standard input

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>

#include <cstdio>
#include <cstdlib>
#include <string>
#include <unistd.h>

namespace net = boost::asio;
namespace beast = boost::beast;
using executor = net::io_context::executor_type;
using socket_type = net::basic_stream_socket<net::ip::tcp, executor>;

namespace {

constexpr auto token = net::as_tuple(net::use_awaitable_t<executor>{});

net::awaitable<void, executor> serve(socket_type socket, const std::string& body) {
  beast::error_code error;
  socket.set_option(net::ip::tcp::no_delay(true), error);
  beast::flat_buffer buffer;
  for (;;) {
    beast::http::request<beast::http::string_body> in;
    std::tie(error, std::ignore) = co_await beast::http::async_read(socket, buffer, in, token);
    if (error)
      co_return;
    beast::http::response<beast::http::string_body> out{beast::http::status::ok, in.version()};
    out.set(beast::http::field::content_type, "application/json");
    out.keep_alive(in.keep_alive());
    out.body() = body;
    out.prepare_payload();
    std::tie(error, std::ignore) = co_await beast::http::async_write(socket, out, token);
    if (error)
      co_return;
  }
}

net::awaitable<void, executor> accept(net::basic_socket_acceptor<net::ip::tcp, executor>& acceptor,
                                      const std::string& body) {
  for (;;) {
    auto [error, socket] = co_await acceptor.async_accept(token);
    if (error)
      co_return;
    net::co_spawn(acceptor.get_executor(), serve(std::move(socket), body), net::detached);
  }
}

}  // namespace

int main(int count, char** words) {
  const std::string body(count > 1 ? std::strtoul(words[1], nullptr, 10) : 500, 'x');
  net::io_context context{1};
  net::basic_socket_acceptor<net::ip::tcp, executor> acceptor(
      context, net::ip::tcp::endpoint(net::ip::address_v4::loopback(), 0));
  net::co_spawn(context, accept(acceptor, body), net::detached);
  net::posix::stream_descriptor input(context, ::dup(STDIN_FILENO));
  char end = 0;
  net::async_read(input, net::buffer(&end, 1), [&](beast::error_code, size_t) { context.stop(); });
  std::printf("ready http=127.0.0.1:%u\n", acceptor.local_endpoint().port());
  std::fflush(stdout);
  context.run();
}
