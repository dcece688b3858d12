#include "base/worker.hpp"

#include <pthread.h>

namespace orrery {

void name_this_thread(const std::string& name) {
  ::pthread_setname_np(::pthread_self(), name.substr(0, 15).c_str());
}

worker::worker(std::string name, size_t queue_max, size_t threads)
    : name_(std::move(name)), queue_max_(queue_max) {
  for (size_t i = 0; i < threads; ++i)
    threads_.emplace_back([this, label = threads > 1 ? name_ + "-" + std::to_string(i) : name_] {
      name_this_thread(label);
      run();
    });
}

worker::~worker() { stop(); }

bool worker::submit(std::function<void()> job) {
  {
    const std::lock_guard lock(guard_);
    if (stopping_ || jobs_.size() >= queue_max_)
      return false;
    jobs_.push_back(std::move(job));
  }
  wake_.notify_one();
  return true;
}

void worker::stop() {
  {
    const std::lock_guard lock(guard_);
    stopping_ = true;
  }
  wake_.notify_all();
  for (auto& thread : threads_)
    if (thread.joinable())
      thread.join();
}

size_t worker::queued() const {
  const std::lock_guard lock(guard_);
  return jobs_.size();
}

void worker::run() {
  std::unique_lock lock(guard_);
  for (;;) {
    wake_.wait(lock, [this] { return stopping_ || !jobs_.empty(); });
    if (jobs_.empty())
      return;
    auto job = std::move(jobs_.front());
    jobs_.pop_front();
    lock.unlock();
    job();
    job = nullptr;
    lock.lock();
  }
}

}  // namespace orrery
