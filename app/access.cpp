#include "app/access.hpp"

#include "http/outbound.hpp"
#include "http/outbound_address.hpp"
#include "http/routes.hpp"
#include "identity/service.hpp"

#include "codec/json.hpp"

#include <future>

namespace orrery::app {

namespace {

constexpr duration fetch_limit = 10s;

/// One GET, waited for.
result<std::string> fetch(http::http_executor& by, const std::string& url) {
  work_item item;
  item.kind = "http";
  item.ttl = fetch_limit;
  codec::json_writer(item.payload)
      .begin_object()
      .field("url", url)
      .field("method", "GET")
      .field("timeout", "10s")
      .end_object();
  std::promise<work_outcome> told;
  auto answer = told.get_future();
  by.start(std::move(item), [&](work_outcome outcome) { told.set_value(std::move(outcome)); });
  auto outcome = answer.get();
  if (!outcome.succeeded)
    return failure{errc::unavailable, outcome.error_code + ": " + outcome.error};
  return std::move(outcome.result);
}

}  // namespace

struct access_control::parts {
  std::unique_ptr<http::http_executor> requests;
  std::unique_ptr<identity::service> service;  // before what it asks with is gone
  std::string bootstrap_token;
};

access_control::access_control(std::unique_ptr<parts> p) : parts_(std::move(p)) {}
access_control::~access_control() = default;
accounts& access_control::port() noexcept { return *parts_->service; }
const std::string& access_control::bootstrap_token() const noexcept {
  return parts_->bootstrap_token;
}
void access_control::stop() { parts_->service->stop(); }

result<std::unique_ptr<access_control>> access_control::start(const access_config& how,
                                                              const std::string& node,
                                                              const std::string& node_token,
                                                              identity_source& where,
                                                              const clock& time) {
  auto p = std::make_unique<parts>();
  identity::service_options options;
  options.node = node;
  options.node_token = node_token;
  options.issuer = options.audience = how.issuer;
  options.open_registration = how.open_registration;
  options.access_life = how.access_life;
  options.session_life = how.session_life;
  if (!how.oidc_issuer.empty()) {
    const auto at = http::parse_url(how.oidc_jwks);
    if (!at)
      return failure{errc::invalid, "auth.oidc.jwks: " + at.error().detail};
    http::outbound_options outbound;
    outbound.allow_public = false;
    outbound.allowed_hosts = {at->host + ":" + std::to_string(at->port)};
    outbound.resolver_threads = 1;
    p->requests = std::make_unique<http::http_executor>(std::move(outbound));
    options.external = {
        how.oidc_issuer, how.oidc_audience, how.oidc_jwks, how.oidc_roles,
        [by = p->requests.get()](const std::string& url) { return fetch(*by, url); }};
  }
  p->service = std::make_unique<identity::service>(where, time, std::move(options));
  auto started = p->service->start();
  if (!started)
    return failure{started.error().code, "accounts: " + started.error().detail};
  p->bootstrap_token = std::move(*started);
  return std::unique_ptr<access_control>(new access_control(std::move(p)));
}

std::vector<std::string> problems_of(const access_config& how) {
  std::vector<std::string> out;
  if (!how.oidc_issuer.empty()) {
    if (how.oidc_audience.empty())
      out.push_back("auth.oidc.audience: is needed with auth.oidc.issuer");
    if (const auto at = http::parse_url(how.oidc_jwks); !at)
      out.push_back("auth.oidc.jwks: must be the URL of the issuer's key set: " +
                    at.error().detail);
    if (how.oidc_issuer == how.issuer)
      out.push_back("auth.oidc.issuer: must differ from auth.issuer");
  }
  for (const auto& name : how.open_routes) {
    bool known = false;
    for (const auto& r : http::routes())
      known = known || (r.name == name && r.verb == http::method::get);
    if (!known)
      out.push_back("http.open: " + name + " is not the name of a route that only reads");
  }
  if (how.tls_certificate.empty() != how.tls_key.empty())
    out.push_back("http.tls: needs both http.tls.certificate and http.tls.key");
  if (!how.redirect.empty() && how.tls_certificate.empty())
    out.push_back("http.redirect: leads to TLS, and http.tls.certificate is not set");
  for (const auto& origin : how.cors_origins)
    if (!origin.starts_with("https://") && !origin.starts_with("http://"))
      out.push_back("http.cors: " + origin + " must be an origin as https://host");
  return out;
}

}  // namespace orrery::app
