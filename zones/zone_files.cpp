#include "zones/zone_files.hpp"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <fstream>
#include <iterator>

namespace orrery {

namespace {

constexpr size_t file_bytes_max = 1024 * 1024;

/// `Europe/Warsaw`, `Etc/GMT+5`; nothing that leaves the folder.
bool is_zone_name(std::string_view name) {
  if (name.empty() || name.size() > 64 || name.front() == '/' || name.starts_with("right/"))
    return false;
  return std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '/' ||
           c == '_' || c == '+' || c == '-';
  });
}

std::filesystem::path system_folder() {
  if (const char* named = std::getenv("TZDIR"); named != nullptr && *named != '\0')
    return named;
  for (const char* folder : {"/usr/share/zoneinfo", "/usr/lib/zoneinfo"})
    if (std::error_code ignored; std::filesystem::is_directory(folder, ignored))
      return folder;
  return "/usr/share/zoneinfo";
}

}  // namespace

zone_files::zone_files(std::filesystem::path folder)
    : folder_(folder.empty() ? system_folder() : std::move(folder)) {
  known_.emplace("UTC", std::make_shared<const zone_rules>());
}

result<shared_zone> zone_files::find(std::string_view name) {
  const std::lock_guard lock(guard_);
  if (const auto found = known_.find(name); found != known_.end())
    return found->second;
  const auto unknown = [&] {
    return failure{errc::not_found,
                   "there is no time zone \"" + std::string(name.substr(0, 64)) +
                       "\"; names are those of the IANA database, like Europe/Warsaw"};
  };
  if (!is_zone_name(name))
    return unknown();
  const auto path = folder_ / std::string(name);
  std::error_code ignored;
  if (!std::filesystem::is_regular_file(path, ignored) ||
      std::filesystem::file_size(path, ignored) > file_bytes_max)
    return unknown();
  std::ifstream in(path, std::ios::binary);
  const std::vector<unsigned char> bytes{std::istreambuf_iterator<char>(in), {}};
  if (bytes.size() < 4 || !std::equal(bytes.begin(), bytes.begin() + 4, "TZif"))
    return unknown();  // a table of the database, or a note beside it
  auto rules = read_tzif(std::string(name), bytes);
  if (!rules)
    return std::move(rules).error();
  auto shared = std::make_shared<const zone_rules>(std::move(*rules));
  known_.emplace(std::string(name), shared);
  return shared;
}

zone_lookup zone_files::lookup() {
  return [this](std::string_view name) { return find(name); };
}

}  // namespace orrery
