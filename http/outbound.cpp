#include "http/outbound.hpp"

#include "http/outbound_call.hpp"

#include "base/log.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>

#include <netdb.h>

#include <algorithm>
#include <atomic>
#include <map>
#include <thread>
#include <utility>

namespace orrery::http {

namespace {

namespace net = boost::asio;

/// The system's resolver. Blocks.
result<std::vector<std::string>> look_up(const std::string& host) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* head = nullptr;
  if (const int error = getaddrinfo(host.c_str(), nullptr, &hints, &head); error != 0)
    return failure{errc::unavailable, host + ": " + gai_strerror(error), "url"};
  const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> owned(head, freeaddrinfo);
  std::vector<std::string> out;
  for (const auto* a = head; a && out.size() < 32; a = a->ai_next) {
    char text[NI_MAXHOST];
    if (getnameinfo(a->ai_addr, a->ai_addrlen, text, sizeof text, nullptr, 0, NI_NUMERICHOST) == 0)
      out.emplace_back(text);
  }
  return out;
}

outbound_options with_defaults(outbound_options options) {
  if (!options.resolve)
    options.resolve = look_up;
  return options;
}

using call_key = std::pair<entity_id, attempt_token>;

}  // namespace

struct http_executor::parts {
  explicit parts(outbound_options how);
  void begin(work_item item, std::function<void(work_outcome)> done);

  const outbound_options options;
  const host_rules rules;
  std::atomic<size_t> active{0};
  net::io_context context{1};
  net::executor_work_guard<net::io_context::executor_type> work{context.get_executor()};
  net::ssl::context tls{net::ssl::context::tls_client};
  // On the io thread.
  std::multimap<call_key, std::shared_ptr<outbound_call>> calls;
  bool stopping = false;
  worker resolvers;
  outbound_world world{options, rules, context, tls, resolvers};
  std::jthread thread;
};

http_executor::parts::parts(outbound_options how)
    : options(with_defaults(std::move(how))),
      rules(options.allowed_hosts, options.allow_public),
      resolvers("http-resolve", options.requests_max + 1,
                std::max<size_t>(1, options.resolver_threads)) {
  boost::system::error_code error;
  SSL_CTX_set_min_proto_version(tls.native_handle(), TLS1_2_VERSION);
  tls.set_default_verify_paths(error);
  if (error)
    log::warning("http.no_trusted_certificates", {{"what", error.message()}});
  if (!options.ca_file.empty())
    tls.load_verify_file(options.ca_file, error);
  if (error)
    log::error("http.certificate_file_unreadable",
               {{"file", options.ca_file}, {"what", error.message()}});
}

void http_executor::parts::begin(work_item item, std::function<void(work_outcome)> done) {
  const call_key key{item.task, item.token};
  auto call = std::make_shared<outbound_call>(world, std::move(item));
  const auto place = calls.emplace(key, call);
  if (stopping)
    call->abort();
  net::co_spawn(context, call->run(),
                [this, call, place, done = std::move(done)](std::exception_ptr, work_outcome out) {
                  calls.erase(place);
                  active.fetch_sub(1);
                  done(std::move(out));
                });
}

http_executor::http_executor(outbound_options options)
    : parts_(std::make_unique<parts>(std::move(options))) {
  parts_->thread = std::jthread([p = parts_.get()] {
    name_this_thread("http-out");
    p->context.run();
  });
}

http_executor::~http_executor() {
  auto& p = *parts_;
  net::post(p.context, [&p] {
    p.stopping = true;
    for (const auto& [key, call] : p.calls)
      call->abort();
  });
  // The io thread ends when the last call has: nothing else keeps the context busy. A name that is
  // still being looked up is waited for, as `getaddrinfo` cannot be interrupted.
  p.work.reset();
  p.thread.join();
  p.resolvers.stop();
}

void http_executor::start(work_item item, std::function<void(work_outcome)> done) {
  auto& p = *parts_;
  if (p.active.fetch_add(1) >= p.options.requests_max) {
    p.active.fetch_sub(1);
    net::post(p.context, [done = std::move(done)] {
      done(failed_outcome("busy", "too many requests are under way", true));
    });
    return;
  }
  net::post(p.context, [&p, item = std::move(item), done = std::move(done)]() mutable {
    p.begin(std::move(item), std::move(done));
  });
}

void http_executor::stop(entity_id task, attempt_token token, stop_mode) {
  auto& p = *parts_;
  net::post(p.context, [&p, key = call_key{task, token}] {
    const auto [first, last] = p.calls.equal_range(key);
    for (auto it = first; it != last; ++it)
      it->second->abort();
  });
}

result<void> http_executor::check(const std::string& payload) const {
  const auto request = read_payload(payload);
  if (!request)
    return request.error();
  return parts_->rules.check_host(request->to);
}

}  // namespace orrery::http
