#include "persistence/postgres/row_text.hpp"

#include <algorithm>
#include <charconv>

namespace orrery::postgres {

namespace {

constexpr time_point year_1 = from_micros(-62'135'596'800'000'000);
constexpr time_point year_10000 = from_micros(253'402'300'800'000'000);

/// `{1,2,3}`. Counts that an older program did not know are zero; those of a newer one are dropped.
template <size_t Size>
bool read_counts(std::string_view text, std::array<int64_t, Size>& out) {
  if (text.size() < 2 || text.front() != '{' || text.back() != '}')
    return false;
  text = text.substr(1, text.size() - 2);
  for (size_t i = 0; i < Size && !text.empty(); ++i) {
    const auto end = std::min(text.find(','), text.size());
    const auto number = read_number(text.substr(0, end));
    if (!number)
      return false;
    out[i] = *number;
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return true;
}

}  // namespace

result<int64_t> read_number(std::string_view text) {
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size())
    return failure{errc::corrupt, "not a number: " + std::string(text)};
  return value;
}

result<shard_row> read_shard(const std::vector<std::string_view>& fields) {
  const failure bad{errc::corrupt, "a row of shards cannot be read"};
  if (fields.size() != 9)
    return bad;
  shard_row row;
  const auto number = [&](size_t column, int64_t& out) {
    const auto value = read_number(fields[column]);
    out = value.value_or(0);
    return value.has_value();
  };
  int64_t shard = 0;
  if (!number(0, shard) || !number(2, row.epoch.value) || !number(3, row.position.value) ||
      !number(4, row.published.value) || !number(5, row.next[0]) || !number(6, row.next[1]) ||
      !read_counts(fields[8], row.counts.orders))
    return bad;
  std::array<int64_t, attempts_from + 1 + end_reasons> tasks{};
  if (!read_counts(fields[7], tasks))
    return bad;
  std::copy_n(tasks.begin(), task_statuses, row.counts.tasks.begin());
  row.counts.attempts.started = tasks[attempts_from];
  std::copy_n(tasks.begin() + attempts_from + 1, end_reasons, row.counts.attempts.ended.begin());
  row.shard = shard_id{static_cast<uint16_t>(shard)};
  row.owner = fields[1];
  return row;
}

std::string instant_text(time_point at) {
  if (at < year_1)
    return "-infinity";
  return at < year_10000 ? format_time(at) : "infinity";
}

}  // namespace orrery::postgres
