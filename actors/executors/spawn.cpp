#include "actors/executors/spawn.hpp"

#include <fcntl.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <memory>

namespace orrery {

namespace {

struct limit_entry {
  int resource;
  rlim_t value;
};

/// All that the child needs, prepared before it exists: it shares our memory until `execve` and
/// must neither allocate nor lock.
struct child_plan {
  pid_t parent = -1;
  const char* directory = nullptr;
  char* const* argv = nullptr;
  char* const* environment = nullptr;
  std::array<int, 3> standard{-1, -1, -1};
  std::array<limit_entry, 5> limits{};
  size_t limits_used = 0;
  int error = 0;  ///< Set by the child where a step failed.
  const char* failed_step = nullptr;
};

[[noreturn]] void give_up(child_plan& plan, const char* step) {
  plan.error = errno;
  plan.failed_step = step;
  ::_exit(127);
}

/// Runs in the child, on its own stack, while the parent's thread waits (CLONE_VFORK).
int become_command(void* argument) {
  auto& plan = *static_cast<child_plan*>(argument);
  struct sigaction by_default {};
  by_default.sa_handler = SIG_DFL;
  for (int number = 1; number < NSIG; ++number)
    ::sigaction(number, &by_default, nullptr);  // Refused for a few numbers; they have no handler.
  if (::setsid() < 0)
    give_up(plan, "setsid");
  if (::prctl(PR_SET_PDEATHSIG, SIGKILL) != 0)
    give_up(plan, "parent death signal");
  // The node may have died before the line above took effect.
  if (::getppid() != plan.parent)
    give_up(plan, "parent");
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
    give_up(plan, "no new privileges");
  for (int i = 0; i < 3; ++i)
    if (::dup2(plan.standard[static_cast<size_t>(i)], i) < 0)
      give_up(plan, "dup2");
  if (::syscall(SYS_close_range, 3U, ~0U, 0U) != 0)
    give_up(plan, "close_range");
  if (::chdir(plan.directory) != 0)
    give_up(plan, "working directory");
  for (size_t i = 0; i < plan.limits_used; ++i) {
    const rlimit value{plan.limits[i].value, plan.limits[i].value};
    if (::setrlimit(static_cast<__rlimit_resource_t>(plan.limits[i].resource), &value) != 0)
      give_up(plan, "resource limits");
  }
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::execve(plan.argv[0], plan.argv, plan.environment);
  give_up(plan, "execve");
}

/// A stack for the child, with a page below it that faults.
class child_stack {
public:
  child_stack()
      : base_(::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK,
                     -1, 0)) {
    if (base_ != MAP_FAILED)
      ::mprotect(base_, guard, PROT_NONE);
  }
  ~child_stack() {
    if (base_ != MAP_FAILED)
      ::munmap(base_, size);
  }
  child_stack(const child_stack&) = delete;
  child_stack& operator=(const child_stack&) = delete;
  bool usable() const noexcept { return base_ != MAP_FAILED; }
  void* top() const noexcept { return static_cast<char*>(base_) + size; }

private:
  static constexpr size_t guard = 4096;
  static constexpr size_t size = 256 * 1024;
  void* base_;
};

/// Signals stay blocked while parent and child share one memory: no handler of ours runs in the
/// child.
class signals_blocked {
public:
  signals_blocked() {
    sigset_t all;
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  ~signals_blocked() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  signals_blocked(const signals_blocked&) = delete;
  signals_blocked& operator=(const signals_blocked&) = delete;

private:
  sigset_t before_{};
};

/// `busy` where the machine is short of something for a moment, so that trying again may help.
failure cannot(const char* step, int error) {
  const bool short_of = error == EAGAIN || error == ENOMEM || error == EMFILE || error == ENFILE;
  return failure{short_of ? errc::busy : errc::unavailable,
                 std::string(step) + ": " + std::strerror(error)};
}

/// Descriptors 0 to 2 are where the child puts its own ends; none of ours may lie there.
descriptor above_standard(int fd) {
  if (fd < 0 || fd > 2)
    return descriptor(fd);
  const descriptor low(fd);
  return descriptor(::fcntl(fd, F_DUPFD_CLOEXEC, 3));
}

struct pipe_ends {
  descriptor read;
  descriptor write;
};

result<pipe_ends> open_pipe() {
  std::array<int, 2> fds{-1, -1};
  if (::pipe2(fds.data(), O_CLOEXEC) != 0)
    return cannot("pipe", errno);
  pipe_ends ends{.read = above_standard(fds[0]), .write = above_standard(fds[1])};
  if (!ends.read || !ends.write)
    return cannot("pipe", errno);
  return ends;
}

void make_non_blocking(const descriptor& end) {
  ::fcntl(end.get(), F_SETFL, ::fcntl(end.get(), F_GETFL) | O_NONBLOCK);
}

void plan_limits(child_plan& plan, const process_limits& limits) {
  const auto add = [&](int resource, const std::optional<uint64_t>& value) {
    if (!value)
      return;
    // An unprivileged process cannot raise a limit above the hard one it inherited.
    rlimit present{};
    ::getrlimit(static_cast<__rlimit_resource_t>(resource), &present);
    plan.limits[plan.limits_used++] = {resource, std::min<rlim_t>(*value, present.rlim_max)};
  };
  add(RLIMIT_AS, limits.address_space_bytes);
  add(RLIMIT_CPU, limits.cpu_seconds);
  add(RLIMIT_FSIZE, limits.file_bytes);
  add(RLIMIT_NOFILE, limits.open_files);
  add(RLIMIT_CORE, limits.core_bytes);
}

std::vector<char*> pointers(const std::vector<std::string>& texts) {
  std::vector<char*> out;
  out.reserve(texts.size() + 1);
  for (const auto& text : texts)
    out.push_back(const_cast<char*>(text.c_str()));
  out.push_back(nullptr);
  return out;
}

/// Starts the child; the process and its pidfd, or the step that failed.
result<spawned_process> clone_child(child_plan& plan) {
  const child_stack stack;
  if (!stack.usable())
    return cannot("stack", errno);
  int pidfd = -1;
  pid_t pid = -1;
  int error = 0;
  {
    const signals_blocked blocked;
    pid = ::clone(become_command, stack.top(), CLONE_VM | CLONE_VFORK | CLONE_PIDFD | SIGCHLD,
                  &plan, &pidfd);
    error = errno;
  }
  if (pid < 0)
    return cannot("clone", error);
  spawned_process process;
  process.pid = pid;
  process.handle = descriptor(pidfd);
  if (plan.error != 0) {
    ::waitpid(pid, nullptr, 0);
    return cannot(plan.failed_step, plan.error);
  }
  return process;
}

}  // namespace

result<spawned_process> spawn_process(const command_line& line,
                                      const std::vector<std::string>& environment) {
  auto output = open_pipe();
  auto errors = open_pipe();
  if (!output || !errors)
    return std::move(!output ? output : errors).error();
  pipe_ends input;
  if (line.stdin_text.empty()) {
    input.read = above_standard(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    if (!input.read)
      return cannot("/dev/null", errno);
  } else if (auto opened = open_pipe(); opened) {
    input = *std::move(opened);
  } else {
    return std::move(opened).error();
  }

  const auto argv = pointers(line.argv);
  const auto variables = pointers(environment);
  child_plan plan;
  plan.parent = ::getpid();
  plan.directory = line.command->directory.c_str();
  plan.argv = argv.data();
  plan.environment = variables.data();
  plan.standard = {input.read.get(), output->write.get(), errors->write.get()};
  plan_limits(plan, line.command->limits);

  auto process = clone_child(plan);
  if (!process)
    return process;
  make_non_blocking(output->read);
  make_non_blocking(errors->read);
  if (input.write)
    make_non_blocking(input.write);
  process->standard_input = std::move(input.write);
  process->standard_output = std::move(output->read);
  process->standard_error = std::move(errors->read);
  return process;
}

}  // namespace orrery
