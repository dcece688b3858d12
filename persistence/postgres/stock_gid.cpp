#include "persistence/postgres/stock_gid.hpp"

#include <algorithm>
#include <charconv>

namespace orrery::postgres {

namespace {

constexpr size_t gid_bytes_max = 199;

std::string gid_member(const shard_batch& batch) {
  return std::to_string(batch.shard.value) + '.' + std::to_string(batch.epoch.value);
}

template <class Number>
bool read_gid_number(std::string_view text, Number& into) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), into);
  return error == std::errc{} && end == text.data() + text.size() && !text.empty();
}

std::string_view cut_gid(std::string_view& text, char at) {
  const auto end = std::min(text.find(at), text.size());
  const auto piece = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return piece;
}

}  // namespace

std::string gid_prefix(std::string_view identity) {
  std::string out = "orrery/";
  for (const char c : identity.substr(0, 64))
    if ((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'))
      out += c;
  return out + '/';
}

size_t gid_fits(std::string_view prefix, std::string_view number,
                std::span<const shard_batch* const> batches) {
  auto bytes = prefix.size() + number.size();
  size_t n = 0;
  while (n < batches.size() && (bytes += 1 + gid_member(*batches[n]).size()) <= gid_bytes_max)
    ++n;
  return std::max<size_t>(n, 1);
}

std::string make_gid(std::string_view prefix, std::string_view number,
                     std::span<const shard_batch* const> batches) {
  std::string gid(prefix);
  gid.append(number);
  for (size_t i = 0; i < batches.size(); ++i)
    gid.append(i == 0 ? "/" : ",").append(gid_member(*batches[i]));
  return gid;
}

std::optional<stock_gid> parse_gid(std::string_view text) {
  if (cut_gid(text, '/') != "orrery")
    return std::nullopt;
  stock_gid out;
  out.store = cut_gid(text, '/');
  out.number = cut_gid(text, '/');
  while (!text.empty()) {
    auto one = cut_gid(text, ',');
    shard_id shard;
    epoch_t epoch;
    if (!read_gid_number(cut_gid(one, '.'), shard.value) || !read_gid_number(one, epoch.value))
      return std::nullopt;
    out.shards.emplace_back(shard, epoch);
  }
  if (out.store.empty() || out.number.empty() || out.shards.empty())
    return std::nullopt;
  return out;
}

}  // namespace orrery::postgres
