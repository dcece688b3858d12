#pragma once
/// One connection of the server. Internal to http/: includes Asio and Beast.

#include "http/lane.hpp"

#include <boost/asio/as_tuple.hpp>
#include "domain/trace.hpp"

#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>

#include <optional>
#include <string>

namespace orrery::http {

namespace beast = boost::beast;

/// How a session waits for its socket: what went wrong is a value, not thrown.
inline constexpr auto lane_token = net::as_tuple(net::use_awaitable_t<lane_executor>{});

inline std::string_view view(beast::string_view text) { return {text.data(), text.size()}; }

/// Reads requests, has them answered, writes the answers in order. Lives in the frame of `serve`.
class session final : public connection {
public:
  session(lane& home, lane_socket socket, connection_ticket ticket,
          std::shared_ptr<net::ssl::context> tls);
  ~session() override;

  lane_task<void> run();

  void sweep(steady::time_point now) override;
  void drain() override;
  void abort() override;

private:
  /// What the session waits for; says what a passed deadline means.
  enum class phase : uint8_t {
    first,
    idle,
    header,
    body,
    asking,
    handling,
    writing,
    streaming,
    lingering
  };
  enum class verdict : uint8_t { need_more, asks, complete, refused, gone };

  void begin_request();
  verdict parse();
  lane_task<verdict> receive();
  lane_task<verdict> authenticate();
  lane_task<void> handle();
  lane_task<bool> flush();
  lane_task<void> send_events(response answer);
  lane_task<void> linger();

  lane_task<bool> shake_hands();
  lane_task<size_t> read_some(net::mutable_buffer into, beast::error_code& error);
  lane_task<size_t> write_some(net::const_buffer from, beast::error_code& error);

  // What surrounds every answer (session_edges.cpp).
  bool check_edges();
  bool check_origin();
  void finish_answer(response& answer);

  verdict parse_failed(beast::error_code error);
  // Of a whole header, in this order. False = refused, the answer is written.
  bool check_header();
  bool check_framing();
  bool find_handler();
  // Who asks and whether he may (session_access.cpp). After `identify` a credential that is not known here
  // is in `credential_`, to be asked for; else `admit` decides.
  bool identify(bool is_open);
  bool admit();
  bool within_rate();
  void become(principal who);
  void refuse_access(int status, std::string_view detail, std::string_view reason);
  audit_entry entry(std::string_view outcome, std::string_view reason) const;
  void note_change(int status);
  void read_client_address();
  bool check_content();
  // The span of the request (session_trace.cpp).
  void begin_span();
  void end_span(int status);
  bool copy_fields();

  void enter(phase next, duration limit);
  verdict refuse(int status, std::string_view detail);
  verdict refuse(response answer, bool close);
  void write(response answer);
  std::string_view field(beast::http::field name) const;
  bool has_body() const;
  size_t body_limit() const;

  lane& lane_;
  lane_socket socket_;
  std::shared_ptr<net::ssl::context> tls_context_;
  std::optional<net::ssl::stream<lane_socket&>> tls_;
  connection_ticket ticket_;
  phase phase_ = phase::first;
  steady::time_point deadline_;
  beast::flat_buffer buffer_;
  size_t read_size_ = 2048;  ///< Grows with what the client sends at once; idle ones stay small.
  std::optional<beast::http::request_parser<beast::http::string_body>> parser_;
  size_t header_bytes_ = 0;
  size_t body_bytes_ = 0;
  bool header_checked_ = false;
  exchange_ptr exchange_;
  std::shared_ptr<stream_signal> more_;  ///< Of the stream that is being sent.
  exchange_ptr asking_;                  ///< While accounts are asked who this is.
  std::optional<response>
      unmatched_;           ///< What a path without a route is answered, once it is known who asks.
  std::string credential_;  ///< Not empty = still to be asked about.
  std::string peer_;        ///< Address of the other end, without port.
  std::optional<span> span_;  ///< Of the request, where it is traced.
  std::string lines_;         ///< Header lines of the next answer.
  std::string out_;
  bool served_ = false;  ///< At least one request has been answered.
  bool timed_out_ = false;
  bool closing_ = false;  ///< No request after this one.
  bool aborted_ = false;
  bool unread_ = false;  ///< The client may still be sending what we will not read.
};

}  // namespace orrery::http
