#include "persistence/sqlite/packed_records.hpp"

#include <optional>

namespace orrery::sqlite {

namespace {

void append_number(std::string& out, int64_t number) {
  auto rest = static_cast<uint64_t>(number) << 1 ^ static_cast<uint64_t>(number >> 63);
  while (rest >= 0x80) {
    out.push_back(static_cast<char>(rest | 0x80));
    rest >>= 7;
  }
  out.push_back(static_cast<char>(rest));
}

void append_text(std::string& out, std::string_view text) {
  append_number(out, static_cast<int64_t>(text.size()));
  out.append(text);
}

/// Reads from the front; after a failure everything that follows fails too.
class unpacker {
public:
  explicit unpacker(std::string_view bytes) : rest_(bytes) {}

  int64_t number() {
    uint64_t folded = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
      if (rest_.empty())
        break;
      const auto byte = static_cast<uint8_t>(rest_.front());
      rest_.remove_prefix(1);
      folded |= uint64_t{byte & 0x7fU} << shift;
      if (byte < 0x80)
        return static_cast<int64_t>(folded >> 1) ^ -static_cast<int64_t>(folded & 1);
    }
    good_ = false;
    return 0;
  }

  std::string text() {
    const auto length = number();
    if (length < 0 || static_cast<uint64_t>(length) > rest_.size()) {
      good_ = false;
      return {};
    }
    std::string out(rest_.substr(0, static_cast<size_t>(length)));
    rest_.remove_prefix(static_cast<size_t>(length));
    return out;
  }

  bool good() const noexcept { return good_; }
  bool at_end() const noexcept { return rest_.empty(); }

private:
  std::string_view rest_;
  bool good_ = true;
};

}  // namespace

void record_packer::add(const log_record& record) {
  append_number(out_, micros(record.at) - last_at_);
  last_at_ = micros(record.at);
  append_text(out_, record.key);
  append_text(out_, record.value);
  append_number(out_, static_cast<int64_t>(record.headers.size()));
  for (const auto& header : record.headers) {
    append_text(out_, header.name);
    append_text(out_, header.value);
  }
  ++records_;
}

result<void> unpack_records(std::string_view bytes, intake topic, shard_id shard, int64_t first,
                            int64_t last, int64_t from, std::vector<log_record>& out) {
  const failure bad{errc::corrupt, "records " + std::to_string(first) + " to " +
                                       std::to_string(last) + " of shard " +
                                       std::to_string(shard.value) + " cannot be read"};
  if (bytes.empty() || bytes.front() != '\1')
    return bad;
  unpacker in(bytes.substr(1));
  int64_t at = 0;
  for (auto offset = first; offset <= last; ++offset) {
    at += in.number();
    log_record record{topic, shard, offset, from_micros(at), in.text(), in.text(), {}};
    for (auto headers = in.number(); headers > 0 && in.good(); --headers) {
      auto name = in.text();
      record.headers.push_back({std::move(name), in.text()});
    }
    if (!in.good())
      return bad;
    if (offset >= from)
      out.push_back(std::move(record));
  }
  return in.at_end() ? result<void>{} : bad;
}

}  // namespace orrery::sqlite
