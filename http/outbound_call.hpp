#pragma once
/// One outbound call from resolving to the last byte. Internal to http/: includes Asio and OpenSSL.

#include "http/outbound.hpp"
#include "http/outbound_payload.hpp"

#include "base/worker.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/steady_timer.hpp>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace orrery::http {

/// What all calls share; outlives them.
struct outbound_world {
  const outbound_options& options;
  const host_rules& rules;
  boost::asio::io_context& context;
  boost::asio::ssl::context& tls;
  worker& resolvers;
};

/// Lives on the io thread. `run` ends soon after `abort`, whatever it waits for.
class outbound_call : public std::enable_shared_from_this<outbound_call> {
public:
  outbound_call(outbound_world& world, work_item work);

  boost::asio::awaitable<work_outcome> run();
  void abort();
  const work_item& item() const noexcept { return item_; }

private:
  using tcp = boost::asio::ip::tcp;
  /// Why a step ended the call; empty = go on.
  using trouble = std::optional<work_outcome>;

  boost::asio::awaitable<work_outcome> run_steps();
  boost::asio::awaitable<trouble> resolve();
  boost::asio::awaitable<trouble> connect();
  boost::asio::awaitable<trouble> secure();
  boost::asio::awaitable<void> send();
  boost::asio::awaitable<trouble> receive();
  boost::asio::awaitable<size_t> read_some(boost::asio::mutable_buffer into,
                                           boost::system::error_code& error);
  void start_clock();
  void close() noexcept;

  outbound_world& world_;
  work_item item_;
  outbound_request request_;
  result<std::vector<std::string>> addresses_ = std::vector<std::string>{};
  boost::asio::steady_timer clock_;     ///< Of the whole call.
  boost::asio::steady_timer resolved_;  ///< Cancelled when the resolver has answered.
  tcp::socket socket_;
  std::optional<boost::asio::ssl::stream<tcp::socket&>> tls_;
  std::string bytes_;  ///< To send.
  outbound_answer answer_;
  bool aborted_ = false;
  bool timed_out_ = false;
};

}  // namespace orrery::http
