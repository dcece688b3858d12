/// How fast waiting workers are handed what is submitted; prints one line of JSON.
///
///     lease_load ADDRESS [seconds=20] [rate=500] [workers=32] [warm=8]
///
/// The node takes the kind `bench` from external workers (`workers.kinds = "bench"`). Each worker is a
/// connection that asks for one attempt with a long poll, completes it on another, and asks again.
/// Counted is the time from the moment a task was due to be submitted until a worker has it: the intake, the
/// start that is committed first, and the way to the worker. `accepted` is the part until the answer to the
/// submission, `from_accepted` what comes after it. What is due in the first `warm` seconds goes before, at the
/// same rate, and is told apart as `start_p99`: a node that has just begun still makes its connections.

#include "bench/http_client.hpp"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <sys/epoll.h>
#include <unistd.h>
#include <unordered_map>
#include <utility>
#include <vector>

namespace {

using namespace orrery::bench;
using namespace std::chrono_literals;

constexpr auto patience = 30s;

struct line_state {
  std::unique_ptr<connection> line;
  std::string request;
  enum class what { idle, submitting, polling, completing } now = what::idle;
  steady::time_point due{};
};

size_t option(int argc, char** argv, const char* name, size_t otherwise) {
  const auto length = std::strlen(name);
  for (int i = 2; i < argc; ++i)
    if (std::strncmp(argv[i], name, length) == 0 && argv[i][length] == '=')
      return static_cast<size_t>(std::atol(argv[i] + length + 1));
  return otherwise;
}

/// The text of a member of a flat JSON answer.
std::string member(const std::string& body, const char* name) {
  const auto key = std::string("\"") + name + "\":\"";
  const auto at = body.find(key);
  if (at == std::string::npos)
    return {};
  const auto from = at + key.size();
  return body.substr(from, body.find('"', from) - from);
}

class measurement {
public:
  measurement(const std::string& address, size_t seconds, size_t rate, size_t workers, size_t warm)
      : rate_(rate),
        tasks_((warm + seconds) * rate),
        warm_(warm),
        epoll_(::epoll_create1(EPOLL_CLOEXEC)) {
    for (auto* group : {&pollers_, &others_})
      for (size_t i = 0; i < workers; ++i) {
        group->push_back(std::make_unique<line_state>());
        auto& one = *group->back();
        one.line = std::make_unique<connection>(address, true);
        epoll_event wish{EPOLLIN | EPOLLOUT | EPOLLET, {.ptr = &one}};
        ::epoll_ctl(epoll_, EPOLL_CTL_ADD, one.line->socket(), &wish);
      }
  }
  ~measurement() { ::close(epoll_); }
  measurement(const measurement&) = delete;
  measurement& operator=(const measurement&) = delete;

  void run() {
    for (auto& one : pollers_)
      poll(*one);
    begun_ = steady::now() + 500ms;  // all of them wait
    auto last = begun_;
    for (size_t handed = 0; completed_ < tasks_;) {
      submit_due();
      wait();
      if (handed_ > handed)
        last = steady::now();
      handed = handed_;
      if (steady::now() - last > patience)
        give_up("nothing is handed out any more");
    }
    spent_ = steady::now() - begun_;
  }

  void print() {
    const auto quantile = [](std::vector<double>& all, double q) {
      std::sort(all.begin(), all.end());
      return all.empty() ? 0 : all[static_cast<size_t>(q * static_cast<double>(all.size() - 1))];
    };
    std::printf(
        "{\"mode\":\"lease\",\"tasks\":%zu,\"rate\":%zu,\"achieved\":%.0f,\"p50\":%.2f,"
        "\"p99\":%.2f,\"max\":%.2f,\"accepted_p50\":%.2f,\"accepted_p99\":%.2f,"
        "\"from_accepted_p50\":%.2f,\"from_accepted_p99\":%.2f,\"start_p99\":%.2f}\n",
        tasks_, rate_, static_cast<double>(tasks_) / std::chrono::duration<double>(spent_).count(),
        quantile(from_due_, 0.5), quantile(from_due_, 0.99), quantile(from_due_, 1),
        quantile(accepted_, 0.5), quantile(accepted_, 0.99), quantile(from_accepted_, 0.5),
        quantile(from_accepted_, 0.99), quantile(at_start_, 0.99));
  }

private:
  using what = line_state::what;

  void send(line_state& one, what now, std::string request) {
    one.now = now;
    one.request = std::move(request);
    one.line->start(one.request);
  }
  void poll(line_state& one) {
    send(one, what::polling,
         post("/api/workers/lease", R"({"worker":"bench","kinds":["bench"],"wait":"20s"})"));
  }
  /// In turn, so that none is silent long enough to be closed.
  line_state* idle() {
    for (size_t i = 0; i < others_.size(); ++i)
      if (auto& one = others_[++turn_ % others_.size()]; one->now == what::idle)
        return one.get();
    return nullptr;
  }

  void submit_due() {
    while (!waiting_.empty())
      if (auto* one = idle()) {
        send(*one, what::completing, std::move(waiting_.back()));
        waiting_.pop_back();
      } else {
        return;
      }
    while (submitted_ < tasks_) {
      const auto due = begun_ + submitted_ * 1'000'000'000ns / rate_;
      if (steady::now() < due)
        return;
      auto* one = idle();
      if (one == nullptr)
        return;
      one->due = due;
      ++submitted_;
      send(*one, what::submitting, post("/api/tasks", R"({"kind":"bench","payload":{"n":1}})"));
    }
  }

  void wait() {
    const timespec span{0, 500'000};
    epoll_event seen[64];
    const int n = ::epoll_pwait2(epoll_, seen, 64, &span, nullptr);
    for (int i = 0; i < n; ++i) {
      auto& one = *static_cast<line_state*>(seen[i].data.ptr);
      if (one.line->busy() && one.line->go_on())
        answered(one);
    }
  }

  void answered(line_state& one) {
    if (one.line->status() != 200)
      give_up("answered " + std::to_string(one.line->status()) + " " + one.line->body());
    const auto now = steady::now();
    switch (std::exchange(one.now, what::idle)) {
      case what::submitting: note(member(one.line->body(), "taskId"), one.due, now, {}); break;
      case what::polling:
        if (const auto lease = member(one.line->body(), "lease"); !lease.empty()) {
          note(member(one.line->body(), "taskId"), {}, {}, now);
          waiting_.push_back(post("/api/leases/" + lease + "/complete", "{}"));
          ++handed_;
        }
        poll(one);
        break;
      case what::completing: ++completed_; break;
      case what::idle: break;
    }
  }

  /// The hand-out may come before the answer to the submission.
  void note(const std::string& task, steady::time_point due, steady::time_point accepted,
            steady::time_point handed) {
    auto& one = times_[task];
    if (handed == steady::time_point{}) {
      one.due = due;
      one.accepted = accepted;
    } else {
      one.handed = handed;
    }
    if (one.due == steady::time_point{} || one.handed == steady::time_point{})
      return;
    const auto ms = [](steady::duration span) {
      return std::chrono::duration<double, std::milli>(span).count();
    };
    if (one.due < begun_ + std::chrono::seconds(warm_)) {
      at_start_.push_back(ms(one.handed - one.due));
    } else {
      from_due_.push_back(ms(one.handed - one.due));
      accepted_.push_back(ms(one.accepted - one.due));
      from_accepted_.push_back(std::max(0.0, ms(one.handed - one.accepted)));
    }
    times_.erase(task);
  }

  struct times {
    steady::time_point due{};
    steady::time_point accepted{};
    steady::time_point handed{};
  };
  const size_t rate_;
  const size_t tasks_;
  const size_t warm_;
  int epoll_;
  std::vector<std::unique_ptr<line_state>> pollers_;
  std::vector<std::unique_ptr<line_state>> others_;
  size_t turn_ = 0;
  std::vector<std::string> waiting_;
  std::unordered_map<std::string, times> times_;
  std::vector<double> from_due_;
  std::vector<double> accepted_;
  std::vector<double> from_accepted_;
  std::vector<double> at_start_;
  size_t submitted_ = 0;
  size_t handed_ = 0;
  size_t completed_ = 0;
  steady::time_point begun_{};
  steady::duration spent_{};
};

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2)
    orrery::bench::give_up(
        "usage: lease_load ADDRESS [seconds=20] [rate=500] [workers=32] [warm=8]");
  measurement all(argv[1], option(argc, argv, "seconds", 20), option(argc, argv, "rate", 500),
                  option(argc, argv, "workers", 32), option(argc, argv, "warm", 8));
  all.run();
  all.print();
  return 0;
}
