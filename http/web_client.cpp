#include "http/web_client.hpp"

#include "http/client.hpp"

#include <algorithm>

namespace orrery::http {

result<web_answer> outward_client::post(const web_post& what) {
  client_options how;
  how.ca_file = ca_file_;
  const auto scheme = what.url.find("://");
  if (scheme == std::string::npos)
    return failure{errc::invalid, "must begin with http:// or https://"};
  const auto path = std::min(what.url.find('/', scheme + 3), what.url.size());
  how.server = what.url.substr(0, path);
  auto to = client::make(std::move(how));
  if (!to)
    return std::move(to).error();
  client_request request;
  request.verb = "POST";
  request.target = path < what.url.size() ? what.url.substr(path) : "/";
  request.body = what.body;
  request.type = what.content_type;
  for (const auto& [name, value] : what.headers)
    request.headers.emplace_back(name, value.reveal());
  auto answer = to->call(request, what.timeout);
  if (!answer)
    return std::move(answer).error();
  return web_answer{answer->status, std::move(answer->body),
                    std::chrono::seconds(std::clamp(answer->retry_after_s, 0, 600))};
}

}  // namespace orrery::http
