#include "http/lane.hpp"

#include "http/wire.hpp"

#include "base/clock.hpp"
#include "base/log.hpp"
#include "base/worker.hpp"

#include <boost/asio/post.hpp>

#include <cstdio>
#include <ctime>

namespace orrery::http {

lane::lane(const server_options& how, front_door& gate, std::shared_ptr<probe> counters,
           rate_limiter& limiter, size_t number)
    : options(how),
      door(gate),
      counts(std::move(counters)),
      limits(limiter),
      number_(number),
      work_(net::make_work_guard(context)),
      timer_(context) {
  system_random chance;
  char text[17];
  std::snprintf(text, sizeof text, "%016llx", static_cast<unsigned long long>(chance.next()));
  id_prefix_ = std::string(text, 12) + "-";
  date_second_ = std::time(nullptr);
  date_ = http_date(date_second_);
}

lane::~lane() { stop(); }

void lane::start() {
  schedule_sweep();
  thread_ = std::jthread([this] {
    name_this_thread("http-" + std::to_string(number_));
    // A handler that throws must not take the other connections with it.
    for (;;) {
      try {
        context.run();
        return;
      } catch (const std::exception& e) {
        log::error("http.handler_threw", {{"what", e.what()}});
      }
    }
  });
}

void lane::end_connections(bool now) {
  net::post(context, [this, now] {
    draining_ = true;
    // A copy: ending may remove a connection from the list.
    for (auto* c : std::vector(connections_)) {
      if (now)
        c->abort();
      else
        c->drain();
    }
  });
}

void lane::stop() {
  work_.reset();
  context.stop();
  if (thread_.joinable())
    thread_.join();
}

void lane::add(connection& c) {
  c.place = connections_.size();
  connections_.push_back(&c);
}

void lane::remove(connection& c) {
  connections_.back()->place = c.place;
  connections_[c.place] = connections_.back();
  connections_.pop_back();
}

std::string lane::make_request_id() { return id_prefix_ + std::to_string(++id_count_); }

void lane::schedule_sweep() {
  timer_.expires_after(100ms);
  timer_.async_wait([this](boost::system::error_code error) {
    if (error)
      return;
    sweep();
    schedule_sweep();
  });
}

void lane::sweep() {
  const auto now = steady::now();
  // No deadline of ours removes a connection at once (that happens when its coroutine resumes).
  for (size_t i = 0; i < connections_.size(); ++i)
    connections_[i]->sweep(now);
  if (const auto second = static_cast<int64_t>(std::time(nullptr)); second != date_second_) {
    date_second_ = second;
    date_ = http_date(second);
  }
}

}  // namespace orrery::http
