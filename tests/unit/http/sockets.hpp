#pragma once
/// Plain sockets for tests of HTTP: a client that can say anything, and a server that answers
/// anything.

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

namespace orrery::test {

struct http_answer {
  int status = 0;                             ///< 0 = none came.
  std::map<std::string, std::string> fields;  ///< Names in lower case.
  std::string body;
  std::string field(const std::string& name) const {
    const auto it = fields.find(name);
    return it == fields.end() ? "" : it->second;
  }
};

inline bool has(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}
inline bool has(const http_answer& a, std::string_view part) { return has(a.body, part); }

/// One connection to a server on loopback. All waits end after ten seconds.
class raw_client {
public:
  /// `address` as `server::start` gives it.
  explicit raw_client(const std::string& address);
  ~raw_client();
  raw_client(const raw_client&) = delete;
  raw_client& operator=(const raw_client&) = delete;

  bool send(std::string_view bytes);
  /// Reads one answer; `head` = it has no body.
  http_answer read(bool head = false);
  /// Reads on until `part` has come; for answers without an end.
  bool read_until(std::string_view part);
  /// What `read_until` has read so far.
  std::string take_text() { return std::exchange(buffer_, {}); }
  /// True when the server has closed (or reset) and nothing more is to be read.
  bool closed();
  void close();

  /// One request and its answer, with the fields that every request needs.
  http_answer request(std::string_view method, std::string_view target, std::string_view body = {},
                      std::string_view fields = {});

private:
  bool fill();
  int socket_ = -1;
  std::string buffer_;
};

/// One request on a connection of its own.
http_answer ask(const std::string& address, std::string_view method, std::string_view target,
                std::string_view body = {}, std::string_view fields = {});

/// A server on 127.0.0.1 that hands every connection's first request to `answer`, which says what
/// bytes to send back, then closes. `{}` = close without a word; what begins with `hang` is sent
/// without that word and the connection is then left open until the server ends.
class raw_server {
public:
  explicit raw_server(std::function<std::string(const std::string& request)> answer);
  ~raw_server();
  uint16_t port() const noexcept { return port_; }
  std::vector<std::string> requests() const;
  /// Connections that the other side has closed while they were left open.
  size_t left_by_client() const;

private:
  void serve(int connection);
  std::function<std::string(const std::string&)> answer_;
  int listener_ = -1;
  uint16_t port_ = 0;
  mutable std::mutex guard_;
  std::vector<std::string> requests_;
  size_t left_ = 0;
  bool stopping_ = false;
  std::vector<std::jthread> threads_;
  std::jthread acceptor_;
};

/// Polls until `condition` holds; false after ten seconds.
bool soon(const std::function<bool()>& condition);

}  // namespace orrery::test
