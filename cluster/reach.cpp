#include "cluster/reach.hpp"

#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <memory>

namespace orrery::cluster {

namespace {

/// Whether a connection to this address is made within the limit.
bool answers(const addrinfo& address, duration limit) {
  const int fd = ::socket(address.ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0)
    return false;
  int error = ::connect(fd, address.ai_addr, address.ai_addrlen) == 0 ? 0 : errno;
  if (error == EINPROGRESS) {
    pollfd waiting{.fd = fd, .events = POLLOUT, .revents = 0};
    const auto limit_ms = std::chrono::ceil<std::chrono::milliseconds>(limit).count();
    socklen_t length = sizeof error;
    error = ETIMEDOUT;
    if (::poll(&waiting, 1, static_cast<int>(limit_ms)) == 1)
      ::getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length);
  }
  ::close(fd);
  return error == 0;
}

}  // namespace

result<endpoint> parse_endpoint(std::string_view text) {
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos || colon == 0)
    return failure{errc::invalid, "an address has the form host:port", "address"};
  endpoint out;
  const auto port = text.substr(colon + 1);
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), out.port);
  if (error != std::errc{} || end != port.data() + port.size() || out.port == 0)
    return failure{errc::invalid, "a port is a number from 1 to 65535", "address"};
  auto host = text.substr(0, colon);
  if (host.starts_with('[') && host.ends_with(']'))
    host = host.substr(1, host.size() - 2);
  if (host.empty())
    return failure{errc::invalid, "an address has the form host:port", "address"};
  out.host = host;
  return out;
}

result<endpoint> reach(const endpoint& where, duration limit) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const auto port = std::to_string(where.port);
  if (const int code = ::getaddrinfo(where.host.c_str(), port.c_str(), &hints, &found); code != 0)
    return failure{errc::unavailable, where.host + ": " + ::gai_strerror(code)};
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owner(found, &::freeaddrinfo);
  for (const auto* address = found; address != nullptr; address = address->ai_next) {
    std::array<char, NI_MAXHOST> numeric{};
    if (answers(*address, limit) &&
        ::getnameinfo(address->ai_addr, address->ai_addrlen, numeric.data(), numeric.size(),
                      nullptr, 0, NI_NUMERICHOST) == 0)
      return endpoint{.host = numeric.data(), .port = where.port};
  }
  return failure{errc::unavailable, where.host + ":" + port + " does not answer"};
}

}  // namespace orrery::cluster
