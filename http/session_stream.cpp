/// Server-sent events (the HTML standard, section 9.2): an answer that goes on until its reader or its
/// source ends it.

#include "http/session.hpp"

#include "base/log.hpp"

#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace orrery::http {

namespace {

constexpr size_t chunk_max = 64 * 1024;
/// Silence after which a line is sent all the same: proxies keep the connection, and a client that is
/// gone is noticed.
constexpr auto heartbeat = std::chrono::seconds{15};
/// What a client waits before it comes back, in milliseconds.
constexpr std::string_view greeting = "retry: 1000\n\n";

template <class Token>
auto async_raised(std::shared_ptr<stream_signal> signal, lane_executor home, Token&& completion) {
  return net::async_initiate<Token, void()>(
      [signal = std::move(signal), home](auto handler) {
        auto shared = std::make_shared<decltype(handler)>(std::move(handler));
        signal->wait([shared, home] { net::post(home, [shared] { std::move (*shared)(); }); });
      },
      completion);
}

std::string_view reason_of(feed_end end) {
  switch (end) {
    case feed_end::slow: return "slow";
    case feed_end::failed: return "failed";
    case feed_end::stopping: return "stopping";
    case feed_end::complete: return "complete";
    case feed_end::none: break;
  }
  return {};
}

}  // namespace

lane_task<void> session::send_events(response answer) {
  closing_ = true;  // the length is not known, so the connection ends with the stream
  more_ = answer.more;
  write(answer);
  out_ += greeting;
  const auto& stream = *answer.stream;
  for (auto end = feed_end::none; end == feed_end::none;) {
    answer.stream->take(out_, chunk_max);
    end = lane_.draining() ? feed_end::stopping : stream.ended();
    if (end != feed_end::none)
      out_.append("event: end\ndata: {\"reason\":\"").append(reason_of(end)).append("\"}\n\n");
    if (!out_.empty() && !co_await flush()) {
      log::info("http.stream_cut", {{"request", exchange_->in.request_id}});
      break;
    }
    if (end != feed_end::none)
      break;
    enter(phase::streaming, heartbeat);
    co_await async_raised(more_, lane_.context.get_executor(),
                          net::use_awaitable_t<lane_executor>{});
    if (aborted_)
      break;
    if (deadline_ == steady::time_point::max())
      out_.append(": still here\nid: ").append(stream.place()).append("\n\n");
  }
}

}  // namespace orrery::http
