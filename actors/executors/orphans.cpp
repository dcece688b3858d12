#include "actors/executors/orphans.hpp"

#include "base/log.hpp"

#include <sys/prctl.h>
#include <sys/wait.h>
#include <algorithm>
#include <atomic>
#include <csignal>
#include <mutex>

namespace orrery {

namespace {

/// Being a subreaper is a property of the whole process.
std::atomic<bool> adopted{false};

/// Of all executors of the process.
struct leader_list {
  std::mutex guard;
  std::set<pid_t> pids;
  bool has(pid_t pid) {
    const std::lock_guard lock(guard);
    return pids.contains(pid);
  }
};
leader_list& leaders() {
  static leader_list all;
  return all;
}

bool same(const seen_process& a, const seen_process& b) {
  return a.pid == b.pid && a.started == b.started;
}

}  // namespace

orphan_keeper::orphan_keeper() {
  if (adopted.exchange(true))
    return;
  adopts_ = ::prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0;
  if (!adopts_)
    adopted = false;
}

orphan_keeper::~orphan_keeper() {
  if (!adopts_)
    return;
  ::prctl(PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0);
  adopted = false;
}

void orphan_keeper::began(pid_t leader) {
  const std::lock_guard lock(leaders().guard);
  leaders().pids.insert(leader);
}

void orphan_keeper::reaped(pid_t leader) {
  const std::lock_guard lock(leaders().guard);
  leaders().pids.erase(leader);
}

void orphan_keeper::settle(const scan_result& seen, const std::vector<process_family*>& running) {
  if (!adopts_)
    return;
  for (const auto& process : seen.children)
    if (process.ended && !leaders().has(process.pid))
      ::waitpid(process.pid, nullptr, WNOHANG);
  std::vector<orphan> now;
  for (const auto& process : seen.children) {
    if (process.ended || process.claimed || leaders().has(process.pid))
      continue;
    const auto known = std::find_if(orphans_.begin(), orphans_.end(),
                                    [&](const orphan& o) { return same(o.process, process); });
    orphan one{process, {}};
    for (const auto* family : running)
      if (known == orphans_.end() ? look_at_process(family->leader).started <= process.started
                                  : known->candidates.contains(family->leader))
        one.candidates.insert(family->leader);
    if (one.candidates.empty()) {
      if (known == orphans_.end())
        continue;  // older than all that run here: not of an attempt
      log::warning("exec.orphan_killed", {{"process", process.pid}});
      signal_process(process, SIGKILL);
    } else if (one.candidates.size() == 1) {
      const auto owner = std::find_if(running.begin(), running.end(), [&](const auto* family) {
        return family->leader == *one.candidates.begin();
      });
      (*owner)->known.push_back(process);
      continue;
    }
    now.push_back(std::move(one));
  }
  orphans_ = std::move(now);
}

}  // namespace orrery
