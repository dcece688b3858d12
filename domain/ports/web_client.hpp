#pragma once
/// Posting to other people's servers, for what must not link a library for it. Implemented in http/.

#include "base/result.hpp"
#include "base/secret.hpp"
#include "base/time.hpp"

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace orrery {

struct web_post {
  std::string url;  ///< `http://…` or `https://…`
  std::string content_type;
  std::string_view body;  ///< Lives until `post` has returned.
  std::vector<std::pair<std::string, secret>> headers = {};
  duration timeout = 10s;  ///< Of the whole exchange.
};
struct web_answer {
  int status = 0;
  std::string body;        ///< At most 64 MiB.
  duration retry_after{};  ///< 0 = not said.
};

class web_client {
public:
  virtual ~web_client() = default;
  /// Blocks up to the timeout. Failures: `invalid` (no such address), `unavailable`. Thread-safe.
  virtual result<web_answer> post(const web_post& what) = 0;
};

}  // namespace orrery
