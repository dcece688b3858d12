#include "bridge/telemetry/log_spool.hpp"

#include <algorithm>
#include <charconv>
#include <fstream>
#include <iterator>

namespace orrery {

log_spool::log_spool(std::filesystem::path folder, uint64_t bytes_max, uint64_t segment_bytes)
    : folder_(std::move(folder)), bytes_max_(bytes_max), segment_bytes_(segment_bytes) {
  std::error_code error;
  std::filesystem::create_directories(folder_, error);
  for (auto it = std::filesystem::directory_iterator(folder_, error);
       !error && it != std::filesystem::directory_iterator(); it.increment(error)) {
    const auto name = it->path().filename().string();
    uint64_t number = 0;
    const auto [end, bad] = std::from_chars(name.data(), name.data() + name.size(), number);
    if (bad != std::errc{} || std::string_view(end) != ".ndjson")
      continue;
    std::error_code ignored;
    segments_.push_back({number, std::filesystem::file_size(it->path(), ignored)});
    bytes_ += segments_.back().bytes;
  }
  std::sort(segments_.begin(), segments_.end(),
            [](const auto& a, const auto& b) { return a.number < b.number; });
}

std::filesystem::path log_spool::file_of(uint64_t number) const {
  return folder_ / (std::to_string(number) + ".ndjson");
}

bool log_spool::add(std::string_view entry) {
  if (entry.size() > bytes_max_)
    return false;
  while (!segments_.empty() && bytes_ + entry.size() > bytes_max_) {
    if (const auto lost = first())
      dropped_ += static_cast<uint64_t>(std::count(lost->begin(), lost->end(), '\n'));
    drop_first();
  }
  if (fresh_ || segments_.empty() || segments_.back().bytes >= segment_bytes_)
    segments_.push_back({segments_.empty() ? 1 : segments_.back().number + 1, 0});
  fresh_ = false;
  std::ofstream file(file_of(segments_.back().number), std::ios::app | std::ios::binary);
  file.write(entry.data(), static_cast<std::streamsize>(entry.size()));
  file.close();
  if (!file)
    return false;
  segments_.back().bytes += entry.size();
  bytes_ += entry.size();
  return true;
}

result<std::string> log_spool::first() const {
  if (segments_.empty())
    return failure{errc::not_found, "the spool is empty"};
  std::ifstream file(file_of(segments_.front().number), std::ios::binary);
  std::string text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  if (!file)
    return failure{errc::unavailable, "the spool cannot be read"};
  text.resize(text.rfind('\n') == std::string::npos ? 0 : text.rfind('\n') + 1);
  return text;
}

void log_spool::drop_first() {
  std::error_code ignored;
  std::filesystem::remove(file_of(segments_.front().number), ignored);
  bytes_ -= std::min(bytes_, segments_.front().bytes);
  segments_.pop_front();
  if (segments_.empty())
    fresh_ = true;
}

}  // namespace orrery
