#pragma once
/// `web_client` by the HTTP client of this room.

#include "domain/ports/web_client.hpp"

namespace orrery::http {

class outward_client final : public web_client {
public:
  /// `ca_file`: PEM of who may have signed a server's certificate besides those the machine trusts.
  explicit outward_client(std::string ca_file = {}) : ca_file_(std::move(ca_file)) {}
  result<web_answer> post(const web_post& what) override;

private:
  const std::string ca_file_;
};

}  // namespace orrery::http
