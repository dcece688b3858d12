/// Who asks, and whether he may.

#include "http/problem.hpp"
#include "http/routes.hpp"
#include "http/session.hpp"
#include "http/target.hpp"

#include <algorithm>

namespace orrery::http {

namespace {

constexpr std::string_view scheme = "Bearer ";

/// The version in `"17"` or `W/"17"`; nothing for `*` and for what is no version of ours.
std::optional<uint64_t> version_in(std::string_view tag) {
  if (tag.starts_with("W/"))
    tag.remove_prefix(2);
  if (tag.size() < 3 || tag.size() > 22 || tag.front() != '"' || tag.back() != '"')
    return std::nullopt;
  uint64_t version = 0;
  for (const char c : tag.substr(1, tag.size() - 2)) {
    if (c < '0' || c > '9')
      return std::nullopt;
    version = version * 10 + static_cast<uint64_t>(c - '0');
  }
  return version;
}

}  // namespace

/// Without a gateway the other end of the connection. With one, the last address in `X-Forwarded-For` that
/// is not a gateway of ours: everything before it was written by strangers.
void session::read_client_address() {
  auto& in = exchange_->in;
  in.address = peer_;
  const auto& trusted = lane_.options.trusted_proxies;
  const auto is_trusted = [&](std::string_view address) {
    return std::find(trusted.begin(), trusted.end(), address) != trusted.end();
  };
  if (!is_trusted(peer_))
    return;
  auto list = view(parser_->get()["X-Forwarded-For"]);
  while (!list.empty()) {
    const auto comma = list.rfind(',');
    const auto last = trimmed(comma == std::string_view::npos ? list : list.substr(comma + 1));
    if (!last.empty() && last.size() <= 64) {
      in.address.assign(last);
      if (!is_trusted(last))
        return;
    }
    list = comma == std::string_view::npos ? std::string_view{} : list.substr(0, comma);
  }
}

void session::become(principal who) {
  auto& in = exchange_->in;
  in.principal = who.name;
  in.who = std::move(who);
}

bool session::identify(bool is_open) {
  read_client_address();
  const auto& options = lane_.options;
  const auto given = field(beast::http::field::authorization);
  const bool has_credential =
      given.size() > scheme.size() && equal_ignoring_case(given.substr(0, scheme.size()), scheme);
  if (!options.authenticate || (options.who == nullptr && options.bearer_token.empty())) {
    exchange_->in.who.may = all_permissions;
    return true;
  }
  if (is_open)
    return true;
  if (!has_credential) {
    refuse_access(401, "a bearer token is needed", "no credential");
    return false;
  }
  const auto credential = trimmed(given.substr(scheme.size()));
  if (options.who == nullptr) {
    if (!equal_in_constant_time(credential, options.bearer_token)) {
      refuse_access(401, "a bearer token is needed", "not a valid credential");
      return false;
    }
    become({"token", {}, {}, bit(role::admin), all_permissions});
    return true;
  }
  if (auto known = options.who->known(credential))
    become(std::move(*known));
  else
    credential_.assign(credential);
  return true;
}

bool session::admit() {
  auto& in = exchange_->in;
  if (!within_rate())
    return false;
  if (unmatched_)
    return refuse(std::move(*unmatched_), has_body()), false;
  const auto needs = exchange_->matched->needs;
  const auto& open = lane_.options.open_routes;
  if (!in.who.allows(needs) &&
      std::find(open.begin(), open.end(), exchange_->matched->name) == open.end()) {
    refuse_access(403, "this needs the permission " + std::string(to_string(needs)),
                  "lacks " + std::string(to_string(needs)));
    return false;
  }
  if (const auto tag = view(parser_->get()["If-Match"]); !tag.empty() && tag != "*") {
    in.if_match = version_in(tag);
    if (in.if_match.value_or(0) == 0)
      return refuse(plain_problem(412, "If-Match is no version of this", in.target), has_body()),
             false;
  }
  return check_content() && copy_fields();
}

bool session::within_rate() {
  auto& limits = lane_.limits;
  if (!limits.enabled())
    return true;
  const auto& in = exchange_->in;
  const auto taken = limits.take(in.principal.empty() ? in.address : in.principal, steady::now());
  lines_.append("RateLimit-Policy: ").append(limits.policy());
  lines_.append("\r\nRateLimit: \"requests\";r=").append(std::to_string(taken.remaining));
  lines_.append(";t=").append(std::to_string(taken.reset_s)).append("\r\n");
  if (taken.allowed)
    return true;
  auto out = plain_problem(429, "too many requests", in.target);
  out.retry_after_s = static_cast<int>(taken.reset_s);
  return refuse(std::move(out), has_body()), false;
}

audit_entry session::entry(std::string_view outcome, std::string_view reason) const {
  const auto& in = exchange_->in;
  audit_entry e;
  e.actor = in.who.key.empty() ? in.principal : in.principal + " key:" + in.who.key;
  e.action = exchange_->matched ? exchange_->matched->name : "unknown";
  e.target = in.path;
  e.outcome = outcome;
  e.reason = reason;
  e.address = in.address;
  e.request_id = in.request_id;
  return e;
}

void session::refuse_access(int status, std::string_view detail, std::string_view reason) {
  if (lane_.options.who != nullptr)
    lane_.options.who->note(entry("refused", reason));
  refuse(plain_problem(status, detail, exchange_->in.target), has_body());
}

/// What an operator changed. Accounts note their own changes; submissions are in the journal.
void session::note_change(int status) {
  if (lane_.options.who != nullptr && status < 300 &&
      exchange_->matched->needs == permission::operate && exchange_->matched->verb != method::get)
    lane_.options.who->note(entry("done", {}));
}

}  // namespace orrery::http
