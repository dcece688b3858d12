#include "tests/support/postgres.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>
#include <optional>
#include <stdexcept>

namespace orrery::test {

namespace {

constexpr int look_millis = 20;

class socket_handle {
public:
  explicit socket_handle(int fd) : fd_(fd) {}
  ~socket_handle() {
    if (fd_ >= 0)
      ::close(fd_);
  }
  socket_handle(const socket_handle&) = delete;
  socket_handle& operator=(const socket_handle&) = delete;
  int fd() const noexcept { return fd_; }

private:
  int fd_;
};

sockaddr_in loopback(uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  return address;
}

bool write_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const auto n = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (n <= 0)
      return false;
    bytes.remove_prefix(static_cast<size_t>(n));
  }
  return true;
}

bool readable(int fd, int millis) {
  pollfd look{fd, POLLIN, 0};
  return ::poll(&look, 1, millis) > 0;
}

/// Appends what there is; false at the end of the stream.
bool read_some(int fd, std::string& into) {
  char buffer[65536];
  const auto n = ::recv(fd, buffer, sizeof buffer, 0);
  if (n <= 0)
    return false;
  into.append(buffer, static_cast<size_t>(n));
  return true;
}

uint32_t length_at(std::string_view bytes, size_t at) {
  uint32_t n = 0;
  for (size_t i = 0; i < 4; ++i)
    n = n << 8 | static_cast<unsigned char>(bytes[at + i]);
  return n;
}

/// Length of the whole message that begins `bytes`, once that is known.
std::optional<size_t> message_length(std::string_view bytes, bool greeted) {
  const size_t before_length = greeted ? 1 : 0;
  if (bytes.size() < before_length + 4)
    return std::nullopt;
  const size_t whole = before_length + length_at(bytes, before_length);
  return bytes.size() < whole ? std::nullopt : std::optional(whole);
}

}  // namespace

postgres_proxy::postgres_proxy(uint16_t server_port) : server_port_(server_port) {
  listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  auto address = loopback(0);
  socklen_t length = sizeof address;
  if (::bind(listener_, reinterpret_cast<sockaddr*>(&address), length) != 0 ||
      ::listen(listener_, 16) != 0 ||
      ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &length) != 0)
    throw std::runtime_error("the proxy cannot listen");
  port_ = ntohs(address.sin_port);
  acceptor_ = std::jthread([this](const std::stop_token& stop) { accept_all(stop); });
}

postgres_proxy::~postgres_proxy() {
  acceptor_.request_stop();
  acceptor_.join();
  sessions_.clear();
  ::close(listener_);
}

void postgres_proxy::on_message(judge decide) {
  const std::lock_guard lock(guard_);
  judge_ = std::move(decide);
}

postgres_proxy::action postgres_proxy::ask(char type, std::string_view body) {
  const std::lock_guard lock(guard_);
  return judge_ ? judge_(type, body) : action::pass;
}

void postgres_proxy::accept_all(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    if (!readable(listener_, look_millis))
      continue;
    const int client = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (client >= 0)
      sessions_.emplace_back([this, client](const std::stop_token& s) { serve(client, s); });
  }
}

void postgres_proxy::serve(int client_fd, const std::stop_token& stop) {
  const socket_handle client(client_fd);
  const socket_handle server(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const auto address = loopback(server_port_);
  const int now = 1;
  ::setsockopt(client.fd(), IPPROTO_TCP, TCP_NODELAY, &now, sizeof now);
  ::setsockopt(server.fd(), IPPROTO_TCP, TCP_NODELAY, &now, sizeof now);
  if (::connect(server.fd(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    return;
  std::string from_client;
  bool greeted = false;
  while (!stop.stop_requested()) {
    pollfd look[2] = {{client.fd(), POLLIN, 0}, {server.fd(), POLLIN, 0}};
    if (::poll(look, 2, look_millis) <= 0)
      continue;
    std::string from_server;
    if (look[1].revents != 0 &&
        (!read_some(server.fd(), from_server) || !write_all(client.fd(), from_server)))
      return;
    if (look[0].revents != 0 && !read_some(client.fd(), from_client))
      return;
    while (const auto length = message_length(from_client, greeted)) {
      const auto message = std::string_view(from_client).substr(0, *length);
      const auto what = ask(greeted ? message[0] : '\0', message.substr(greeted ? 5 : 4));
      if (what == action::cut)
        return;
      if (!write_all(server.fd(), message))
        return;
      if (what == action::pass_and_cut) {
        // Its answer shows that the server has done with it; most messages have none of their own.
        std::string unheard;
        const bool answered =
            greeted && std::string_view("QSc").find(message[0]) != std::string::npos;
        if (answered && readable(server.fd(), 5000))
          read_some(server.fd(), unheard);
        return;
      }
      greeted = true;
      from_client.erase(0, *length);
    }
  }
}

}  // namespace orrery::test
