#pragma once
/// A small HTTP/1.1 client for measuring: keep-alive, one request at a time per connection, little
/// CPU of its own, since it shares the machine with what it measures. IPv4 only.

#include <chrono>
#include <cstddef>
#include <string>

namespace orrery::bench {

using steady = std::chrono::steady_clock;

/// Says why on stderr and ends the process: a measurement that went wrong has no figure.
[[noreturn]] void give_up(const std::string& why);

/// One non-blocking connection. Connects at construction; an error ends the process.
class connection {
public:
  /// `address` is `host:port`. Bodies of answers are kept only with `keep_body`.
  connection(const std::string& address, bool keep_body);
  ~connection();
  connection(const connection&) = delete;
  connection& operator=(const connection&) = delete;

  /// Begins a request and sends what the socket takes; `request` must live until it is answered.
  void start(const std::string& request);
  /// Sends and receives as far as the socket allows; true once the answer is complete.
  bool go_on();

  int socket() const noexcept { return socket_; }
  /// Whether the server has closed it, between two requests.
  bool closed() const noexcept;
  bool busy() const noexcept { return request_ != nullptr; }
  int status() const noexcept { return status_; }
  const std::string& body() const noexcept { return body_; }
  /// What the caller counts the request's time from.
  steady::time_point began{};

private:
  void send_more();
  bool take(const char* data, size_t size);
  void read_head();

  int socket_ = -1;
  bool keep_body_;
  const std::string* request_ = nullptr;
  size_t sent_ = 0;
  bool in_body_ = false;
  std::string head_;
  size_t body_left_ = 0;
  std::string body_;
  int status_ = 0;
};

/// The bytes of a POST of JSON. `headers` are whole lines with their ends.
std::string post(const std::string& target, const std::string& body,
                 const std::string& headers = {});

/// One GET on a connection that keeps bodies; waits for the answer.
std::string get(connection& line, const std::string& target);

}  // namespace orrery::bench
