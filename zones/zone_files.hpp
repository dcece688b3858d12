#pragma once
/// The system's time zones: reads TZif files (RFC 8536) of the IANA database.
///
/// Thread-safe. A zone is read once and kept; there are as many as there are files. Names are those of the
/// database (`Europe/Warsaw`); `UTC` is known without any file.

#include "domain/cron/fire_times.hpp"

#include <filesystem>
#include <map>
#include <mutex>
#include <span>

namespace orrery {

class zone_files {
public:
  /// `folder` empty = the first that is there of `$TZDIR`, `/usr/share/zoneinfo`, `/usr/lib/zoneinfo`.
  explicit zone_files(std::filesystem::path folder = {});

  /// `not_found` where there is no such zone, `corrupt` where its file is not what it should be.
  result<shared_zone> find(std::string_view name);
  /// `find` as a function; this object must outlive it.
  zone_lookup lookup();

private:
  std::filesystem::path folder_;
  std::mutex guard_;
  std::map<std::string, shared_zone, std::less<>> known_;
};

/// The rules in the bytes of a TZif file of version 2 or later, up to the year 2200: its table, then its
/// footer's rule.
result<zone_rules> read_tzif(std::string name, std::span<const unsigned char> bytes);

/// Expands a POSIX rule (`CET-1CEST,M3.5.0,M10.5.0/3`) from `from` (exclusive) to the end of the year
/// 2200; `standard` is the offset without daylight saving.
struct expanded_rule {
  int32_t standard = 0;
  std::vector<zone_rules::change> changes;
};
result<expanded_rule> expand_posix_rule(std::string_view rule, unix_seconds from);

}  // namespace orrery
