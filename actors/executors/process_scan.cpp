#include "actors/executors/process_scan.hpp"

#include "actors/executors/descriptor.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/syscall.h>
#include <algorithm>
#include <array>
#include <charconv>
#include <csignal>
#include <memory>
#include <string_view>
#include <iterator>
#include <unistd.h>
#include <unordered_map>

namespace orrery {

namespace {

/// Up to `limit` bytes of a file of /proc; empty where it cannot be read.
std::string read_file(const std::string& path, size_t limit) {
  const descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  std::string out;
  if (!file)
    return out;
  std::array<char, 4096> piece;
  while (out.size() < limit) {
    const auto got = ::read(file.get(), piece.data(), piece.size());
    if (got <= 0)
      break;
    out.append(piece.data(), static_cast<size_t>(got));
  }
  return out;
}

std::string proc_path(pid_t pid, const char* name) {
  return "/proc/" + std::to_string(pid) + "/" + name;
}

template <class Number>
Number number_of(std::string_view text) {
  Number value{};
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

/// The mark a process was started with; empty = none.
std::string mark_of(pid_t pid) {
  constexpr size_t environment_bytes = 256 * 1024;
  // One NUL before the first variable too, so that each is found as a whole name.
  const auto environment =
      std::string(1, '\0') + read_file(proc_path(pid, "environ"), environment_bytes);
  const auto name = std::string(1, '\0') + process_mark_variable + "=";
  const auto at = environment.find(name);
  if (at == std::string::npos)
    return {};
  const auto begin = at + name.size();
  const auto end = environment.find('\0', begin);
  return environment.substr(begin, end == std::string::npos ? end : end - begin);
}

/// Reads each process's mark at most once in a scan.
class mark_cache {
public:
  const std::string& operator()(pid_t pid) {
    const auto [place, is_new] = marks_.try_emplace(pid);
    if (is_new)
      place->second = mark_of(pid);
    return place->second;
  }

private:
  std::unordered_map<pid_t, std::string> marks_;
};

std::vector<seen_process> look_at_all() {
  std::vector<seen_process> all;
  const std::unique_ptr<DIR, int (*)(DIR*)> folder(::opendir("/proc"), &::closedir);
  if (!folder)
    return all;
  while (const auto* entry = ::readdir(folder.get())) {
    const auto pid = number_of<pid_t>(entry->d_name);
    if (pid <= 0)
      continue;
    if (const auto seen = look_at_process(pid); seen.pid > 0)
      all.push_back(seen);
  }
  return all;
}

bool same_process(const seen_process& a, const seen_process& b) {
  return a.pid == b.pid && a.started == b.started;
}

/// The members of one family among all processes.
std::vector<seen_process> members(const process_family& family, std::vector<seen_process>& all,
                                  mark_cache& marks) {
  const auto leader =
      std::find_if(all.begin(), all.end(), [&](const auto& p) { return p.pid == family.leader; });
  // Without the leader's start nothing can be told apart; it is unreaped, so this does not happen.
  const uint64_t begin = leader == all.end() ? 0 : leader->started;
  std::unordered_map<pid_t, bool> belongs;
  for (const auto& p : all) {
    if (p.started < begin)
      continue;
    const bool known = std::any_of(family.known.begin(), family.known.end(),
                                   [&](const auto& k) { return same_process(k, p); });
    if (known || p.pid == family.leader || p.session == family.leader || p.group == family.leader ||
        marks(p.pid) == family.mark)
      belongs[p.pid] = true;
  }
  for (bool grew = true; grew;) {
    grew = false;
    for (const auto& p : all)
      if (p.started >= begin && !belongs.contains(p.pid) && belongs.contains(p.parent))
        grew = belongs[p.pid] = true;
  }
  std::vector<seen_process> found;
  for (auto& p : all) {
    p.claimed |= belongs.contains(p.pid);
    if (!p.ended && belongs.contains(p.pid))
      found.push_back(p);
  }
  return found;
}

}  // namespace

seen_process look_at_process(pid_t pid) {
  seen_process seen;
  const auto text = read_file(proc_path(pid, "stat"), 4096);
  // The name stands in parentheses and may hold anything; the last one closes it.
  const auto close = text.rfind(')');
  if (close == std::string::npos || close + 2 >= text.size())
    return seen;
  std::array<std::string_view, 20> fields;  // From the third on: state, ppid, pgrp, session, …
  std::string_view rest = std::string_view(text).substr(close + 2);
  for (auto& field : fields) {
    const auto space = rest.find(' ');
    field = rest.substr(0, space);
    rest = space == std::string_view::npos ? std::string_view{} : rest.substr(space + 1);
  }
  seen.pid = pid;
  seen.ended = fields[0] == "Z" || fields[0] == "X";
  seen.parent = number_of<pid_t>(fields[1]);
  seen.group = number_of<pid_t>(fields[2]);
  seen.session = number_of<pid_t>(fields[3]);
  seen.started = number_of<uint64_t>(fields[19]);
  return seen;
}

scan_result find_members(const std::vector<process_family*>& families) {
  scan_result seen;
  auto all = look_at_all();
  mark_cache marks;
  for (auto* family : families)
    family->known = members(*family, all, marks);
  const auto self = ::getpid();
  const auto session = ::getsid(0);
  std::copy_if(all.begin(), all.end(), std::back_inserter(seen.children),
               [&](const auto& p) { return p.parent == self && p.session != session; });
  return seen;
}

void signal_process(const seen_process& process, int number) {
  const descriptor handle(static_cast<int>(::syscall(SYS_pidfd_open, process.pid, 0U)));
  // The handle names whoever has the number now; only the start time tells whether it is still the
  // same.
  if (handle && same_process(look_at_process(process.pid), process))
    ::syscall(SYS_pidfd_send_signal, handle.get(), number, nullptr, 0U);
}

}  // namespace orrery
