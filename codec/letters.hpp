#pragma once
/// Dead letters: the stored form of their headers, their view, and what the API takes of wishes.

#include "domain/ports/dead_letters.hpp"

#include <string>
#include <string_view>

namespace orrery::codec {

/// Headers in order, as Protocol Buffers would write `repeated {1: name, 2: value}`; none = no bytes.
std::string encode_headers(const std::vector<log_header>& headers);
result<std::vector<log_header>> decode_headers(std::string_view bytes);

/// As the API shows a letter. Bytes that are not UTF-8 stand under `…Base64`. In a list (`whole` =
/// false) a value is cut after 1 KiB, which `valueCut` says.
void append_view(std::string& out, const stored_letter& one, bool whole);

/// The body of redrive (`{"value":…}`: text as it is, an object as its JSON) or discard (`{"reason"}`).
result<letter_wish> read_letter_wish(letter_wish::verb what, std::string_view body);
/// The body of a wish for many: `topic, reason, from, to, limit`, and for discard `note`. At least
/// one filter, or `"all": true`.
struct letters_wish {
  letter_query query;
  letter_wish wish;
};
result<letters_wish> read_letters_wish(letter_wish::verb what, std::string_view body);

/// `order_topic` or `orders`, `task_topic` or `tasks`.
std::optional<intake> parse_intake(std::string_view text) noexcept;

}  // namespace orrery::codec
