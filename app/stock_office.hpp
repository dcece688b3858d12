#pragma once
/// The stock of a node: what carries out the built-in steps, what the API asks, and who clears up what
/// was held for tasks that came to nothing. Everything that blocks runs on its own threads.

#include "base/clock.hpp"
#include "base/worker.hpp"
#include "domain/ports/executor.hpp"
#include "domain/ports/stock.hpp"
#include "domain/ports/store.hpp"

#include <atomic>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

namespace orrery::app {

struct stock_options {
  size_t batch_max = 2000;    ///< Reservations in one transaction of the stock.
  size_t queue_max = 50'000;  ///< More are refused, and tried again by their tasks.
  duration sweep_pause = 5s;
  duration stale_after = 60s;  ///< What is held for longer is compared with its task.
  /// So long at least the rows of what is taken or given back are kept, and so long it takes until those
  /// that are left are looked at again.
  duration keep_settled = 1h;
  duration settled_pause = 10min;
  duration settled_length = 2s;  ///< Of one look at them.
};

/// Thread-safe.
class stock_office final : public stock_desk {
public:
  /// All outlive it.
  stock_office(stock_source& where, store& tasks, const clock& time, stock_options how = {});
  ~stock_office() override;

  void start();
  /// Ends what waits as a failure that may be tried again. Idempotent.
  void stop();

  /// Of kind `stock.reserve` and of kind `stock.release`.
  executor& reserving() noexcept { return reserving_; }
  executor& releasing() noexcept { return releasing_; }

  void create(stock_change first, answer done) override;
  void adjust(stock_change change, answer done) override;
  void get(std::string product, answer done) override;
  void list(std::string after, size_t limit, std::function<void(result<stock_page>)> done) override;

private:
  struct waiting {
    stock_hold wish;
    std::function<void(work_outcome)> done;
  };
  class step final : public executor {
  public:
    step(stock_office& of, bool release) : of_(of), release_(release) {}
    void start(work_item item, std::function<void(work_outcome)> done) override;
    void stop(entity_id, attempt_token, stop_mode) override {}
    result<void> check(const std::string& payload) const override;

  private:
    stock_office& of_;
    const bool release_;
  };

  void run(const std::stop_token& stop);
  void hold(std::vector<waiting> batch);
  void sweep(const std::stop_token& stop);
  void clear_up();
  void drop_rows();
  void enlist(waiting one);

  const std::unique_ptr<stock_shelf> shelf_;    ///< Of the thread that holds.
  const std::unique_ptr<stock_shelf> sweeper_;  ///< Of the thread that clears up.
  const std::unique_ptr<stock_shelf> desk_;     ///< Of the worker's thread.
  const std::unique_ptr<entity_store> tasks_;   ///< Of the thread that clears up.
  const clock& time_;
  const stock_options how_;
  step reserving_{*this, false};
  step releasing_{*this, true};
  std::mutex guard_;
  std::condition_variable_any wake_;
  std::deque<waiting> queue_;
  bool stopped_ = false;
  worker worker_{"stock-desk", 256};
  // Of the thread that clears up.
  settled_hold settled_place_;
  time_point settled_due_{};
  std::jthread holds_;
  std::jthread sweeps_;
};

}  // namespace orrery::app
