#pragma once
/// An executor with shell scripts as its configured commands, and the outcomes it reported.

#include "actors/executors/process_executor.hpp"
#include "tests/support/process.hpp"

#include <gtest/gtest.h>
#include <filesystem>
#include <fstream>
#include <map>
#include <mutex>

namespace orrery::test {

inline constexpr std::chrono::seconds long_enough{30};

inline attempt_token token_of(uint32_t attempt) { return {.run = 1, .attempt = attempt}; }

inline command_template shell(std::string script, std::vector<std::string> more = {}) {
  command_template command;
  command.argv = {"/bin/sh", "-c", std::move(script), "sh"};
  command.argv.insert(command.argv.end(), more.begin(), more.end());
  return command;
}

inline size_t open_descriptors() {
  size_t count = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator("/proc/self/fd"))
    ++count;
  return count;
}

/// Neither there nor a zombie.
inline bool is_gone(pid_t pid) {
  std::ifstream stat("/proc/" + std::to_string(pid) + "/stat");
  std::string text;
  if (!std::getline(stat, text))
    return true;
  const auto close = text.rfind(')');
  return close == std::string::npos || text.substr(close + 2, 1) == "Z";
}

/// Children of this process, zombies included.
inline size_t children() {
  size_t count = 0;
  for (const auto& task : std::filesystem::directory_iterator("/proc/self/task")) {
    std::ifstream file(task.path() / "children");
    for (pid_t pid = 0; file >> pid;)
      ++count;
  }
  return count;
}

class process_executor_test : public ::testing::Test {
protected:
  using outcomes = std::multimap<uint32_t, work_outcome>;

  void configure(process_executor::options how) {
    executor_.reset();  // of two at a time only one adopts orphans
    executor_ = std::make_unique<process_executor>(std::move(how));
  }
  /// One command, named `run`.
  void configure(command_template command) {
    process_executor::options how;
    how.grace = 200ms;
    how.commands["run"] = std::move(command);
    configure(std::move(how));
  }

  void start(uint32_t attempt, std::string payload = R"({"command":"run"})") {
    work_item item;
    item.task = task_;
    item.token = token_of(attempt);
    item.epoch = epoch_t{7};
    item.kind = "exec";
    item.payload = std::move(payload);
    executor_->start(std::move(item), [this, attempt](work_outcome outcome) {
      const std::lock_guard lock(guard_);
      outcomes_.emplace(attempt, std::move(outcome));
    });
  }

  size_t ended() {
    const std::lock_guard lock(guard_);
    return outcomes_.size();
  }

  work_outcome outcome_of(uint32_t attempt) {
    EXPECT_TRUE(eventually(
        [&] {
          const std::lock_guard lock(guard_);
          return outcomes_.contains(attempt);
        },
        long_enough));
    const std::lock_guard lock(guard_);
    EXPECT_EQ(outcomes_.count(attempt), 1u);
    const auto found = outcomes_.find(attempt);
    return found == outcomes_.end() ? work_outcome{} : found->second;
  }

  work_outcome run(std::string payload = R"({"command":"run"})") {
    start(1, std::move(payload));
    return outcome_of(1);
  }

  /// The numbers that a script has written to `file`, once there are `count` of them.
  std::vector<pid_t> pids_in(const std::filesystem::path& file, size_t count) {
    std::vector<pid_t> pids;
    EXPECT_TRUE(eventually(
        [&] {
          pids.clear();
          std::ifstream in(file);
          std::string line;
          while (std::getline(in, line) && !in.eof())
            pids.push_back(static_cast<pid_t>(std::stol(line)));
          return pids.size() >= count;
        },
        long_enough))
        << file;
    return pids;
  }

  std::filesystem::path file(const std::string& name) const { return dir_.path() / name; }

  entity_id task_{make_uuid_v8("task", 3)};
  temp_dir dir_;
  std::mutex guard_;
  outcomes outcomes_;
  std::unique_ptr<process_executor> executor_;
};

}  // namespace orrery::test
