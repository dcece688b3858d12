#include "http/tls.hpp"

#include "base/log.hpp"

#include <algorithm>

namespace orrery::http {

namespace ssl = boost::asio::ssl;

std::filesystem::file_time_type tls_keeper::changed_at() const {
  std::error_code ignored;
  return std::max(std::filesystem::last_write_time(certificate_, ignored),
                  std::filesystem::last_write_time(key_, ignored));
}

result<void> tls_keeper::load() {
  const auto changed = changed_at();
  auto made = std::make_shared<ssl::context>(ssl::context::tls_server);
  boost::system::error_code error;
  made->set_options(ssl::context::default_workarounds | ssl::context::no_sslv2 |
                        ssl::context::no_sslv3 | ssl::context::no_tlsv1 | ssl::context::no_tlsv1_1,
                    error);
  if (!error)
    made->use_certificate_chain_file(certificate_, error);
  if (error)
    return failure{errc::invalid, certificate_ + ": " + error.message(), "http.tls.certificate"};
  made->use_private_key_file(key_, ssl::context::pem, error);
  if (error)
    return failure{errc::invalid, key_ + ": " + error.message(), "http.tls.key"};
  auto* raw = made->native_handle();
  if (SSL_CTX_check_private_key(raw) != 1)
    return failure{errc::invalid, "the key is not the certificate's", "http.tls.key"};
  SSL_CTX_set_cipher_list(raw, "ECDHE+AESGCM:ECDHE+CHACHA20");
  // An idle connection keeps no buffers: ten thousand of them must be cheap.
  SSL_CTX_set_mode(raw, SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_options(raw, SSL_OP_NO_RENEGOTIATION | SSL_OP_CIPHER_SERVER_PREFERENCE);
  context_ = std::move(made);
  loaded_ = changed;
  return {};
}

std::shared_ptr<ssl::context> tls_keeper::current() {
  const auto now = std::chrono::steady_clock::now();
  if (now - looked_at_ < std::chrono::seconds(1))
    return context_;
  looked_at_ = now;
  if (changed_at() != loaded_) {
    if (auto ok = load(); ok)
      log::info("http.certificate_loaded", {{"file", certificate_}});
    else
      log::warning("http.certificate_not_loaded", {{"detail", ok.error().detail}});
  }
  return context_;
}

}  // namespace orrery::http
