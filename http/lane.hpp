#pragma once
/// One io thread of the server with its connections. Internal to http/: includes Asio.

#include "http/exchange.hpp"
#include "http/probe.hpp"
#include "http/rate_limiter.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/steady_timer.hpp>

#include <chrono>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <vector>

namespace orrery::http {

namespace net = boost::asio;
using steady = std::chrono::steady_clock;
using lane_executor = net::io_context::executor_type;
using lane_socket = net::basic_stream_socket<net::ip::tcp, lane_executor>;
template <class T>
using lane_task = net::awaitable<T, lane_executor>;

/// A connection as its lane sees it. Called on the lane's thread only.
class connection {
public:
  virtual ~connection() = default;
  virtual void sweep(steady::time_point now) = 0;  ///< Enforces the deadline of the present wait.
  virtual void drain() = 0;                        ///< Ends where idle, else after the answer.
  virtual void abort() = 0;                        ///< Ends now.
  size_t place = 0;                                ///< Kept by the lane.
};

/// Counts a connection for as long as it lives.
class connection_ticket {
public:
  explicit connection_ticket(std::shared_ptr<probe> counts) : counts_(std::move(counts)) {
    counts_->connections.fetch_add(1);
    counts_->connections_accepted.fetch_add(1, std::memory_order_relaxed);
  }
  connection_ticket(connection_ticket&&) = default;
  connection_ticket& operator=(connection_ticket&&) = delete;
  ~connection_ticket() {
    if (counts_)
      counts_->connections.fetch_sub(1);
  }

private:
  std::shared_ptr<probe> counts_;
};

/// An io_context with one thread, so that its connections need no lock. Sockets may be accepted
/// into `context` from elsewhere; everything else happens on the thread.
///
/// Deadlines are swept ten times a second instead of a timer per operation: a request then costs
/// one store instead of arming and cancelling three timers.
class lane {
public:
  lane(const server_options& how, front_door& gate, std::shared_ptr<probe> counters,
       rate_limiter& limiter, size_t number);
  ~lane();
  lane(const lane&) = delete;
  lane& operator=(const lane&) = delete;

  void start();
  /// Ask all connections to end, from any thread; `now` = without waiting for answers.
  void end_connections(bool now);
  /// Ends the thread. Call after the connections have ended.
  void stop();

  void add(connection& c);
  void remove(connection& c);
  std::string_view date() const noexcept { return date_; }
  std::string make_request_id();
  /// For ids; of no use where somebody must not guess it.
  uint64_t random() { return random_(); }
  bool draining() const noexcept { return draining_; }

  const server_options& options;
  front_door& door;
  const std::shared_ptr<probe> counts;
  rate_limiter& limits;
  net::io_context context{1};

private:
  void schedule_sweep();
  void sweep();

  const size_t number_;
  net::executor_work_guard<lane_executor> work_;
  net::steady_timer timer_;
  std::vector<connection*> connections_;
  std::string date_;
  int64_t date_second_ = 0;
  std::string id_prefix_;
  uint64_t id_count_ = 0;
  std::mt19937_64 random_{std::random_device{}()};
  bool draining_ = false;
  std::jthread thread_;
};

/// Serves one connection to its end (session.cpp).
/// `tls` null = without.
lane_task<void> serve(lane& home, lane_socket socket, connection_ticket ticket,
                      std::shared_ptr<net::ssl::context> tls);

}  // namespace orrery::http
