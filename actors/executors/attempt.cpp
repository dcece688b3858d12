#include "actors/executors/attempt.hpp"

#include <sys/wait.h>
#include <array>
#include <cerrno>
#include <csignal>

namespace orrery {

namespace {

constexpr auto look_again = 10ms;
/// Read at most so much of one pipe before the others have their turn.
constexpr size_t turn_bytes = 1024 * 1024;

pollfd interest(const descriptor& in, short events) {
  return pollfd{.fd = in.get(), .events = events, .revents = 0};
}

work_outcome how_it_ended(const siginfo_t& end) {
  work_outcome outcome;
  if (end.si_code == CLD_EXITED) {
    outcome.succeeded = end.si_status == 0;
    if (!outcome.succeeded) {
      outcome.error = "the process ended with exit code " + std::to_string(end.si_status);
      outcome.error_code = "exit-" + std::to_string(end.si_status);
    }
  } else {
    outcome.error = "the process was ended by signal " + std::to_string(end.si_status);
    outcome.error_code = "signal-" + std::to_string(end.si_status);
  }
  return outcome;
}

}  // namespace

process_attempt::process_attempt(spawned_process process, std::string mark, std::string input,
                                 patience times, listener heard)
    : process_(std::move(process)),
      times_(times),
      heard_(std::move(heard)),
      input_(std::move(input)) {
  family_.leader = process_.pid;
  family_.mark = std::move(mark);
}

void process_attempt::watch(std::vector<pollfd>& into) const {
  if (!exited_)
    into.push_back(interest(process_.handle, POLLIN));
  if (process_.standard_output)
    into.push_back(interest(process_.standard_output, POLLIN));
  if (process_.standard_error)
    into.push_back(interest(process_.standard_error, POLLIN));
  if (process_.standard_input)
    into.push_back(interest(process_.standard_input, POLLOUT));
}

void process_attempt::advance(steady_point now) {
  feed();
  read(process_.standard_output, true);
  read(process_.standard_error, false);
  if (exited_)
    return;
  siginfo_t end{};
  // Not reaped yet: while it is a zombie, nobody else can get its number as process, group or
  // session.
  if (::waitid(P_PID, static_cast<id_t>(process_.pid), &end, WEXITED | WNOHANG | WNOWAIT) != 0 ||
      end.si_pid == 0)
    return;
  exited_ = true;
  process_.standard_input.close();
  look_at_ = now;
  if (!kill_at_)
    kill_at_ = now + times_.linger;
}

void process_attempt::stop(stop_mode mode, steady_point now) {
  if (mode == stop_mode::now) {
    kill_at_ = now;
  } else if (!exited_ && !kill_at_) {
    kill_at_ = now + times_.grace;
    ::kill(-process_.pid, SIGTERM);
    // What is stopped cannot hear the request.
    ::kill(-process_.pid, SIGCONT);
  }
  if (!look_at_ || *look_at_ > *kill_at_)
    look_at_ = kill_at_;
}

bool process_attempt::wants_scan(steady_point now) const {
  return !over_ && look_at_ && *look_at_ <= now;
}

void process_attempt::settle(steady_point now) {
  look_at_ = now + look_again;
  if (exited_ && family_.known.empty()) {
    // All writers are gone: what is in the pipes now is all there will be.
    read(process_.standard_output, true);
    read(process_.standard_error, false);
    over_ = true;
  } else if (kill_at_ && *kill_at_ <= now) {
    kill_family();
  } else if (!exited_ && kill_at_) {
    look_at_ = kill_at_;
  }
}

std::optional<steady_point> process_attempt::next_look() const {
  return over_ ? std::nullopt : look_at_;
}

work_outcome process_attempt::finish() {
  siginfo_t end{};
  ::waitid(P_PID, static_cast<id_t>(process_.pid), &end, WEXITED);
  auto outcome = how_it_ended(end);
  outcome.output = readable_text(output_.text());
  if (outcome.succeeded)
    outcome.result = result_of_output(result_.text(), result_.dropped_some());
  return outcome;
}

void process_attempt::read(descriptor& from, bool is_result) {
  std::array<char, 65536> piece;
  for (size_t turn = 0; from && turn < turn_bytes;) {
    const auto got = ::read(from.get(), piece.data(), piece.size());
    if (got > 0) {
      const std::string_view bytes(piece.data(), static_cast<size_t>(got));
      output_.append(bytes);
      if (heard_)
        heard_(!is_result, bytes);
      if (is_result)
        result_.append(bytes);
      turn += bytes.size();
    } else if (got < 0 && errno == EINTR) {
      continue;
    } else if (got < 0 && errno == EAGAIN) {
      return;
    } else {
      from.close();
    }
  }
}

void process_attempt::feed() {
  while (process_.standard_input) {
    const auto wrote =
        ::write(process_.standard_input.get(), input_.data() + fed_, input_.size() - fed_);
    if (wrote > 0)
      fed_ += static_cast<size_t>(wrote);
    else if (wrote < 0 && errno == EINTR)
      continue;
    else if (wrote < 0 && errno == EAGAIN)
      return;
    else
      process_.standard_input.close();  // It reads no more; that is its own affair.
    if (fed_ == input_.size())
      process_.standard_input.close();
  }
}

void process_attempt::kill_family() {
  // The group at once, so that it cannot fork on; then whoever left it. A scan follows until none
  // is left.
  ::kill(-process_.pid, SIGKILL);
  for (const auto& member : family_.known)
    if (member.group != process_.pid)
      signal_process(member, SIGKILL);
}

}  // namespace orrery
