#include "bench/http_client.hpp"

#include <arpa/inet.h>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

namespace orrery::bench {

void give_up(const std::string& why) {
  std::fprintf(stderr, "load: %s\n", why.c_str());
  std::exit(1);
}

connection::connection(const std::string& address, bool keep_body) : keep_body_(keep_body) {
  const auto colon = address.rfind(':');
  sockaddr_in to{};
  to.sin_family = AF_INET;
  if (colon == std::string::npos ||
      ::inet_pton(AF_INET, address.substr(0, colon).c_str(), &to.sin_addr) != 1)
    give_up("an address is host:port: " + address);
  to.sin_port = htons(static_cast<uint16_t>(std::atoi(address.c_str() + colon + 1)));
  socket_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (socket_ < 0 || ::connect(socket_, reinterpret_cast<sockaddr*>(&to), sizeof to) != 0)
    give_up("cannot connect to " + address + ": " + std::strerror(errno));
  const int yes = 1;
  ::setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
  ::fcntl(socket_, F_SETFL, ::fcntl(socket_, F_GETFL) | O_NONBLOCK);
}

connection::~connection() { ::close(socket_); }

void connection::start(const std::string& request) {
  request_ = &request;
  sent_ = 0;
  in_body_ = false;
  head_.clear();
  body_.clear();
  send_more();
}

bool connection::closed() const noexcept {
  char one = 0;
  return ::recv(socket_, &one, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
}

void connection::send_more() {
  while (request_ != nullptr && sent_ < request_->size()) {
    const auto n =
        ::send(socket_, request_->data() + sent_, request_->size() - sent_, MSG_NOSIGNAL);
    if (n < 0 && errno == EAGAIN)
      return;
    if (n < 0)
      give_up(std::string("send: ") + std::strerror(errno));
    sent_ += static_cast<size_t>(n);
  }
}

bool connection::go_on() {
  send_more();
  char buffer[65'536];
  while (request_ != nullptr) {
    const auto n = ::recv(socket_, buffer, sizeof buffer, 0);
    if (n < 0 && errno == EAGAIN)
      return false;
    if (n <= 0)
      give_up(n == 0 ? "the server closed the connection"
                     : std::string("recv: ") + std::strerror(errno));
    if (take(buffer, static_cast<size_t>(n)))
      request_ = nullptr;
  }
  return true;
}

/// True when the answer is complete. The server sends nothing before it is asked again.
bool connection::take(const char* data, size_t size) {
  if (!in_body_) {
    const auto before = head_.size();
    head_.append(data, size);
    const auto end = head_.find("\r\n\r\n", before < 3 ? 0 : before - 3);
    if (end == std::string::npos)
      return false;
    const auto head_in_data = end + 4 - before;
    head_.resize(end + 2);
    read_head();
    data += head_in_data;
    size -= head_in_data;
  }
  if (size > body_left_)
    give_up("more bytes than the answer has");
  if (keep_body_)
    body_.append(data, size);
  body_left_ -= size;
  return body_left_ == 0;
}

void connection::read_head() {
  in_body_ = true;
  status_ = head_.size() > 12 ? std::atoi(head_.c_str() + 9) : 0;
  constexpr char name[] = "\r\nContent-Length:";
  for (size_t at = 0; (at = head_.find("\r\n", at)) != std::string::npos; ++at) {
    if (::strncasecmp(head_.c_str() + at, name, sizeof name - 1) == 0) {
      body_left_ = std::strtoul(head_.c_str() + at + sizeof name - 1, nullptr, 10);
      return;
    }
  }
  give_up("an answer without Content-Length: " + head_);
}

std::string post(const std::string& target, const std::string& body, const std::string& headers) {
  return "POST " + target + " HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\n" +
         headers + "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

std::string get(connection& line, const std::string& target) {
  const std::string request = "GET " + target + " HTTP/1.1\r\nHost: bench\r\n\r\n";
  line.start(request);
  while (!line.go_on()) {
    pollfd wait{line.socket(), POLLIN, 0};
    if (::poll(&wait, 1, 10'000) == 0)
      give_up("no answer to GET " + target);
  }
  if (line.status() != 200)
    give_up("GET " + target + " answered " + std::to_string(line.status()));
  return line.body();
}

}  // namespace orrery::bench
