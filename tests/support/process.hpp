#pragma once
/// Temporary folders, free ports and child processes for tests. Everything is cleaned up by destructors.

#include <chrono>
#include <filesystem>
#include <string>
#include <sys/types.h>
#include <vector>

namespace orrery::test {

/// A folder of its own under the system's temporary folder; removed with all it holds, but kept where
/// the present test has failed (its path is then printed).
class temp_dir {
public:
  temp_dir();
  ~temp_dir();
  temp_dir(const temp_dir&) = delete;
  temp_dir& operator=(const temp_dir&) = delete;
  const std::filesystem::path& path() const noexcept { return path_; }

private:
  std::filesystem::path path_;
};

/// A TCP port on loopback that was free a moment ago.
uint16_t free_port();

/// The repository's root, as configured by CMake.
std::filesystem::path source_dir();

/// A child process in its own process group; killed with the whole group at destruction.
class child_process {
public:
  /// `argv[0]` is looked up in PATH. Output goes to `log` (appended); empty = /dev/null.
  child_process(std::vector<std::string> argv, std::filesystem::path log = {},
                std::vector<std::string> environment = {});
  ~child_process();
  child_process(const child_process&) = delete;
  child_process& operator=(const child_process&) = delete;

  pid_t pid() const noexcept { return pid_; }
  bool running();
  void signal(int number);  ///< To the process alone.
  /// Waits; the exit status, 128 + signal, or -1 when it still runs after `limit`.
  int wait(std::chrono::milliseconds limit);

private:
  pid_t pid_ = -1;
  int status_ = -1;
  bool reaped_ = false;
};

/// Runs a command to its end and gives its exit status and output (stdout and stderr).
struct run_result {
  int status = -1;
  std::string output;
};
run_result run(const std::string& shell_command);

/// Polls until `condition` holds; false when it does not within `limit`.
template <class Condition>
bool eventually(Condition condition, std::chrono::milliseconds limit);

void sleep_briefly();

template <class Condition>
bool eventually(Condition condition, std::chrono::milliseconds limit) {
  const auto end = std::chrono::steady_clock::now() + limit;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > end)
      return false;
    sleep_briefly();
  }
  return true;
}

}  // namespace orrery::test
