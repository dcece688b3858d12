#pragma once
/// Where the command line finds its server: a file of profiles, readable by its owner alone.
///
/// A flag counts more than a variable (`ORRERY_SERVER`, `ORRERY_TOKEN`, `ORRERY_CA`, `ORRERY_PROFILE`,
/// `ORRERY_OUTPUT`, `ORRERY_TIMEOUT`), a variable more than the profile, the profile more than
/// `http://127.0.0.1:8080`, `text` and `30s`.

#include "base/result.hpp"

#include <filesystem>
#include <map>
#include <string>

namespace orrery::cli {

struct profile {
  std::string server;
  std::string token;
  std::string ca;
  std::string output = {};   ///< As `-o` takes it.
  std::string timeout = {};  ///< As `--timeout` takes it.
};

struct profile_book {
  std::string current;  ///< The one that counts where none is named; may be empty.
  std::map<std::string, profile> profiles;
};

/// `ORRERY_CLI_CONFIG`, else `orrery/cli.toml` in `XDG_CONFIG_HOME` or `~/.config`.
std::filesystem::path profile_file();
/// An empty book where there is no file. `rejected` where others can read a file that holds a token,
/// `invalid` where it cannot be read as what it should be, with the place.
result<profile_book> read_profiles(const std::filesystem::path& file);
/// Replaces the file as a whole; mode 0600, its folder 0700 where it is made.
result<void> write_profiles(const std::filesystem::path& file, const profile_book& book);

/// What was said at the command line, completed by variables and the profile.
result<profile> choose_profile(const profile& flags, const std::string& name);

}  // namespace orrery::cli
