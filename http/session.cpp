/// The life of a connection: reading, waiting for answers, writing, deadlines.

#include "http/session.hpp"

#include "http/api.hpp"
#include "http/problem.hpp"
#include "http/repeats.hpp"
#include "http/routes.hpp"
#include "http/wire.hpp"

#include "base/log.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <tuple>

namespace orrery::http {

namespace {

constexpr size_t read_size_max = 64 * 1024;
constexpr size_t out_size_max = 64 * 1024;
constexpr size_t linger_bytes_max = 1024 * 1024;
/// How long a server that stops waits for the first request of a connection.
constexpr duration last_request_patience = 1s;

/// Resumes when the exchange has been answered.
template <class Token>
auto async_answer(exchange_ptr ex, lane_executor home, Token&& completion) {
  return net::async_initiate<Token, void()>(
      [ex = std::move(ex), home](auto handler) {
        auto shared = std::make_shared<decltype(handler)>(std::move(handler));
        ex->when_answered([shared, home] { net::post(home, [shared] { std::move (*shared)(); }); });
      },
      completion);
}

}  // namespace

lane_task<void> serve(lane& home, lane_socket socket, connection_ticket ticket,
                      std::shared_ptr<net::ssl::context> tls) {
  session one(home, std::move(socket), std::move(ticket), std::move(tls));
  try {
    co_await one.run();
  } catch (const std::exception& e) {
    // Memory, most likely; the connection ends, the others go on.
    log::error("http.session_failed", {{"what", e.what()}});
  }
}

session::session(lane& home, lane_socket socket, connection_ticket ticket,
                 std::shared_ptr<net::ssl::context> tls)
    : lane_(home),
      socket_(std::move(socket)),
      tls_context_(std::move(tls)),
      ticket_(std::move(ticket)) {
  beast::error_code ignored;
  socket_.set_option(net::ip::tcp::no_delay(true), ignored);
  socket_.non_blocking(true, ignored);
  if (const auto other = socket_.remote_endpoint(ignored); !ignored)
    peer_ = other.address().to_string();
  enter(phase::first, lane_.draining() ? last_request_patience : lane_.options.read_timeout);
  lane_.add(*this);
}

session::~session() {
  lane_.remove(*this);
  if (exchange_)
    exchange_->close();
  if (more_)
    more_->close();
  if (asking_)
    asking_->close();
}

lane_task<void> session::run() {
  if (!co_await shake_hands())
    co_return;
  while (!closing_ && (!served_ || !lane_.draining())) {
    begin_request();
    auto v = parse();
    while (v == verdict::need_more || v == verdict::asks) {
      if (v == verdict::need_more)
        v = co_await receive();
      else
        v = co_await authenticate();
    }
    if (v == verdict::gone)
      break;
    if (v == verdict::complete)
      co_await handle();
    served_ = true;
    if ((closing_ || buffer_.size() == 0 || out_.size() > out_size_max) && !co_await flush())
      co_return;
  }
  if (!out_.empty() && !co_await flush())
    co_return;
  if (unread_)
    co_await linger();
  beast::error_code ignored;
  if (tls_)
    tls_->shutdown(ignored);  // says so and does not wait for the other side
  socket_.shutdown(lane_socket::shutdown_both, ignored);
}

void session::begin_request() {
  parser_.emplace();
  parser_->body_limit(lane_.options.batch_bytes_max);
  parser_->header_limit(static_cast<uint32_t>(lane_.options.header_bytes_max));
  header_bytes_ = body_bytes_ = 0;
  header_checked_ = timed_out_ = false;
  unmatched_.reset();
  credential_.clear();
  lines_.clear();
  span_.reset();
  // An exchange that a late callback still holds is left to it.
  if (exchange_ && exchange_.use_count() == 1) {
    exchange_->reset();
  } else {
    if (exchange_)
      exchange_->close();
    exchange_ = std::make_shared<exchange>(lane_.options, lane_.door, lane_.counts);
  }
  if (served_)
    enter(phase::idle, lane_.options.idle_timeout);
}

session::verdict session::parse() {
  while (!parser_->is_done()) {
    if (buffer_.size() == 0)
      return verdict::need_more;
    if (phase_ == phase::idle || phase_ == phase::first)
      enter(phase::header, lane_.options.read_timeout);
    beast::error_code error;
    const auto used = parser_->put(buffer_.data(), error);
    buffer_.consume(used);
    (header_checked_ ? body_bytes_ : header_bytes_) += used;
    // Beast's own limit holds per call of `put`; a header that trickles in must not escape it.
    const auto pending = header_checked_ ? 0 : buffer_.size();
    const bool header_done = parser_->is_header_done();
    if (!header_checked_ &&
        header_bytes_ + (header_done ? 0 : pending) > lane_.options.header_bytes_max)
      return refuse(431, "the header is larger than the limit");
    if (error && error != beast::http::error::need_more)
      return parse_failed(error);
    if (header_done && !header_checked_) {
      header_checked_ = true;
      if (!check_header())
        return verdict::refused;
      if (!credential_.empty())
        return verdict::asks;
      if (!admit())
        return verdict::refused;
      if (!parser_->is_done()) {
        enter(phase::body, lane_.options.read_timeout);
        parser_->body_limit(body_limit());
      }
      continue;
    }
    if (error == beast::http::error::need_more) {
      // Chunk headers and trailers are read whole; nobody needs long ones.
      if (header_checked_ && buffer_.size() >= read_size_max)
        return refuse(400, "a chunk header or trailer is too long");
      return verdict::need_more;
    }
  }
  return verdict::complete;
}

session::verdict session::parse_failed(beast::error_code error) {
  if (error == beast::http::error::header_limit)
    return refuse(431, "the header is larger than the limit");
  if (error == beast::http::error::body_limit)
    return refuse(413, "the body is larger than the limit");
  return refuse(400, "the request cannot be read: " + error.message());
}

lane_task<session::verdict> session::receive() {
  for (;;) {
    if (!out_.empty() && !co_await flush())
      co_return verdict::gone;
    beast::error_code error;
    size_t n = 0;
    if (tls_)
      n = co_await read_some(buffer_.prepare(read_size_), error);
    else
      std::tie(error, n) =
          co_await socket_.async_read_some(buffer_.prepare(read_size_), lane_token);
    if (timed_out_ && (phase_ == phase::header || phase_ == phase::body))
      co_return refuse(408, "the request did not arrive in time");
    if (error || closing_)
      co_return verdict::gone;
    buffer_.commit(n);
    if (n == read_size_ && read_size_ < read_size_max)
      read_size_ *= 2;
    // A body may take longer as long as it comes at 64 KiB a second.
    if (phase_ == phase::body)
      deadline_ += std::chrono::nanoseconds(n * 1'000'000'000 / (64 * 1024));
    if (const auto v = parse(); v != verdict::need_more)
      co_return v;
  }
}

/// Asks accounts who this is, then goes on where the header ended.
lane_task<session::verdict> session::authenticate() {
  if (!out_.empty() && !co_await flush())
    co_return verdict::gone;
  enter(phase::asking, lane_.options.request_timeout);
  asking_ = std::make_shared<exchange>(lane_.options, lane_.door, lane_.counts);
  lane_.options.who->check(std::exchange(credential_, {}),
                           [asked = asking_](result<principal> found) {
                             if (!found)
                               return asked->fail(found.error());
                             asked->in.who = std::move(*found);
                             asked->finish({});
                           });
  co_await async_answer(asking_, lane_.context.get_executor(),
                        net::use_awaitable_t<lane_executor>{});
  const auto told = asking_->take();
  const auto asked = std::exchange(asking_, nullptr);
  if (closing_)
    co_return verdict::gone;
  if (told.status == 409) {  // `rejected`: it is no credential
    refuse_access(401, "the credential is not valid", "not a valid credential");
    co_return verdict::refused;
  }
  if (told.status != 200)
    co_return refuse(told, has_body());
  become(std::move(asked->in.who));
  if (!admit())
    co_return verdict::refused;
  if (!parser_->is_done()) {
    enter(phase::body, lane_.options.read_timeout);
    parser_->body_limit(body_limit());
  }
  co_return parse();
}

lane_task<void> session::handle() {
  const auto* matched = exchange_->matched;
  exchange_->in.body = std::move(parser_->get().body());
  enter(phase::handling, lane_.options.request_timeout + exchange_->in.wait);
  const auto begun = steady::now();
  lane_.counts->in_flight.fetch_add(1, std::memory_order_relaxed);
  try {
    if (auto fits = check_request(exchange_->in, *matched); !fits)
      exchange_->fail(fits.error());
    else if (exchange_->in.idempotency_key && !matched->submits && lane_.options.answers != nullptr)
      handle_once(exchange_);
    else
      matched->handle(exchange_);
  } catch (const std::exception& e) {
    log::error("http.route_failed", {{"route", matched->pattern}, {"what", e.what()}});
    exchange_->finish(plain_problem(500, "the request could not be handled", exchange_->in.target));
  }
  if (!exchange_->answered()) {
    // Answers of requests before this one must not wait for it.
    if (out_.empty() || co_await flush()) {
      enter(phase::handling, lane_.options.request_timeout + exchange_->in.wait);
      co_await async_answer(exchange_, lane_.context.get_executor(),
                            net::use_awaitable_t<lane_executor>{});
    } else {
      closing_ = true;
    }
  }
  lane_.counts->in_flight.fetch_sub(1, std::memory_order_relaxed);
  lane_.counts->note_time(matched, std::chrono::duration_cast<duration>(steady::now() - begun));
  if (exchange_->answered()) {
    auto answer = exchange_->take();
    note_change(answer.status);
    if (answer.stream)
      co_await send_events(std::move(answer));
    else
      write(std::move(answer));
  }
}

lane_task<bool> session::flush() {
  enter(phase::writing, lane_.options.write_timeout);
  size_t sent = 0;
  while (sent < out_.size()) {
    // The socket can nearly always take it at once, which saves a turn of the event loop.
    beast::error_code error;
    const auto rest = net::buffer(out_.data() + sent, out_.size() - sent);
    size_t n = tls_ ? 0 : socket_.write_some(rest, error);
    if (tls_ || error == net::error::would_block)
      n = co_await write_some(rest, error);
    if (error) {
      closing_ = true;
      co_return false;
    }
    sent += n;
  }
  out_.clear();
  if (out_.capacity() > out_size_max * 4)
    out_.shrink_to_fit();
  // Back to what it was: `receive` flushes in the middle of a request.
  if (header_checked_ && !parser_->is_done())
    enter(phase::body, lane_.options.read_timeout);
  else
    enter(served_ ? phase::idle : phase::first,
          served_ ? lane_.options.idle_timeout : lane_.options.read_timeout);
  co_return true;
}

/// A socket closed with unread bytes is reset, and the reset may overtake our answer: so we say
/// that we are done and read away what still comes, within limits.
lane_task<void> session::linger() {
  enter(phase::lingering, 2s);
  beast::error_code ignored;
  if (tls_)
    tls_->shutdown(ignored);
  socket_.shutdown(lane_socket::shutdown_send, ignored);
  size_t total = 0;
  buffer_.clear();
  while (total < linger_bytes_max) {
    auto [error, n] = co_await socket_.async_read_some(buffer_.prepare(read_size_max), lane_token);
    if (error)
      co_return;
    total += n;
  }
}

void session::sweep(steady::time_point now) {
  if (now < deadline_)
    return;
  beast::error_code ignored;
  switch (phase_) {
    case phase::handling:
      exchange_->finish(plain_problem(504, "no answer in time", exchange_->in.target));
      deadline_ = steady::time_point::max();
      return;
    case phase::streaming:
      deadline_ = steady::time_point::max();
      more_->raise();
      return;
    case phase::asking:
      asking_->fail({errc::unavailable, "who this is could not be found out in time"});
      deadline_ = steady::time_point::max();
      return;
    case phase::first:
    case phase::idle:
    case phase::header:
    case phase::body:
      timed_out_ = true;
      closing_ = true;
      socket_.cancel(ignored);
      return;
    case phase::writing:
    case phase::lingering:
      closing_ = true;
      socket_.close(ignored);
      return;
  }
}

/// Who has just connected is about to ask, and is answered once; an idle connection is over.
void session::drain() {
  if (phase_ == phase::first)
    deadline_ = std::min(deadline_, steady::now() + last_request_patience);
  closing_ = closing_ || phase_ == phase::idle;
  beast::error_code ignored;
  if (phase_ == phase::idle || phase_ == phase::lingering)
    socket_.cancel(ignored);
  if (more_)
    more_->raise();
}

void session::abort() {
  closing_ = aborted_ = true;
  if (more_)
    more_->raise();
  if (phase_ == phase::asking)
    asking_->fail({errc::unavailable, "the node is stopping"});
  if (phase_ == phase::handling)
    exchange_->finish(plain_problem(503, "the node is stopping", exchange_->in.target));
  beast::error_code ignored;
  socket_.close(ignored);
}

void session::enter(phase next, duration limit) {
  phase_ = next;
  deadline_ = steady::now() + limit;
}

void session::write(response answer) {
  finish_answer(answer);
  closing_ = closing_ || lane_.draining() || !parser_->keep_alive();
  wire_context context;
  context.date = lane_.date();
  context.request_id = exchange_->in.request_id;
  context.close = closing_;
  context.version_1_0 = parser_->is_header_done() && parser_->get().version() == 10;
  context.more = lines_;
  context.head_only = exchange_->in.verb == method::head;
  append_response(out_, answer, context);
  lane_.counts->count_answer(exchange_->matched, answer.status);
  if (span_)
    end_span(answer.status);
}

session::verdict session::refuse(int status, std::string_view detail) {
  return refuse(plain_problem(status, detail, exchange_->in.target), true);
}

session::verdict session::refuse(response answer, bool close) {
  if (close)
    closing_ = unread_ = true;
  write(std::move(answer));
  return verdict::refused;
}

}  // namespace orrery::http
