/// An external worker in C++, with Boost.Beast as its HTTP client.
///
///     worker HOST PORT KIND[,KIND…] [TOKEN]
///
/// Asks for one attempt after the other, executes it (here: counts the bytes of its payload), tells that it
/// is alive while it does, and reports. What a worker owes: it speaks at least every `heartbeat`; it stops
/// where an answer says `cancel` or `terminate`; it takes no more after `quiet`; and 409 means that the
/// attempt is over. Ends on SIGTERM, after what it has begun.

#include <boost/asio.hpp>
#include <boost/beast.hpp>
#include <csignal>
#include <iostream>
#include <nlohmann/json.hpp>
#include <thread>

namespace {

namespace beast = boost::beast;
namespace http = beast::http;
using json = nlohmann::json;
using namespace std::chrono_literals;

std::atomic<bool> stopping{false};

struct answer {
  unsigned status = 0;  ///< 0 = the node was not reached.
  json body;
};

/// One request on a connection of its own; errors are an answer of status 0.
class client {
public:
  client(std::string host, std::string port, std::string token)
      : host_(std::move(host)), port_(std::move(port)), token_(std::move(token)) {}

  answer post(const std::string& target, const json& body, std::chrono::seconds limit) const {
    boost::asio::io_context context;
    beast::tcp_stream stream(context);
    boost::asio::ip::tcp::resolver resolver(context);
    beast::error_code error;
    const auto places = resolver.resolve(host_, port_, error);
    if (error)
      return {};
    http::request<http::string_body> request{http::verb::post, target, 11};
    request.set(http::field::host, host_ + ":" + port_);
    request.set(http::field::content_type, "application/json");
    if (!token_.empty())
      request.set(http::field::authorization, "Bearer " + token_);
    request.body() = body.dump();
    request.prepare_payload();
    http::response<http::string_body> response;
    beast::flat_buffer buffer;
    bool done = false;
    const auto next = [&](auto then) {
      return [&done, then](beast::error_code failed, auto&&...) {
        if (!failed)
          then();
        (void)done;
      };
    };
    stream.expires_after(limit);
    stream.async_connect(places, next([&] {
                           http::async_write(stream, request, next([&] {
                                               http::async_read(stream, buffer, response,
                                                                next([&] { done = true; }));
                                             }));
                         }));
    context.run();
    if (!done)
      return {};
    return {response.result_int(), json::parse(response.body(), nullptr, false)};
  }

private:
  const std::string host_;
  const std::string port_;
  const std::string token_;
};

/// The node may be away for a moment, or the shard on its way to another.
void report_for_certain(const client& node, const std::string& target, const json& body) {
  for (const auto pause : {100ms, 300ms, 1000ms, 3000ms, 5000ms, 5000ms, 5000ms}) {
    const auto told = node.post(target, body, 10s);
    if (told.status != 0 && told.status != 429 && told.status < 500)
      return;
    std::this_thread::sleep_for(pause);
  }
}

void execute(const client& node, const json& item) {
  const auto lease = "/api/leases/" + item.at("lease").get<std::string>();
  const auto payload = item.value("payload", json()).dump();
  const auto beat =
      node.post(lease + "/heartbeat", {{"progress", 0.5}, {"message", "halfway"}}, 10s);
  if (beat.status == 404 || beat.status == 409 ||
      (beat.status == 200 &&
       (beat.body.value("cancel", false) || beat.body.value("terminate", false))))
    return;  // the attempt is not wanted any more
  report_for_certain(node, lease + "/complete", {{"result", {{"bytes", payload.size()}}}});
}

json list_of(const std::string& words) {
  auto list = json::array();
  for (size_t at = 0; at < words.size();) {
    const auto end = std::min(words.find(',', at), words.size());
    list.push_back(words.substr(at, end - at));
    at = end + 1;
  }
  return list;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 4) {
    std::cerr << "usage: worker HOST PORT KIND[,KIND...] [TOKEN]\n";
    return 2;
  }
  for (const int number : {SIGTERM, SIGINT})
    std::signal(number, [](int) { stopping = true; });
  const client node(argv[1], argv[2], argc > 4 ? argv[4] : "");
  const json wish = {{"worker", "cpp-worker-" + std::to_string(::getpid())},
                     {"kinds", list_of(argv[3])},
                     {"wait", "5s"}};
  while (!stopping) {
    const auto got = node.post("/api/workers/lease", wish, 20s);
    if (got.status != 200) {
      std::cerr << "no work: " << got.status << '\n';
      std::this_thread::sleep_for(1s);
      continue;
    }
    for (const auto& item : got.body.at("items"))
      execute(node, item);
    if (got.body.value("quiet", false))
      break;
  }
  return 0;
}
