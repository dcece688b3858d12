#include "persistence/sqlite/shard_rows.hpp"

namespace orrery::sqlite {

namespace {

void append(std::string& out, int64_t number) {
  for (int shift = 0; shift < 64; shift += 8)
    out.push_back(static_cast<char>(static_cast<uint64_t>(number) >> shift & 0xff));
}

int64_t number_at(std::string_view bytes, size_t index) {
  uint64_t number = 0;
  for (size_t i = 0; i < 8; ++i)
    number |= uint64_t{static_cast<uint8_t>(bytes[2 + 8 * index + i])} << (8 * i);
  return static_cast<int64_t>(number);
}

}  // namespace

std::string encode_counts(const status_counts& counts) {
  std::string out;
  out.reserve(2 + 8 * (task_statuses + order_statuses + 1 + end_reasons));
  out.push_back(static_cast<char>(task_statuses));
  out.push_back(static_cast<char>(order_statuses));
  for (const auto n : counts.tasks)
    append(out, n);
  for (const auto n : counts.orders)
    append(out, n);
  append(out, counts.attempts.started);
  for (const auto n : counts.attempts.ended)
    append(out, n);
  return out;
}

result<status_counts> decode_counts(std::string_view bytes) {
  const failure bad{errc::corrupt, "the stored counts of a shard cannot be read"};
  if (bytes.size() < 2)
    return bad;
  const size_t tasks = static_cast<uint8_t>(bytes[0]);
  const size_t orders = static_cast<uint8_t>(bytes[1]);
  const size_t known = 2 + 8 * (tasks + orders);
  if (bytes.size() < known || tasks > task_statuses || orders > order_statuses)
    return bad;
  const size_t attempts = (bytes.size() - known) / 8;  // none: written before they were counted
  if (bytes.size() != known + 8 * attempts || attempts > 1 + end_reasons)
    return bad;
  status_counts counts;
  for (size_t i = 0; i < tasks; ++i)
    counts.tasks[i] = number_at(bytes, i);
  for (size_t i = 0; i < orders; ++i)
    counts.orders[i] = number_at(bytes, tasks + i);
  for (size_t i = 0; i < attempts; ++i)
    (i == 0 ? counts.attempts.started : counts.attempts.ended[i - 1]) =
        number_at(bytes, tasks + orders + i);
  return counts;
}

result<shard_row> read_shard_row(const query& q) {
  auto counts = decode_counts(q.bytes(7));
  if (!counts)
    return std::move(counts).error();
  shard_row row;
  row.shard = shard_id{static_cast<uint16_t>(q.number(0))};
  row.owner = q.text(1);
  row.epoch = epoch_t{q.number(2)};
  row.position = position_t{q.number(3)};
  row.published = position_t{q.number(4)};
  row.next = {q.number(5), q.number(6)};
  row.counts = *counts;
  return row;
}

}  // namespace orrery::sqlite
