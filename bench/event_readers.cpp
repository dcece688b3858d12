#include "bench/event_readers.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>

namespace orrery::bench {

namespace {

using namespace std::chrono_literals;

double now_in_ms() {
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  return static_cast<double>(now.tv_sec) * 1e3 + static_cast<double>(now.tv_nsec) * 1e-6;
}

std::string_view after(std::string_view text, std::string_view name) {
  const auto at = text.find(name);
  return at == std::string_view::npos ? std::string_view{} : text.substr(at + name.size());
}

/// Whole days of the last date seen: nearly all are of today.
double midnight_in_ms(std::string_view date) {
  static thread_local std::string last;
  static thread_local double value = 0;
  if (date != last) {
    last = date;
    std::tm day{};
    day.tm_year = std::atoi(last.c_str()) - 1900;
    day.tm_mon = std::atoi(last.c_str() + 5) - 1;
    day.tm_mday = std::atoi(last.c_str() + 8);
    value = static_cast<double>(::timegm(&day)) * 1e3;
  }
  return value;
}

/// `2026-01-02T03:04:05.678901Z`
double time_in_ms(std::string_view text) {
  const auto two = [&](size_t at) { return (text[at] - '0') * 10 + (text[at + 1] - '0'); };
  const double seconds = two(11) * 3600 + two(14) * 60 + two(17);
  const double millis = (text[20] - '0') * 100 + two(21);
  return midnight_in_ms(text.substr(0, 10)) + seconds * 1e3 + millis + two(23) * 1e-2;
}

}  // namespace

void lateness_counts::add(double ms) {
  const auto slot = static_cast<size_t>(std::max(0.0, ms) * 10);
  ++counts_[std::min(slot, slots - 1)];
  ++total_;
  largest_ = std::max(largest_, ms);
}

double lateness_counts::at(double part) const {
  if (part >= 1)
    return largest_;
  uint64_t so_far = 0;
  for (size_t i = 0; i < slots; ++i) {
    so_far += counts_[i];
    if (static_cast<double>(so_far) >= part * static_cast<double>(total_))
      return static_cast<double>(i + 1) / 10;
  }
  return largest_;
}

event_readers::event_readers(const std::string& address, size_t count, const std::string& headers)
    : waiting_(::epoll_create1(EPOLL_CLOEXEC)) {
  const auto request = "GET /api/events HTTP/1.1\r\nHost: bench\r\n" + headers + "\r\n";
  readers_.reserve(count);
  const auto patience = steady::now() + 60s;
  for (size_t i = 0; i < count; ++i) {
    open(address, request);
    if (i % 64 == 63)  // as a crowd that comes, not as a flood of unanswered connections
      while (answered_ + 64 < readers_.size() && steady::now() < patience)
        read(10ms);
  }
  while (answered_ < count)
    if (read(100ms); steady::now() > patience)
      give_up("only " + std::to_string(answered_) + " readers were answered");
}

event_readers::~event_readers() {
  for (const auto& one : readers_)
    ::close(one.socket);
  ::close(waiting_);
}

void event_readers::open(const std::string& address, const std::string& request) {
  const auto colon = address.rfind(':');
  sockaddr_in to{};
  to.sin_family = AF_INET;
  if (::inet_pton(AF_INET, address.substr(0, colon).c_str(), &to.sin_addr) != 1)
    give_up("an address is host:port: " + address);
  to.sin_port = htons(static_cast<uint16_t>(std::atoi(address.c_str() + colon + 1)));
  reader one;
  one.socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (one.socket < 0 || ::connect(one.socket, reinterpret_cast<sockaddr*>(&to), sizeof to) != 0)
    give_up("cannot connect to " + address + ": " + std::strerror(errno));
  if (::send(one.socket, request.data(), request.size(), MSG_NOSIGNAL) < 0)
    give_up(std::string("send: ") + std::strerror(errno));
  ::fcntl(one.socket, F_SETFL, ::fcntl(one.socket, F_GETFL) | O_NONBLOCK);
  epoll_event wish{EPOLLIN, {.u64 = readers_.size()}};
  ::epoll_ctl(waiting_, EPOLL_CTL_ADD, one.socket, &wish);
  readers_.push_back(std::move(one));
}

void event_readers::read(std::chrono::milliseconds pause) {
  // Whoever waits in epoll_wait is woken by each send, which costs the sender more than the send itself.
  std::this_thread::sleep_for(pause);
  static thread_local char buffer[256 * 1024];
  epoll_event ready[256];
  for (int n = 256; n == 256;) {
    n = ::epoll_wait(waiting_, ready, 256, 0);
    for (int i = 0; i < n; ++i) {
      auto& one = readers_[ready[i].data.u64];
      const auto size = ::recv(one.socket, buffer, sizeof buffer, 0);
      if (size < 0 && errno == EAGAIN)
        continue;
      if (size <= 0)
        give_up("a reader was cut off: " + one.rest);
      take(one, {buffer, static_cast<size_t>(size)}, now_in_ms());
    }
  }
}

void event_readers::take(reader& one, std::string_view bytes, double now_ms) {
  if (!one.rest.empty()) {
    one.rest.append(bytes);
    const auto whole = std::move(one.rest);
    one.rest = whole.substr(take_frames(one, whole, now_ms));
  } else if (const auto used = take_frames(one, bytes, now_ms); used < bytes.size()) {
    one.rest.assign(bytes.substr(used));
  }
}

/// How much of it was taken. All readers are sent the same bytes: what one has read need not be read again,
/// only compared, so that the program takes little of the machine that it measures.
size_t event_readers::take_frames(reader& one, std::string_view bytes, double now_ms) {
  size_t used = 0;
  if (!one.in_events) {
    const auto end = bytes.find("\r\n\r\n");
    if (end == std::string_view::npos)
      return 0;
    if (!bytes.starts_with("HTTP/1.1 200"))
      give_up("a reader was answered " + std::string(bytes.substr(0, 200)));
    one.in_events = true;
    ++answered_;
    used = end + 4;
  }
  for (;;) {
    const auto rest = bytes.substr(used);
    if (one.events < known_.size() && rest.starts_with(known_[one.events].text)) {
      const auto& told = known_[one.events];
      count(one, told, now_ms);
      used += told.text.size();
      continue;
    }
    const auto end = rest.find("\n\n");
    if (end == std::string_view::npos)
      return used;
    take_frame(one, rest.substr(0, end + 2), now_ms);
    used += end + 2;
  }
}

void event_readers::take_frame(reader& one, std::string_view text, double now_ms) {
  const auto data = after(text, "\ndata: ");
  const auto shard_text = after(data, "\"shard\":");
  const auto position_text = after(data, "\"position\":");
  if (position_text.empty() || shard_text.empty())
    return;  // a heartbeat, or the greeting
  frame told;
  told.text = text;
  told.shard = static_cast<size_t>(std::atoi(shard_text.data()));
  told.position = static_cast<int64_t>(std::atoll(position_text.data()));
  told.at_ms = time_in_ms(after(data, "\"at\":\""));
  if (one.events == known_.size())
    known_.push_back(told);
  count(one, told, now_ms);
}

void event_readers::count(reader& one, const frame& told, double now_ms) {
  if (one.positions.size() <= told.shard)
    one.positions.resize(told.shard + 1);
  auto& last = one.positions[told.shard];
  if (last != 0 && told.position != last + 1)
    ++gaps_;
  last = told.position;
  ++one.events;
  late_.add(now_ms - told.at_ms);
}

size_t event_readers::least() const {
  size_t out = SIZE_MAX;
  for (const auto& one : readers_)
    out = std::min(out, one.events);
  return readers_.empty() ? 0 : out;
}

size_t event_readers::most() const {
  size_t out = 0;
  for (const auto& one : readers_)
    out = std::max(out, one.events);
  return out;
}

}  // namespace orrery::bench
