#include "http/outbound_address.hpp"

#include "http/target.hpp"

#include <boost/asio/ip/address.hpp>

#include <algorithm>
#include <array>
#include <charconv>

namespace orrery::http {

namespace {

namespace ip = boost::asio::ip;

struct block_v4 {
  uint32_t base;
  int bits;
};
/// IANA's registry of special-purpose addresses, all that is not globally reachable unicast.
constexpr std::array blocks_v4{
    block_v4{0x00000000, 8},   // "this network", also 0.0.0.0
    block_v4{0x0a000000, 8},   // private
    block_v4{0x64400000, 10},  // carrier-grade NAT
    block_v4{0x7f000000, 8},   // loopback
    block_v4{0xa9fe0000, 16},  // link-local, also cloud metadata
    block_v4{0xac100000, 12},  // private
    block_v4{0xc0000000, 24},  // protocol assignments
    block_v4{0xc0000200, 24},  // documentation
    block_v4{0xc0586300, 24},  // 6to4 relays
    block_v4{0xc0a80000, 16},  // private
    block_v4{0xc6120000, 15},  // benchmarking
    block_v4{0xc6336400, 24},  // documentation
    block_v4{0xcb007100, 24},  // documentation
    block_v4{0xe0000000, 4},   // multicast
    block_v4{0xf0000000, 4},   // reserved, also broadcast
};

bool is_public(uint32_t address) noexcept {
  return std::none_of(blocks_v4.begin(), blocks_v4.end(),
                      [&](const block_v4& b) { return (address ^ b.base) >> (32 - b.bits) == 0; });
}

bool is_public(const ip::address_v6::bytes_type& b) noexcept {
  // Global unicast is 2000::/3. All else falls out at once: unspecified, loopback, mapped and
  // compatible IPv4, NAT64 (64:ff9b::/96 and /48), discard, unique local, link and site local,
  // multicast.
  if ((b[0] & 0xe0) != 0x20)
    return false;
  const auto group = [&](size_t i) { return static_cast<unsigned>(b[2 * i] << 8 | b[2 * i + 1]); };
  if (group(0) == 0x2001 && (group(1) < 0x0200 || group(1) == 0x0db8))
    return false;  // protocol assignments (Teredo, ORCHID, benchmarking), documentation
  if (group(0) == 0x2002)
    return false;                                     // 6to4: any IPv4 address hides inside
  return !(group(0) == 0x3fff && group(1) < 0x1000);  // documentation
}

constexpr std::array<uint16_t, 4> usual_ports{80, 443, 8080, 8443};

bool is_usual(uint16_t port) noexcept {
  return std::find(usual_ports.begin(), usual_ports.end(), port) != usual_ports.end();
}

failure bad_url(std::string detail) { return {errc::invalid, std::move(detail), "url"}; }

bool is_name(std::string_view host) noexcept {
  return !host.empty() && host.size() <= 253 &&
         host.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-._") ==
             std::string_view::npos;
}

bool is_v6_text(std::string_view host) noexcept {
  return host.find_first_not_of("0123456789abcdef:.") == std::string_view::npos;
}

std::string lower_case(std::string_view text) {
  std::string out(text);
  for (auto& c : out)
    if (c >= 'A' && c <= 'Z')
      c = static_cast<char>(c + 32);
  return out;
}

result<uint16_t> parse_port(std::string_view digits) {
  uint16_t port = 0;
  const auto [last, error] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  if (error != std::errc{} || last != digits.data() + digits.size() || port == 0)
    return bad_url("the port must be a number from 1 to 65535");
  return port;
}

struct host_and_port {
  std::string host;
  std::string_view port;  ///< Empty = none.
};

result<host_and_port> split_authority(std::string_view authority) {
  if (authority.starts_with('[')) {
    const auto end = authority.find(']');
    if (end == std::string_view::npos)
      return bad_url("a bracket is open");
    auto host = lower_case(authority.substr(1, end - 1));
    const auto rest = authority.substr(end + 1);
    if (!is_v6_text(host) || (!rest.empty() && rest.front() != ':') || rest == ":")
      return bad_url("must hold an IPv6 address without a zone between the brackets");
    return host_and_port{std::move(host), rest.empty() ? rest : rest.substr(1)};
  }
  const auto colon = authority.find(':');
  auto host = lower_case(authority.substr(0, colon));
  if (host.ends_with('.'))
    host.pop_back();
  const auto port =
      colon == std::string_view::npos ? std::string_view{} : authority.substr(colon + 1);
  if (!is_name(host) || (colon != std::string_view::npos && port.empty()))
    return bad_url(
        "the host must be a name in ASCII letters, digits, '-', '.', '_', or an address");
  return host_and_port{std::move(host), port};
}

}  // namespace

result<url> parse_url(std::string_view text) {
  if (text.size() > 8 * 1024)
    return bad_url("is longer than 8 KiB");
  if (std::any_of(text.begin(), text.end(), [](char c) {
        return static_cast<unsigned char>(c) <= 0x20 || c == 0x7f || c == '\\';
      }))
    return bad_url("holds a space, a backslash or a control character");
  url out;
  const auto scheme_end = text.find("://");
  const auto scheme = lower_case(text.substr(0, std::min(scheme_end, text.size())));
  if (scheme_end == std::string_view::npos || (scheme != "http" && scheme != "https"))
    return bad_url("must begin with http:// or https://");
  out.secure = scheme == "https";
  text.remove_prefix(scheme_end + 3);
  const auto authority = text.substr(0, text.find_first_of("/?#"));
  text.remove_prefix(authority.size());
  if (authority.find('@') != std::string_view::npos)
    return bad_url("must not name a user; send an Authorization header");
  auto parts = split_authority(authority);
  if (!parts)
    return parts.error();
  out.host = std::move(parts->host);
  out.port = out.secure ? 443 : 80;
  const auto usual = out.port;
  if (!parts->port.empty()) {
    const auto port = parse_port(parts->port);
    if (!port)
      return port.error();
    out.port = *port;
  }
  const bool v6 = authority.starts_with('[');
  out.authority = v6 ? "[" + out.host + "]" : out.host;
  if (out.port != usual)
    out.authority += ":" + std::to_string(out.port);
  out.target.assign(text.substr(0, text.find('#')));
  if (out.target.empty() || out.target.front() != '/')
    out.target.insert(out.target.begin(), '/');
  if (std::any_of(out.target.begin(), out.target.end(), [](char c) { return (c & 0x80) != 0; }))
    return bad_url("must be percent-encoded where it is not ASCII");
  return out;
}

bool is_public_address(std::string_view text) noexcept {
  boost::system::error_code code;
  const auto address = ip::make_address(std::string(text), code);
  if (code)
    return false;
  if (address.is_v4())
    return is_public(address.to_v4().to_uint());
  return address.to_v6().scope_id() == 0 && is_public(address.to_v6().to_bytes());
}

host_rules::host_rules(const std::vector<std::string>& allowed, bool allow_public)
    : allow_public_(allow_public) {
  for (const auto& entry : allowed) {
    pattern p;
    auto text = lower_case(entry);
    const auto colon = text.rfind(':');
    const bool bracketed = text.starts_with('[');
    if (colon != std::string::npos && (!bracketed || text.rfind(']') < colon)) {
      const auto port = text.substr(colon + 1);
      p.any_port = port == "*";
      if (!p.any_port)
        p.port = parse_port(port).value_or(uint16_t{0});
      // A port that cannot be read must not widen the entry to the usual ones.
      if (!p.any_port && p.port == 0)
        continue;
      text.erase(colon);
    }
    if (bracketed && text.size() > 2)
      text = text.substr(1, text.size() - 2);
    p.any_host = text == "*";
    p.subdomains = text.starts_with("*.");
    p.host = p.subdomains ? text.substr(1) : text;
    patterns_.push_back(std::move(p));
  }
}

bool host_rules::listed(const url& u) const noexcept {
  return std::any_of(patterns_.begin(), patterns_.end(), [&](const pattern& p) {
    const bool host = p.any_host || (p.subdomains ? u.host.ends_with(p.host) : u.host == p.host);
    const bool port = p.any_port || (p.port != 0 ? u.port == p.port : is_usual(u.port));
    return host && port;
  });
}

result<void> host_rules::check_host(const url& u) const {
  if (listed(u))
    return {};
  if (!allow_public_)
    return failure{errc::invalid, u.authority + " is not among the allowed hosts", "url"};
  if (!is_usual(u.port))
    return failure{errc::invalid, "port " + std::to_string(u.port) + " is not allowed", "url"};
  boost::system::error_code code;
  ip::make_address(u.host, code);
  if (!code && !is_public_address(u.host))
    return failure{errc::invalid, u.host + " is not a public address", "url"};
  return {};
}

result<void> host_rules::check_addresses(const url& u,
                                         const std::vector<std::string>& addresses) const {
  if (const auto host = check_host(u); !host)
    return host;
  if (addresses.empty())
    return failure{errc::unavailable, u.host + " has no address", "url"};
  if (listed(u))
    return {};
  for (const auto& address : addresses)
    if (!is_public_address(address))
      return failure{errc::invalid, u.host + " leads to " + address + ", which is not public",
                     "url"};
  return {};
}

}  // namespace orrery::http
