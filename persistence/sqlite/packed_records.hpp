#pragma once
/// Runs of intake records as the embedded log stores them: one blob for consecutive offsets.

#include "domain/ports/intake_log.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace orrery::sqlite {

/// A format byte (1), then per record: microseconds since the record before (the first: since the
/// epoch), key, value, number of headers, each header's name and value. Numbers are varints with
/// their sign folded in, texts come after their length.
class record_packer {
public:
  void add(const log_record& record);
  const std::string& bytes() const noexcept { return out_; }
  size_t records() const noexcept { return records_; }

private:
  std::string out_{'\1'};
  int64_t last_at_ = 0;
  size_t records_ = 0;
};

/// Appends the records of one blob whose offset is at least `from`. `corrupt` where the bytes are
/// bad or hold another number of records than `first` to `last`.
result<void> unpack_records(std::string_view bytes, intake topic, shard_id shard, int64_t first,
                            int64_t last, int64_t from, std::vector<log_record>& out);

}  // namespace orrery::sqlite
