#include "http/query.hpp"

#include "domain/limits.hpp"

#include <algorithm>
#include <charconv>

namespace orrery::http {

result<size_t> read_limit(const parameter& p) {
  size_t n = 0;
  const auto* end = p.value.data() + p.value.size();
  const auto [last, error] = std::from_chars(p.value.data(), end, n);
  if (error != std::errc{} || last != end || n < 1 || n > limits::list_items)
    return failure{errc::invalid,
                   "must be a number from 1 to " + std::to_string(limits::list_items), p.name};
  return n;
}

result<time_point> read_time(const parameter& p) {
  // A plus that was not encoded has become a space: `…T10:00:00 02:00` is meant as an offset.
  auto text = p.value;
  std::replace(text.begin(), text.end(), ' ', '+');
  auto at = parse_time(text);
  if (!at)
    return failure{errc::invalid, at.error().detail, p.name};
  return at;
}

}  // namespace orrery::http
