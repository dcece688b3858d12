#pragma once
#include <optional>
#include <string>
#include <string_view>

namespace orrery::http {

/// Whether an `Accept-Encoding` field takes gzip.
bool accepts_gzip(std::string_view field) noexcept;
/// RFC 1952; nothing where it would not get smaller.
std::optional<std::string> gzip(std::string_view bytes);

}  // namespace orrery::http
