#pragma once
/// The desk for bulk operations, and the thread that runs them: pages of what the filter finds, a command
/// to the owner of each task, progress saved after every page.
///
/// Whoever dies leaves the operation to another node, or to itself after its restart: a minute without
/// progress, and it is claimed. The page that was under way is then gone through again; what was commanded
/// of it does mostly not fit the filter any more, and refuses the command if it does.

#include "base/clock.hpp"
#include "base/worker.hpp"
#include "domain/ports/front_door.hpp"
#include "domain/ports/operations.hpp"

#include <condition_variable>
#include <mutex>
#include <stop_token>
#include <thread>

namespace orrery::app {

class operations_office final : public operation_desk {
public:
  /// All outlive `stop`. Commands and lists go through `door`.
  operations_office(store& where, front_door& door, const clock& time, random_source& chance,
                    std::string node);
  ~operations_office() override;

  /// Begins to run operations.
  void start();
  /// Saves what has been done and ends. Idempotent.
  void stop();

  void begin(bulk_wish wish, answer<bulk_operation> done) override;
  void get(entity_id id, answer<bulk_operation> done) override;
  void list(size_t limit, answer<std::vector<bulk_operation>> done) override;
  void stop(entity_id id, answer<bulk_operation> done) override;

private:
  template <class T>
  void work(answer<T> done, std::function<result<T>(operation_store&)> job);
  void run(const std::stop_token& stopped);
  /// One page; true where it has ended or is somebody else's by now.
  bool run_page(operation_store& operations, bulk_operation& one, const std::stop_token& stopped);
  result<entity_page> next_page(const bulk_operation& one);
  void apply(bulk_operation& one, const std::vector<entity>& tasks, const std::stop_token& stopped);
  void pause(duration length, const std::stop_token& stopped);

  store& where_;
  front_door& door_;
  const clock& time_;
  random_source& chance_;
  const std::string node_;
  std::mutex guard_;
  std::condition_variable_any wake_;
  bool kicked_ = false;
  std::unique_ptr<operation_store> session_;  ///< Of the worker's one thread.
  worker worker_;
  std::jthread runner_;  // last: joins before the rest goes
};

}  // namespace orrery::app
