#include "http/outbound_call.hpp"

#include "base/clock.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/ssl/host_name_verification.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/buffers_range.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/parser.hpp>

#include <algorithm>

namespace orrery::http {

namespace {

namespace net = boost::asio;
namespace beast = boost::beast;

constexpr auto plain_token = net::as_tuple(net::use_awaitable);
constexpr size_t answer_header_bytes_max = 64 * 1024;
constexpr int interim_answers_max = 10;

/// Keeps the first bytes of a body and notes that there were more.
struct capped_body {
  struct value_type {
    std::string text;
    size_t bytes_max = 0;
    bool cut = false;
  };
  class reader {
  public:
    template <bool IsRequest, class Fields>
    reader(beast::http::header<IsRequest, Fields>&, value_type& body) : body_(body) {}
    void init(const boost::optional<uint64_t>&, beast::error_code& error) { error = {}; }
    template <class Buffers>
    size_t put(const Buffers& buffers, beast::error_code& error) {
      error = {};
      size_t all = 0;
      for (const net::const_buffer b : beast::buffers_range(buffers)) {
        const auto room = body_.bytes_max - body_.text.size();
        body_.text.append(static_cast<const char*>(b.data()), std::min(room, b.size()));
        body_.cut = body_.cut || b.size() > room;
        all += b.size();
      }
      return all;
    }
    void finish(beast::error_code& error) { error = {}; }

  private:
    value_type& body_;
  };
};

using answer_parser = beast::http::response_parser<capped_body>;

std::string text_of(beast::string_view text) { return std::string(text.data(), text.size()); }

bool is_address(const std::string& host) {
  boost::system::error_code error;
  net::ip::make_address(host, error);
  return !error;
}

/// Gives the buffer to the parser until it wants more or has all.
beast::error_code feed(answer_parser& parser, beast::flat_buffer& buffer) {
  beast::error_code error;
  while (buffer.size() > 0 && !parser.is_done() && !parser.get().body().cut && !error) {
    const auto used = parser.put(buffer.data(), error);
    buffer.consume(used);
  }
  return error == beast::http::error::need_more ? beast::error_code{} : error;
}

}  // namespace

outbound_call::outbound_call(outbound_world& world, work_item work)
    : world_(world),
      item_(std::move(work)),
      clock_(world.context),
      resolved_(world.context),
      socket_(world.context) {}

void outbound_call::abort() {
  aborted_ = true;
  close();
}

void outbound_call::close() noexcept {
  boost::system::error_code ignored;
  resolved_.cancel();
  socket_.close(ignored);
}

net::awaitable<work_outcome> outbound_call::run() {
  work_outcome out;
  try {
    out = co_await run_steps();
  } catch (const std::exception& e) {
    out = failed_outcome("protocol", e.what(), true);
  }
  clock_.cancel();
  close();
  if (!out.succeeded && aborted_)
    co_return failed_outcome("aborted", "the request was aborted", true);
  if (!out.succeeded && timed_out_)
    co_return failed_outcome("timeout", "no whole answer came in time", true);
  co_return out;
}

net::awaitable<work_outcome> outbound_call::run_steps() {
  auto request = read_payload(item_.payload);
  if (!request)
    co_return failed_outcome("invalid", request.error().field + ": " + request.error().detail,
                             false);
  request_ = std::move(*request);
  if (const auto allowed = world_.rules.check_host(request_.to); !allowed)
    co_return failed_outcome("refused", allowed.error().detail, false);
  bytes_ = write_request(request_, item_);
  if (aborted_)
    co_return work_outcome{};
  start_clock();
  if (auto bad = co_await resolve())
    co_return std::move(*bad);
  if (auto bad = co_await connect())
    co_return std::move(*bad);
  if (request_.to.secure)
    if (auto bad = co_await secure())
      co_return std::move(*bad);
  co_await send();
  if (auto bad = co_await receive())
    co_return std::move(*bad);
  co_return outcome_of(answer_, world_.options.response_bytes_max, system_clock().now());
}

void outbound_call::start_clock() {
  auto limit = request_.timeout > duration{} ? request_.timeout : world_.options.timeout;
  if (item_.ttl > duration{})
    limit = std::min(limit, item_.ttl);
  clock_.expires_after(limit);
  clock_.async_wait([self = shared_from_this()](boost::system::error_code error) {
    if (error)
      return;
    self->timed_out_ = true;
    self->close();
  });
}

net::awaitable<outbound_call::trouble> outbound_call::resolve() {
  resolved_.expires_at(std::chrono::steady_clock::time_point::max());
  const bool queued = world_.resolvers.submit([self = shared_from_this()] {
    auto found = self->world_.options.resolve(self->request_.to.host);
    net::post(self->world_.context, [self, found = std::move(found)]() mutable {
      self->addresses_ = std::move(found);
      self->resolved_.cancel();
    });
  });
  if (!queued)
    co_return failed_outcome("busy", "too many names wait to be looked up", true);
  co_await resolved_.async_wait(plain_token);
  if (aborted_ || timed_out_)
    co_return work_outcome{};
  if (!addresses_)
    co_return failed_outcome("resolve", addresses_.error().detail, true);
  if (const auto allowed = world_.rules.check_addresses(request_.to, *addresses_); !allowed) {
    const bool gone = allowed.error().code == errc::unavailable;
    co_return failed_outcome(gone ? "resolve" : "refused", allowed.error().detail, gone);
  }
  co_return std::nullopt;
}

net::awaitable<outbound_call::trouble> outbound_call::connect() {
  boost::system::error_code error = net::error::host_not_found;
  for (const auto& text : *addresses_) {
    const auto address = net::ip::make_address(text, error);
    if (error)
      continue;
    boost::system::error_code ignored;
    socket_.close(ignored);
    auto [failed] =
        co_await socket_.async_connect(tcp::endpoint(address, request_.to.port), plain_token);
    if (aborted_ || timed_out_)
      co_return work_outcome{};
    error = failed;
    if (!error)
      co_return std::nullopt;
  }
  co_return failed_outcome("connect", request_.to.authority + ": " + error.message(), true);
}

net::awaitable<outbound_call::trouble> outbound_call::secure() {
  tls_.emplace(socket_, world_.tls);
  tls_->set_verify_mode(net::ssl::verify_peer);
  tls_->set_verify_callback(net::ssl::host_name_verification(request_.to.host));
  if (!is_address(request_.to.host))
    SSL_set_tlsext_host_name(tls_->native_handle(), request_.to.host.c_str());
  auto [error] = co_await tls_->async_handshake(net::ssl::stream_base::client, plain_token);
  if (error)
    co_return failed_outcome("tls", request_.to.authority + ": " + error.message(), true);
  co_return std::nullopt;
}

net::awaitable<void> outbound_call::send() {
  // An error is not looked at: who answers before having read everything closes the connection, and
  // the answer is still there to be read. Without one, reading fails.
  if (tls_)
    co_await net::async_write(*tls_, net::buffer(bytes_), plain_token);
  else
    co_await net::async_write(socket_, net::buffer(bytes_), plain_token);
}

net::awaitable<size_t> outbound_call::read_some(net::mutable_buffer into,
                                                boost::system::error_code& error) {
  if (tls_) {
    auto [failed, n] = co_await tls_->async_read_some(into, plain_token);
    error = failed;
    co_return n;
  }
  auto [failed, n] = co_await socket_.async_read_some(into, plain_token);
  error = failed;
  co_return n;
}

net::awaitable<outbound_call::trouble> outbound_call::receive() {
  beast::flat_buffer buffer;
  std::optional<answer_parser> parser;
  size_t header_bytes = 0;
  for (int answers = 0; answers < interim_answers_max; ++answers) {
    parser.emplace();
    parser->eager(true);
    parser->body_limit(boost::none);
    parser->skip(request_.method == "HEAD");
    parser->get().body().bytes_max = world_.options.response_bytes_max;
    for (;;) {
      beast::error_code error = feed(*parser, buffer);
      if (error)
        co_return failed_outcome("protocol", "the answer cannot be read: " + error.message(), true);
      if (parser->is_done() || parser->get().body().cut)
        break;
      const auto n = co_await read_some(buffer.prepare(16 * 1024), error);
      buffer.commit(n);
      if (!parser->is_header_done() && (header_bytes += n) > answer_header_bytes_max)
        co_return failed_outcome("protocol", "the header of the answer is too long", true);
      if (error == net::error::eof && parser->got_some()) {
        parser->put_eof(error);
        if (!error)
          break;
      }
      if (error)
        co_return failed_outcome("protocol", "the connection ended early: " + error.message(),
                                 true);
    }
    const auto& message = parser->get();
    if (message.result_int() / 100 == 1 && message.result_int() != 101)
      continue;
    answer_.status = static_cast<int>(message.result_int());
    answer_.content_type = text_of(message[beast::http::field::content_type]);
    answer_.retry_after = text_of(message[beast::http::field::retry_after]);
    answer_.cut = message.body().cut;
    answer_.body = std::move(parser->get().body().text);
    co_return std::nullopt;
  }
  co_return failed_outcome("protocol", "too many interim answers", true);
}

}  // namespace orrery::http
