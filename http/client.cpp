#include "http/client.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/connect.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/host_name_verification.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>

#include <charconv>
#include <chrono>
#include <optional>

namespace orrery::http {

namespace {

namespace net = boost::asio;
namespace beast = boost::beast;
using tcp = net::ip::tcp;
using steady = std::chrono::steady_clock;

constexpr auto by_tuple = net::as_tuple(net::use_awaitable);
constexpr uint64_t answer_bytes_max = 64 * 1024 * 1024;
constexpr size_t piece = 16 * 1024;

std::string text_in(beast::string_view text) { return std::string(text.data(), text.size()); }

failure lost(const std::string& what, const boost::system::error_code& error) {
  return {errc::unavailable, what + ": " + error.message()};
}

/// One exchange. Lives until its io_context is gone, which ends whatever it waits for.
class conversation {
public:
  conversation(net::io_context& context, net::ssl::context* tls, std::string host, std::string port)
      : host_(std::move(host)), port_(std::move(port)), socket_(context) {
    if (tls != nullptr)
      secure_.emplace(socket_, *tls);
  }

  net::awaitable<void> run(std::string bytes, bool head,
                           const std::function<bool(std::string_view)>* more) {
    try {
      if (auto error = co_await connect())
        failed_ = std::move(error);
      else if (auto refused = co_await send(std::move(bytes)))
        failed_ = std::move(refused);
      else
        failed_ = co_await receive(head, more);
    } catch (const std::exception& e) {
      failed_ = failure{errc::unavailable, e.what()};
    }
    done_ = true;
  }

  bool done() const noexcept { return done_; }
  bool sent() const noexcept { return sent_; }
  steady::time_point heard() const noexcept { return heard_; }
  std::optional<failure>& failed() noexcept { return failed_; }
  client_answer& answer() noexcept { return answer_; }

private:
  using trouble = std::optional<failure>;

  net::awaitable<trouble> connect() {
    tcp::resolver resolver(socket_.get_executor());
    auto [unknown, found] = co_await resolver.async_resolve(host_, port_, by_tuple);
    if (unknown)
      co_return lost("cannot find " + host_, unknown);
    auto [refused, where] = co_await net::async_connect(socket_, found, by_tuple);
    if (refused)
      co_return lost("cannot reach " + host_ + ":" + port_, refused);
    boost::system::error_code ignored;
    socket_.set_option(tcp::no_delay(true), ignored);
    if (!secure_)
      co_return std::nullopt;
    secure_->set_verify_mode(net::ssl::verify_peer);
    secure_->set_verify_callback(net::ssl::host_name_verification(host_));
    boost::system::error_code numeric;
    net::ip::make_address(host_, numeric);
    if (numeric)
      SSL_set_tlsext_host_name(secure_->native_handle(), host_.c_str());
    auto [error] = co_await secure_->async_handshake(net::ssl::stream_base::client, by_tuple);
    if (error)
      co_return failure{errc::rejected,
                        "no TLS with " + host_ + ":" + port_ + ": " + error.message()};
    co_return std::nullopt;
  }

  net::awaitable<trouble> send(std::string bytes) {
    sent_ = true;
    boost::system::error_code error;
    if (secure_) {
      auto [e, n] = co_await net::async_write(*secure_, net::buffer(bytes), by_tuple);
      error = e;
    } else {
      auto [e, n] = co_await net::async_write(socket_, net::buffer(bytes), by_tuple);
      error = e;
    }
    // A server that refuses early answers and closes: its answer counts more than our broken pipe.
    if (error && error != net::error::broken_pipe && error != net::error::connection_reset)
      co_return lost("the connection was lost", error);
    co_return std::nullopt;
  }

  net::awaitable<size_t> read_some(beast::flat_buffer& into, boost::system::error_code& error) {
    const auto room = into.prepare(piece);
    size_t got = 0;
    if (secure_) {
      auto [e, n] = co_await secure_->async_read_some(room, by_tuple);
      error = e;
      got = n;
    } else {
      auto [e, n] = co_await socket_.async_read_some(room, by_tuple);
      error = e;
      got = n;
    }
    into.commit(got);
    heard_ = steady::now();
    co_return got;
  }

  net::awaitable<trouble> receive(bool head, const std::function<bool(std::string_view)>* more) {
    beast::flat_buffer buffer;
    beast::http::response_parser<beast::http::string_body> parser;
    if (more == nullptr)
      parser.body_limit(answer_bytes_max);
    else
      parser.body_limit(boost::none);
    parser.eager(true);
    parser.skip(head);
    for (;;) {
      boost::system::error_code error;
      while (buffer.size() > 0 && !parser.is_done() && !error) {
        const auto used = parser.put(buffer.data(), error);
        buffer.consume(used);
        if (error == beast::http::error::need_more) {
          error = {};
          break;
        }
      }
      if (error)
        co_return failure{errc::corrupt, "the answer is no HTTP: " + error.message()};
      if (more != nullptr && parser.is_header_done() && parser.get().result_int() == 200) {
        auto& body = parser.get().body();
        take_header(parser.get());
        if (!body.empty() && !(*more)(std::exchange(body, {})))
          co_return std::nullopt;
      }
      if (parser.is_done())
        break;
      boost::system::error_code ended;
      if (co_await read_some(buffer, ended) > 0)
        continue;
      const bool closed = ended == net::error::eof || ended == net::ssl::error::stream_truncated;
      boost::system::error_code cut;
      if (closed && parser.is_header_done())
        parser.put_eof(cut);
      if (!closed || cut || !parser.is_done())
        co_return lost("the connection was lost before the whole answer", cut ? cut : ended);
      break;
    }
    take_header(parser.get());
    answer_.body = std::move(parser.get().body());
    co_return std::nullopt;
  }

  template <class Message>
  void take_header(const Message& message) {
    answer_.status = static_cast<int>(message.result_int());
    answer_.type = text_in(message["Content-Type"]);
    answer_.request_id = text_in(message["X-Request-Id"]);
    const auto after = text_in(message["Retry-After"]);
    std::from_chars(after.data(), after.data() + after.size(), answer_.retry_after_s);
  }

  const std::string host_;
  const std::string port_;
  tcp::socket socket_;
  std::optional<net::ssl::stream<tcp::socket&>> secure_;
  client_answer answer_;
  trouble failed_;
  steady::time_point heard_ = steady::now();
  bool sent_ = false;
  bool done_ = false;
};

result<void> prepare_tls(net::ssl::context& tls, const std::string& ca_file) {
  boost::system::error_code error;
  tls.set_options(net::ssl::context::default_workarounds | net::ssl::context::no_tlsv1 |
                      net::ssl::context::no_tlsv1_1,
                  error);
  tls.set_default_verify_paths(error);
  if (!ca_file.empty()) {
    tls.load_verify_file(ca_file, error);
    if (error)
      return failure{errc::invalid, "cannot read " + ca_file + ": " + error.message(), "ca"};
  }
  return {};
}

bool is_plain(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' ||
         c == '_' || c == '.' || c == '~';
}

void append_field_line(std::string& out, std::string_view name, std::string_view value) {
  out.append(name).append(": ");
  for (const char c : value)  // no value ends the line it stands on
    out += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
  out += "\r\n";
}

}  // namespace

std::string url_encode(std::string_view text) {
  static constexpr char hex[] = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (is_plain(c))
      out += c;
    else
      out.append({'%', hex[byte >> 4], hex[byte & 15]});
  }
  return out;
}

result<client::address> client::read_address(std::string_view text) {
  address to;
  auto rest = text;
  if (rest.starts_with("https://")) {
    to.secure = true;
    rest.remove_prefix(8);
  } else if (rest.starts_with("http://")) {
    rest.remove_prefix(7);
  }
  const auto slash = rest.find('/');
  if (slash != std::string_view::npos) {
    to.prefix = rest.substr(slash);
    while (to.prefix.ends_with('/'))
      to.prefix.pop_back();
    rest = rest.substr(0, slash);
  }
  const auto colon = rest.rfind(':');
  const bool bracketed = rest.starts_with('[');
  const bool has_port = colon != std::string_view::npos && (!bracketed || rest.find(']') < colon) &&
                        (bracketed || rest.find(':') == colon);
  to.host = rest.substr(0, has_port ? colon : rest.size());
  to.port = has_port ? std::string(rest.substr(colon + 1)) : to.secure ? "443" : "80";
  if (bracketed && to.host.ends_with(']'))
    to.host = to.host.substr(1, to.host.size() - 2);
  unsigned port = 0;
  const auto [end, bad] = std::from_chars(to.port.data(), to.port.data() + to.port.size(), port);
  const bool fine = bad == std::errc{} && end == to.port.data() + to.port.size() && port > 0 &&
                    port < 65536 && !to.host.empty() &&
                    to.host.find_first_of(" \t\r\n@/?#") == std::string::npos;
  if (!fine)
    return failure{errc::invalid,
                   "must be http://host:port or https://host:port, not '" + std::string(text) + "'",
                   "server"};
  return to;
}

result<client> client::make(client_options options) {
  auto to = read_address(options.server);
  if (!to)
    return std::move(to).error();
  net::ssl::context tls(net::ssl::context::tls_client);
  if (to->secure)
    if (auto ok = prepare_tls(tls, options.ca_file); !ok)
      return std::move(ok).error();
  return client(std::move(options), std::move(*to));
}

std::string client::bytes_of(const client_request& request) const {
  std::string out = request.verb + " " + to_.prefix + request.target + " HTTP/1.1\r\n";
  const bool v6 = to_.host.find(':') != std::string::npos;
  append_field_line(out, "Host", (v6 ? "[" + to_.host + "]" : to_.host) + ":" + to_.port);
  append_field_line(out, "User-Agent", options_.agent);
  append_field_line(out, "Connection", "close");
  if (!options_.token.empty())
    append_field_line(out, "Authorization", "Bearer " + options_.token);
  for (const auto& [name, value] : request.headers)
    append_field_line(out, name, value);
  if (!request.body.empty())
    append_field_line(out, "Content-Type", request.type);
  if (!request.body.empty() || request.verb != "GET")
    append_field_line(out, "Content-Length", std::to_string(request.body.size()));
  return out + "\r\n" + request.body;
}

result<client_answer> client::talk(const client_request& request, duration limit, bool* sent,
                                   const std::function<bool(std::string_view)>* more) {
  net::ssl::context tls(net::ssl::context::tls_client);
  if (to_.secure)
    if (auto ok = prepare_tls(tls, options_.ca_file); !ok)
      return std::move(ok).error();
  net::io_context context;
  conversation one(context, to_.secure ? &tls : nullptr, to_.host, to_.port);
  net::co_spawn(context, one.run(bytes_of(request), request.verb == "HEAD", more), net::detached);
  // Of a stream, `limit` is the silence that is borne; of a call, all of it.
  const auto begun = steady::now();
  while (!one.done() && steady::now() - (more != nullptr ? one.heard() : begun) < limit)
    context.run_one_until((more != nullptr ? one.heard() : begun) + limit);
  if (sent != nullptr)
    *sent = one.sent();
  if (!one.done())
    return failure{one.sent() ? errc::in_doubt : errc::unavailable,
                   "no answer within " + format_duration(limit)};
  if (one.failed())
    return std::move(*one.failed());
  return std::move(one.answer());
}

result<client_answer> client::call(const client_request& request, duration limit, bool* sent) {
  return talk(request, limit, sent, nullptr);
}

result<client_answer> client::stream(const client_request& request, duration silence,
                                     const std::function<bool(std::string_view)>& more) {
  return talk(request, silence, nullptr, &more);
}

}  // namespace orrery::http
