#include "tests/unit/http/sockets.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>

namespace orrery::test {

namespace {

constexpr int patience_ms = 10'000;

sockaddr_in loopback(uint16_t port) {
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  at.sin_port = htons(port);
  return at;
}

bool send_all(int socket, std::string_view bytes) {
  while (!bytes.empty()) {
    const auto n = ::send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (n <= 0)
      return false;
    bytes.remove_prefix(static_cast<size_t>(n));
  }
  return true;
}

std::string lower(std::string text) {
  for (auto& c : text)
    c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return text;
}

size_t content_length(const std::string& head) {
  const auto at = lower(head).find("\r\ncontent-length:");
  return at == std::string::npos ? 0 : std::strtoul(head.c_str() + at + 17, nullptr, 10);
}

}  // namespace

raw_client::raw_client(const std::string& address) {
  socket_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const timeval patience{patience_ms / 1000, 0};
  setsockopt(socket_, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
  const auto port = std::stoul(address.substr(address.rfind(':') + 1));
  const auto at = loopback(static_cast<uint16_t>(port));
  if (connect(socket_, reinterpret_cast<const sockaddr*>(&at), sizeof at) != 0)
    close();
}

raw_client::~raw_client() { close(); }

void raw_client::close() {
  if (socket_ >= 0)
    ::close(socket_);
  socket_ = -1;
}

bool raw_client::send(std::string_view bytes) { return send_all(socket_, bytes); }

bool raw_client::fill() {
  pollfd ready{socket_, POLLIN, 0};
  if (socket_ < 0 || poll(&ready, 1, patience_ms) <= 0)
    return false;
  char bytes[16384];
  const auto n = recv(socket_, bytes, sizeof bytes, 0);
  if (n <= 0)
    return false;
  buffer_.append(bytes, static_cast<size_t>(n));
  return true;
}

bool raw_client::read_until(std::string_view part) {
  while (buffer_.find(part) == std::string::npos)
    if (!fill())
      return false;
  return true;
}

http_answer raw_client::read(bool head) {
  http_answer out;
  size_t end = 0;
  while ((end = buffer_.find("\r\n\r\n")) == std::string::npos)
    if (!fill())
      return out;
  const auto text = buffer_.substr(0, end + 2);
  buffer_.erase(0, end + 4);
  out.status = std::atoi(text.c_str() + 9);
  for (auto at = text.find("\r\n") + 2; at < text.size();) {
    const auto line_end = text.find("\r\n", at);
    const auto line = text.substr(at, line_end - at);
    if (const auto colon = line.find(": "); colon != std::string::npos)
      out.fields[lower(line.substr(0, colon))] = line.substr(colon + 2);
    at = line_end + 2;
  }
  const auto length = head ? 0 : std::strtoul(out.field("content-length").c_str(), nullptr, 10);
  while (buffer_.size() < length)
    if (!fill())
      return {};
  out.body = buffer_.substr(0, length);
  buffer_.erase(0, length);
  return out;
}

bool raw_client::closed() {
  pollfd ready{socket_, POLLIN, 0};
  if (!buffer_.empty() || socket_ < 0 || poll(&ready, 1, patience_ms) <= 0)
    return false;
  char byte;
  return recv(socket_, &byte, 1, 0) <= 0;
}

http_answer raw_client::request(std::string_view method, std::string_view target,
                                std::string_view body, std::string_view fields) {
  std::string text;
  text.append(method).append(" ").append(target).append(" HTTP/1.1\r\nHost: test\r\n");
  text.append(fields);
  if (!body.empty() || method == "POST")
    text.append("Content-Length: ").append(std::to_string(body.size())).append("\r\n");
  send(text.append("\r\n").append(body));
  return read(method == "HEAD");
}

http_answer ask(const std::string& address, std::string_view method, std::string_view target,
                std::string_view body, std::string_view fields) {
  return raw_client(address).request(method, target, body, fields);
}

raw_server::raw_server(std::function<std::string(const std::string&)> answer)
    : answer_(std::move(answer)) {
  listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  auto at = loopback(0);
  socklen_t size = sizeof at;
  ::bind(listener_, reinterpret_cast<const sockaddr*>(&at), sizeof at);
  ::listen(listener_, 64);
  getsockname(listener_, reinterpret_cast<sockaddr*>(&at), &size);
  port_ = ntohs(at.sin_port);
  acceptor_ = std::jthread([this] {
    for (;;) {
      const int connection = ::accept(listener_, nullptr, nullptr);
      if (connection < 0)
        return;
      threads_.emplace_back([this, connection] { serve(connection); });
    }
  });
}

raw_server::~raw_server() {
  {
    const std::lock_guard lock(guard_);
    stopping_ = true;
  }
  shutdown(listener_, SHUT_RDWR);
  acceptor_.join();
  ::close(listener_);
  threads_.clear();
}

std::vector<std::string> raw_server::requests() const {
  const std::lock_guard lock(guard_);
  return requests_;
}

size_t raw_server::left_by_client() const {
  const std::lock_guard lock(guard_);
  return left_;
}

void raw_server::serve(int connection) {
  std::string request;
  char bytes[16384];
  for (size_t head = std::string::npos;;) {
    const auto n = recv(connection, bytes, sizeof bytes, 0);
    if (n <= 0)
      break;
    request.append(bytes, static_cast<size_t>(n));
    head = request.find("\r\n\r\n");
    if (head != std::string::npos && request.size() >= head + 4 + content_length(request))
      break;
  }
  {
    const std::lock_guard lock(guard_);
    requests_.push_back(request);
  }
  auto answer = answer_(request);
  const bool hang = answer.starts_with("hang");
  send_all(connection, hang ? std::string_view(answer).substr(4) : std::string_view(answer));
  while (hang) {
    pollfd ready{connection, POLLIN, 0};
    const bool gone = poll(&ready, 1, 20) > 0 && recv(connection, bytes, sizeof bytes, 0) <= 0;
    const std::lock_guard lock(guard_);
    left_ += gone ? 1 : 0;
    if (gone || stopping_)
      break;
  }
  ::close(connection);
}

bool soon(const std::function<bool()>& condition) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  while (!condition()) {
    if (std::chrono::steady_clock::now() > end)
      return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  return true;
}

}  // namespace orrery::test
