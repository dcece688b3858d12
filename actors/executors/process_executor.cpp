#include "actors/executors/process_executor.hpp"

#include "actors/executors/attempt.hpp"
#include "actors/executors/orphans.hpp"
#include "base/check.hpp"
#include "base/crash_point.hpp"
#include "base/log.hpp"
#include "base/worker.hpp"

#include <sys/eventfd.h>
#include <algorithm>
#include <array>
#include <atomic>
#include <csignal>
#include <map>
#include <mutex>
#include <thread>
#include <tuple>

namespace orrery {

namespace {

using attempt_key = std::pair<entity_id, attempt_token>;
using done_function = std::function<void(work_outcome)>;

/// Starts that wait for the thread, refusals included. Beyond it `start` answers on the caller's
/// thread.
constexpr size_t inbox_max = 16 * 1024;
/// A process that SIGKILL does not end (it waits inside the kernel) is given up at shutdown after
/// this.
constexpr auto shutdown_max = 30s;
/// While attempts run, orphans that have ended are reaped at least so often.
constexpr auto orphan_pause = 5s;
/// And so long after the end of one, as those may come late that its last members left.
constexpr auto sweep_after = 100ms;

work_outcome refusal(std::string code, std::string sentence, bool retryable) {
  work_outcome outcome;
  outcome.error = std::move(sentence);
  outcome.error_code = std::move(code);
  outcome.retryable = retryable;
  return outcome;
}

std::string in_words(const failure& why) {
  return why.field.empty() ? why.detail : why.field + ": " + why.detail;
}

/// Begins the marks of this process: unlike those of any other node on this machine, past or
/// present.
std::string mark_prefix() {
  std::array<char, 64> space{};
  const auto length = ::readlink("/proc/self/ns/pid", space.data(), space.size());
  return std::string(space.data(), length > 0 ? static_cast<size_t>(length) : 0) + "-" +
         std::to_string(::getpid()) + "-" + std::to_string(look_at_process(::getpid()).started);
}

/// Counts all attempts of the process, so that two executors never share a mark.
uint64_t next_mark() {
  static std::atomic<uint64_t> last{0};
  return ++last;
}

}  // namespace

class process_executor::loop {
public:
  explicit loop(options how)
      : options_(std::move(how)),
        mark_prefix_(mark_prefix()),
        wake_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
    CHECK(bool(wake_), "an eventfd is needed to run processes");
    thread_ = std::jthread([this] { run(); });
  }

  ~loop() {
    {
      const std::lock_guard lock(guard_);
      stopping_ = true;
    }
    wake();
  }
  loop(const loop&) = delete;
  loop& operator=(const loop&) = delete;

  const options& how() const noexcept { return options_; }

  void start(work_item item, done_function done) {
    const attempt_key key{item.task, item.token};
    std::unique_lock lock(guard_);
    if (inbox_.size() >= inbox_max) {
      lock.unlock();
      done(refusal("busy", "too many starts wait", true));
      return;
    }
    entry next{.key = key, .item = std::move(item), .done = std::move(done), .refused = {}};
    if (stopping_)
      next.refused = refusal("stopped", "the node is shutting down", true);
    else if (active_.contains(key))
      next.refused = refusal("duplicate", "this attempt runs already", true);
    else if (active_.size() >= options_.processes_max)
      next.refused = refusal("busy", "all slots for processes are taken", true);
    else
      active_.emplace(key, std::nullopt);
    inbox_.push_back(std::move(next));
    lock.unlock();
    wake();
  }

  void stop(const attempt_key& key, stop_mode mode) {
    {
      const std::lock_guard lock(guard_);
      const auto found = active_.find(key);
      if (found == active_.end())
        return;
      // The stronger wish stays.
      if (found->second != stop_mode::now)
        found->second = mode;
      stops_waiting_ = true;
    }
    wake();
  }

  size_t active() const {
    const std::lock_guard lock(guard_);
    return active_.size();
  }

private:
  struct entry {
    attempt_key key;
    work_item item;
    done_function done;
    std::optional<work_outcome> refused;
  };
  struct running {
    process_attempt attempt;
    done_function done;
  };
  /// Wishes taken from other threads in one go.
  struct news {
    std::vector<entry> starts;
    std::vector<std::pair<attempt_key, stop_mode>> stops;
    bool stopping = false;
  };

  void wake() {
    const uint64_t one = 1;
    [[maybe_unused]] const auto wrote = ::write(wake_.get(), &one, sizeof one);
  }

  void run();
  news take_news();
  void wait();
  void begin(entry next);
  process_attempt::listener listener_of(const attempt_key& key) const;
  void end_one(const attempt_key& key, done_function done, work_outcome outcome);
  void look_at_families(steady_point now);
  void end_those_over();
  std::vector<std::string> environment_of(const work_item& item, const command_line& line,
                                          const std::string& mark) const;

  const options options_;
  const std::string mark_prefix_;
  const descriptor wake_;

  mutable std::mutex guard_;
  std::vector<entry> inbox_;
  std::map<attempt_key, std::optional<stop_mode>> active_;  ///< With the wish to stop, if any.
  bool stops_waiting_ = false;
  bool stopping_ = false;

  std::map<attempt_key, running> running_;  ///< Only touched by the thread, as what follows.
  orphan_keeper orphans_;
  steady_point look_for_orphans_at_{};
  bool sweep_ = false;   ///< An attempt has ended since the last look.
  std::jthread thread_;  ///< Last: it uses all of the above.
};

void process_executor::loop::run() {
  name_this_thread("exec");
  // A process that closes its input must not end the node, and signals are other threads' business.
  sigset_t all;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, nullptr);
  std::optional<steady_point> give_up_at;
  for (;;) {
    auto now = std::chrono::steady_clock::now();
    auto todo = take_news();
    for (auto& next : todo.starts)
      begin(std::move(next));
    for (const auto& [key, mode] : todo.stops)
      if (const auto found = running_.find(key); found != running_.end())
        found->second.attempt.stop(mode, now);
    if (todo.stopping && !give_up_at) {
      give_up_at = now + shutdown_max;
      for (auto& [key, one] : running_)
        one.attempt.stop(stop_mode::now, now);
    }
    for (auto& [key, one] : running_)
      one.attempt.advance(now);
    look_at_families(now);
    end_those_over();
    if (todo.stopping && running_.empty())
      return;
    if (give_up_at && now > *give_up_at) {
      log::error("exec.unkillable", {{"processes", running_.size()}});
      for (auto& [key, one] : std::exchange(running_, {}))
        end_one(key, std::move(one.done),
                refusal("stopped", "the process could not be killed", true));
      return;
    }
    wait();
  }
}

process_executor::loop::news process_executor::loop::take_news() {
  news out;
  const std::lock_guard lock(guard_);
  out.starts.swap(inbox_);
  out.stopping = stopping_;
  if (std::exchange(stops_waiting_, false))
    for (const auto& [key, wish] : active_)
      if (wish)
        out.stops.emplace_back(key, *wish);
  return out;
}

void process_executor::loop::wait() {
  std::vector<pollfd> watched{pollfd{.fd = wake_.get(), .events = POLLIN, .revents = 0}};
  std::optional<steady_point> next;
  if (!running_.empty() || sweep_)
    next = look_for_orphans_at_;
  for (const auto& [key, one] : running_) {
    one.attempt.watch(watched);
    if (const auto look = one.attempt.next_look(); look && (!next || *look < *next))
      next = look;
  }
  int timeout_ms = -1;
  if (next) {
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(*next - std::chrono::steady_clock::now());
    timeout_ms = static_cast<int>(std::clamp<int64_t>(left.count(), 0, 60'000));
  }
  ::poll(watched.data(), watched.size(), timeout_ms);
  uint64_t wakes = 0;
  [[maybe_unused]] const auto got = ::read(wake_.get(), &wakes, sizeof wakes);
}

void process_executor::loop::begin(entry next) {
  if (next.refused) {
    next.done(*std::move(next.refused));
    return;
  }
  const auto end_now = [&](std::string code, std::string why, bool retryable) {
    end_one(next.key, std::move(next.done), refusal(std::move(code), std::move(why), retryable));
  };
  bool unwanted = false;
  {
    const std::lock_guard lock(guard_);
    unwanted = stopping_ || active_.at(next.key).has_value();
  }
  if (unwanted)
    return end_now("stopped", "stopped before it began", true);
  auto line = fill_command(options_.commands, next.item.payload);
  if (!line)
    return end_now("refused", in_words(line.error()), false);
  auto mark = mark_prefix_ + "-" + std::to_string(next_mark());
  auto process = spawn_process(*line, environment_of(next.item, *line, mark));
  if (!process)
    return end_now("spawn-failed", in_words(process.error()), process.error().code == errc::busy);
  orphans_.began(process->pid);
  running_.emplace(
      next.key,
      running{process_attempt(*std::move(process), std::move(mark), std::move(line->stdin_text),
                              {.grace = options_.grace, .linger = options_.linger},
                              listener_of(next.key)),
              std::move(next.done)});
  reach(crash_point::child_running);
}

process_attempt::listener process_executor::loop::listener_of(const attempt_key& key) const {
  if (options_.logs == nullptr)
    return {};
  return [logs = options_.logs, key](bool is_error, std::string_view bytes) {
    logs->write(key.first, key.second,
                is_error ? log_source::standard_error : log_source::standard_output, bytes);
  };
}

void process_executor::loop::end_one(const attempt_key& key, done_function done,
                                     work_outcome outcome) {
  {
    const std::lock_guard lock(guard_);
    active_.erase(key);
  }
  done(std::move(outcome));
}

void process_executor::loop::look_at_families(steady_point now) {
  std::vector<process_family*> families;
  std::vector<process_attempt*> attempts;
  for (auto& [key, one] : running_) {
    if (!one.attempt.ended())
      families.push_back(&one.attempt.family());
    if (one.attempt.wants_scan(now))
      attempts.push_back(&one.attempt);
  }
  const bool due = (sweep_ || !families.empty()) && now >= look_for_orphans_at_;
  if (attempts.empty() && !due)
    return;
  look_for_orphans_at_ = now + orphan_pause;
  sweep_ = false;
  orphans_.settle(find_members(families), families);
  for (auto* attempt : attempts)
    attempt->settle(now);
}

void process_executor::loop::end_those_over() {
  for (auto one = running_.begin(); one != running_.end();) {
    if (!one->second.attempt.ended()) {
      ++one;
      continue;
    }
    auto ended = running_.extract(one++);
    auto outcome = ended.mapped().attempt.finish();
    orphans_.reaped(ended.mapped().attempt.family().leader);
    sweep_ = true;
    look_for_orphans_at_ = std::chrono::steady_clock::now() + sweep_after;
    auto done = std::move(ended.mapped().done);
    const auto key = ended.key();
    if (options_.logs != nullptr)
      options_.logs->close(key.first, key.second);
    // Its descriptors are closed before anyone hears of the end.
    ended = {};
    end_one(key, std::move(done), std::move(outcome));
  }
}

std::vector<std::string> process_executor::loop::environment_of(const work_item& item,
                                                                const command_line& line,
                                                                const std::string& mark) const {
  auto variables = line.command->environment;
  variables.try_emplace("PATH", options_.path);
  variables.try_emplace("LANG", options_.lang);
  variables["ORRERY_TASK"] = to_string(item.task);
  variables["ORRERY_RUN"] = std::to_string(item.token.run);
  variables["ORRERY_ATTEMPT"] = std::to_string(item.token.attempt);
  if (!item.cursor.empty())
    variables["ORRERY_CURSOR"] = item.cursor;
  variables["ORRERY_EPOCH"] = std::to_string(item.epoch.value);
  variables[process_mark_variable] = mark;
  if (!item.traceparent.empty() && item.traceparent.find('\0') == std::string::npos)
    variables["TRACEPARENT"] = item.traceparent;
  std::vector<std::string> out;
  for (const auto& [name, value] : variables)
    out.push_back(name + "=" + value);
  return out;
}

process_executor::process_executor(options how) : loop_(std::make_unique<loop>(std::move(how))) {}
process_executor::~process_executor() = default;

void process_executor::start(work_item item, std::function<void(work_outcome)> done) {
  loop_->start(std::move(item), std::move(done));
}

void process_executor::stop(entity_id task, attempt_token token, stop_mode mode) {
  loop_->stop({task, token}, mode);
}

result<void> process_executor::check(const std::string& payload) const {
  auto line = fill_command(loop_->how().commands, payload);
  if (!line)
    return std::move(line).error();
  return {};
}

size_t process_executor::active() const { return loop_->active(); }

}  // namespace orrery
