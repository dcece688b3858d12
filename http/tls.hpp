#pragma once
/// The server's certificate, read again when its files change. Internal to http/: includes Asio.

#include "base/result.hpp"

#include <boost/asio/ssl/context.hpp>

#include <chrono>
#include <filesystem>
#include <memory>
#include <string>

namespace orrery::http {

/// Used by one thread at a time. TLS 1.2 and 1.3 only.
class tls_keeper {
public:
  tls_keeper(std::string certificate, std::string key)
      : certificate_(std::move(certificate)), key_(std::move(key)) {}

  /// Reads both files; `invalid` says what is wrong with them.
  result<void> load();
  /// What the next connection uses. Looks at most once a second whether the files have changed; where they
  /// have but cannot be read, the former certificate stays in use and a warning is logged.
  std::shared_ptr<boost::asio::ssl::context> current();

private:
  std::filesystem::file_time_type changed_at() const;

  const std::string certificate_;
  const std::string key_;
  std::shared_ptr<boost::asio::ssl::context> context_;
  std::filesystem::file_time_type loaded_{};
  std::chrono::steady_clock::time_point looked_at_{};
};

}  // namespace orrery::http
