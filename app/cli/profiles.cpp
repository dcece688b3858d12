#include "app/cli/profiles.hpp"

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <sstream>
#include <sys/stat.h>
#include <toml++/toml.h>
#include <unistd.h>

namespace orrery::cli {

namespace {

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? std::string{} : std::string(value);
}

failure by_system(const std::filesystem::path& file) {
  return {errc::unavailable, file.string() + ": " + std::strerror(errno)};
}

result<profile> read_one(const std::string& name, const toml::node& node) {
  const auto* table = node.as_table();
  if (table == nullptr)
    return failure{errc::invalid, "must be a table", "profiles." + name};
  profile out;
  for (const auto& [key, value] : *table) {
    std::string* into = key.str() == "server"    ? &out.server
                        : key.str() == "token"   ? &out.token
                        : key.str() == "ca"      ? &out.ca
                        : key.str() == "output"  ? &out.output
                        : key.str() == "timeout" ? &out.timeout
                                                 : nullptr;
    const auto text = value.value<std::string>();
    if (into == nullptr || !text)
      return failure{errc::invalid, "is not known, or no text",
                     "profiles." + name + "." + std::string(key.str())};
    *into = *text;
  }
  return out;
}

}  // namespace

std::filesystem::path profile_file() {
  if (const auto file = variable("ORRERY_CLI_CONFIG"); !file.empty())
    return file;
  if (const auto folder = variable("XDG_CONFIG_HOME"); !folder.empty())
    return std::filesystem::path(folder) / "orrery" / "cli.toml";
  return std::filesystem::path(variable("HOME")) / ".config" / "orrery" / "cli.toml";
}

result<profile_book> read_profiles(const std::filesystem::path& file) {
  struct stat about {};
  if (stat(file.c_str(), &about) != 0) {
    if (errno == ENOENT || errno == ENOTDIR)
      return profile_book{};
    return by_system(file);
  }
  profile_book book;
  bool secrets = false;
  try {
    const auto all = toml::parse_file(file.string());
    book.current = all["current"].value_or(std::string{});
    if (const auto* profiles = all["profiles"].as_table())
      for (const auto& [name, node] : *profiles) {
        auto one = read_one(std::string(name.str()), node);
        if (!one)
          return failure{errc::invalid, file.string() + ": " + one.error().detail,
                         one.error().field};
        secrets = secrets || !one->token.empty();
        book.profiles.emplace(name.str(), std::move(*one));
      }
  } catch (const toml::parse_error& e) {
    return failure{errc::invalid, file.string() + " line " + std::to_string(e.source().begin.line) +
                                      ": " + std::string(e.description())};
  }
  if (secrets && (about.st_mode & (S_IRWXG | S_IRWXO)) != 0)
    return failure{
        errc::rejected,
        file.string() + " holds tokens and others can read it: chmod 600 " + file.string()};
  return book;
}

result<void> write_profiles(const std::filesystem::path& file, const profile_book& book) {
  toml::table profiles;
  for (const auto& [name, one] : book.profiles) {
    toml::table row;
    for (const auto& [key, value] :
         {std::pair{"server", &one.server}, std::pair{"token", &one.token},
          std::pair{"ca", &one.ca}, std::pair{"output", &one.output},
          std::pair{"timeout", &one.timeout}})
      if (!value->empty())
        row.insert(key, *value);
    profiles.insert(name, std::move(row));
  }
  toml::table all;
  if (!book.current.empty())
    all.insert("current", book.current);
  all.insert("profiles", std::move(profiles));
  std::ostringstream text;
  text << all << '\n';

  const auto folder = file.parent_path();
  std::error_code error;
  if (!folder.empty() && std::filesystem::create_directories(folder, error) && !error)
    std::filesystem::permissions(folder, std::filesystem::perms::owner_all, error);
  // Beside it, then in its place: a crash leaves the old file or the new one, and no moment shows a
  // token to others.
  const auto fresh = file.string() + "." + std::to_string(getpid());
  const int handle = open(fresh.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (handle < 0)
    return by_system(fresh);
  const auto bytes = text.str();
  const bool whole =
      write(handle, bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size()) &&
      fsync(handle) == 0;
  if (close(handle) != 0 || !whole || rename(fresh.c_str(), file.c_str()) != 0) {
    auto why = by_system(file);
    unlink(fresh.c_str());
    return why;
  }
  return {};
}

result<profile> choose_profile(const profile& flags, const std::string& name) {
  const auto wanted = name.empty() ? variable("ORRERY_PROFILE") : name;
  profile out{variable("ORRERY_SERVER"), variable("ORRERY_TOKEN"), variable("ORRERY_CA"),
              variable("ORRERY_OUTPUT"), variable("ORRERY_TIMEOUT")};
  for (const auto& [flag, into] :
       {std::pair{&flags.server, &out.server}, std::pair{&flags.token, &out.token},
        std::pair{&flags.ca, &out.ca}, std::pair{&flags.output, &out.output},
        std::pair{&flags.timeout, &out.timeout}})
    if (!flag->empty())
      *into = *flag;
  const auto book = read_profiles(profile_file());
  if (!book)
    return book.error();
  const auto& chosen = wanted.empty() ? book->current : wanted;
  const auto found = book->profiles.find(chosen);
  if (found == book->profiles.end() && !wanted.empty())
    return failure{errc::not_found,
                   "there is no profile " + wanted + " in " + profile_file().string(), "--profile"};
  if (found != book->profiles.end()) {
    // A token belongs to its server: another server by flag or variable is not told it.
    if (out.token.empty() && (out.server.empty() || out.server == found->second.server))
      out.token = found->second.token;
    if (out.server.empty())
      out.server = found->second.server;
    if (out.ca.empty())
      out.ca = found->second.ca;
    if (out.output.empty())
      out.output = found->second.output;
    if (out.timeout.empty())
      out.timeout = found->second.timeout;
  }
  if (out.server.empty())
    out.server = "http://127.0.0.1:8080";
  if (out.output.empty())
    out.output = "text";
  if (out.timeout.empty())
    out.timeout = "30s";
  return out;
}

}  // namespace orrery::cli
