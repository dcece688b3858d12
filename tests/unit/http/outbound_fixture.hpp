#pragma once
/// What the tests of the outbound executor share.

#include "http/outbound.hpp"
#include "tests/unit/http/sockets.hpp"

#include <future>
#include <memory>
#include <string>
#include <string_view>

namespace orrery::test {

using http::http_executor;
using http::outbound_options;

inline const entity_id caller_id{parse_uuid("01920000-0000-7003-8000-000000000001").value()};
inline const std::string trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

inline std::string answer_of(std::string_view status, std::string_view body,
                             std::string_view fields = {}) {
  return "HTTP/1.1 " + std::string(status) + "\r\n" + std::string(fields) +
         "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + std::string(body);
}

/// Lets the tests' own servers be called, and nothing else that is private.
inline outbound_options local() {
  outbound_options out;
  out.allowed_hosts = {"127.0.0.1:*", "fine.test:*"};
  return out;
}

inline work_item item_of(std::string payload, uint32_t attempt = 1) {
  work_item item;
  item.task = caller_id;
  item.token = {2, attempt};
  item.epoch = epoch_t{5};
  item.kind = "http";
  item.payload = std::move(payload);
  item.traceparent = trace;
  return item;
}

inline std::string url_of(const raw_server& s) {
  return "http://127.0.0.1:" + std::to_string(s.port()) + "/x";
}

inline std::string payload_of(const raw_server& s, std::string_view more = {}) {
  return R"({"url":")" + url_of(s) + '"' + std::string(more) + "}";
}

inline std::future<work_outcome> start(http_executor& e, work_item item) {
  auto promise = std::make_shared<std::promise<work_outcome>>();
  auto out = promise->get_future();
  e.start(std::move(item), [promise](work_outcome o) { promise->set_value(std::move(o)); });
  return out;
}

/// What becomes of one task whose server answers `bytes`.
inline work_outcome outcome_for(const std::string& bytes, std::string_view more = {}) {
  raw_server server([&](const std::string&) { return bytes; });
  http_executor e(local());
  return start(e, item_of(payload_of(server, more))).get();
}

}  // namespace orrery::test
