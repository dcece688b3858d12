#include "persistence/memory/memory_logs.hpp"

#include "codec/log_lines.hpp"

#include <algorithm>

namespace orrery {

class memory_logs::session final : public task_log_store {
public:
  explicit session(std::shared_ptr<table> of) : of_(std::move(of)) {}

  result<void> append(std::string_view node, std::span<const log_batch> batches, int64_t bytes_max,
                      time_point now) override {
    const std::lock_guard lock(of_->guard);
    for (const auto& batch : batches) {
      auto& row = of_->rows[{batch.task, batch.token}];
      if (row.stamp == batch.stamp)
        continue;
      row.stamp = batch.stamp;
      row.written_at = now;
      row.content.node = node;
      row.content.lost.lines += batch.lost.lines;
      row.content.lost.bytes += batch.lost.bytes;
      for (const auto& packed : codec::pack_lines(batch.lines)) {
        row.content.chunks.push_back({++row.newest, *codec::unpack_lines(packed.body)});
        row.sizes.push_back(static_cast<int64_t>(packed.body.size()));
        row.content.lines += packed.lines;
        row.content.bytes += row.sizes.back();
      }
      if (row.content.bytes > bytes_max)
        while (row.content.bytes > bytes_max / 8 * 7 && !row.sizes.empty())
          drop_oldest(row);
    }
    return {};
  }

  result<log_content> read(entity_id task, attempt_token token, int64_t after) override {
    const std::lock_guard lock(of_->guard);
    const auto found = of_->rows.find({task, token});
    if (found == of_->rows.end())
      return log_content{};
    auto content = found->second.content;
    std::erase_if(content.chunks, [&](const auto& chunk) { return chunk.number <= after; });
    return content;
  }

  result<int64_t> trim(std::string_view node, int64_t bytes_max) override {
    const std::lock_guard lock(of_->guard);
    int64_t total = 0;
    std::vector<attempt*> rows;
    for (auto& [key, row] : of_->rows)
      if (row.content.node == node && row.content.bytes > 0) {
        total += row.content.bytes;
        rows.push_back(&row);
      }
    if (total <= bytes_max)
      return 0;
    std::ranges::stable_sort(rows, {}, [](const attempt* row) { return row->written_at; });
    int64_t gone = 0;
    for (auto* row : rows) {
      if (total - gone <= bytes_max / 8 * 7)
        break;
      gone += row->content.bytes;
      while (!row->sizes.empty())
        drop_oldest(*row);
    }
    return gone;
  }

  result<void> erase(std::span<const entity_id> tasks) override {
    const std::lock_guard lock(of_->guard);
    for (const auto id : tasks)
      std::erase_if(of_->rows, [&](const auto& row) { return row.first.first == id; });
    return {};
  }

private:
  static void drop_oldest(attempt& row) {
    const auto lines = static_cast<int64_t>(row.content.chunks.front().lines.size());
    row.content.lines -= lines;
    row.content.bytes -= row.sizes.front();
    row.content.lost.lines += lines;
    row.content.lost.bytes += row.sizes.front();
    row.content.chunks.erase(row.content.chunks.begin());
    row.sizes.erase(row.sizes.begin());
  }

  std::shared_ptr<table> of_;
};

std::unique_ptr<task_log_store> memory_logs::open_logs() {
  return std::make_unique<session>(table_);
}

}  // namespace orrery
