#include "app/operations_office.hpp"

#include "base/log.hpp"

#include <algorithm>
#include <deque>
#include <future>

namespace orrery::app {

namespace {

using namespace std::chrono_literals;

constexpr size_t page_tasks = 100;
/// Without progress for so long an operation is nobody's.
constexpr duration abandoned_after = 60s;
constexpr duration poll_every = 2s;
constexpr duration command_patience = 10s;

template <class T, class Ask>
result<T> ask_and_wait(Ask ask) {
  auto promise = std::make_shared<std::promise<result<T>>>();
  auto future = promise->get_future();
  ask([promise](result<T> told) { promise->set_value(std::move(told)); });
  if (future.wait_for(2 * command_patience) != std::future_status::ready)
    return failure{errc::unavailable, "not answered in time"};
  return future.get();
}

}  // namespace

operations_office::operations_office(store& where, front_door& door, const clock& time,
                                     random_source& chance, std::string node)
    : where_(where),
      door_(door),
      time_(time),
      chance_(chance),
      node_(std::move(node)),
      worker_("operations", 100) {}

operations_office::~operations_office() { stop(); }

void operations_office::start() {
  runner_ = std::jthread([this](const std::stop_token& stopped) {
    name_this_thread("bulk");
    run(stopped);
  });
}

void operations_office::stop() {
  if (runner_.joinable()) {
    runner_.request_stop();
    runner_.join();
  }
  worker_.stop();
}

template <class T>
void operations_office::work(answer<T> done, std::function<result<T>(operation_store&)> job) {
  const bool taken = worker_.submit([this, done, job = std::move(job)] {
    if (!session_)
      session_ = where_.open_operations();
    done(job(*session_));
  });
  if (!taken)
    done(failure{errc::busy, "too many requests wait for the store"});
}

void operations_office::begin(bulk_wish wish, answer<bulk_operation> done) {
  bulk_operation one;
  one.created_at = one.updated_at = time_.now();
  one.id = new_entity_id(one.created_at, shard_id{}, chance_.next());
  one.wish = std::move(wish);
  one.node = node_;
  work<bulk_operation>(std::move(done),
                       [this, one](operation_store& operations) -> result<bulk_operation> {
                         if (auto ok = operations.add(one); !ok)
                           return std::move(ok).error();
                         const std::lock_guard lock(guard_);
                         kicked_ = true;
                         wake_.notify_all();
                         return one;
                       });
}

void operations_office::get(entity_id id, answer<bulk_operation> done) {
  work<bulk_operation>(std::move(done), [id](operation_store& all) { return all.get(id); });
}

void operations_office::list(size_t limit, answer<std::vector<bulk_operation>> done) {
  work<std::vector<bulk_operation>>(std::move(done),
                                    [limit](operation_store& all) { return all.list(limit); });
}

void operations_office::stop(entity_id id, answer<bulk_operation> done) {
  work<bulk_operation>(std::move(done), [id](operation_store& all) -> result<bulk_operation> {
    if (auto ok = all.ask_stop(id); !ok)
      return std::move(ok).error();
    return all.get(id);
  });
}

void operations_office::pause(duration length, const std::stop_token& stopped) {
  std::unique_lock lock(guard_);
  wake_.wait_for(lock, stopped, length, [this] { return kicked_; });
  kicked_ = false;
}

void operations_office::run(const std::stop_token& stopped) {
  const auto operations = where_.open_operations();
  while (!stopped.stop_requested()) {
    const auto now = time_.now();
    auto mine = operations->claim(node_, now, now - abandoned_after);
    if (!mine)
      log::debug("operations.not_claimed", {{"detail", mine.error().detail}});
    if (!mine || mine->empty()) {
      pause(poll_every, stopped);
      continue;
    }
    // One page of each in turn: a long one does not hold up a short one.
    for (auto& one : *mine)
      if (!stopped.stop_requested())
        run_page(*operations, one, stopped);
  }
}

bool operations_office::run_page(operation_store& operations, bulk_operation& one,
                                 const std::stop_token& stopped) {
  if (one.stop_asked)
    one.state = operation_state::stopped;
  if (one.state == operation_state::running) {
    auto page = next_page(one);
    if (!page) {
      log::warning("operation.waits",
                   {{"operation", to_string(one.id)}, {"detail", page.error().detail}});
      pause(poll_every, stopped);
      return false;
    }
    one.matched += static_cast<int64_t>(page->items.size());
    if (!one.wish.dry_run)
      apply(one, page->items, stopped);
    if (stopped.stop_requested() && !one.wish.dry_run)
      return false;  // goes through this page again after the restart
    one.cursor = page->next;
    if (page->next.empty())
      one.state = operation_state::done;
  }
  one.updated_at = time_.now();
  if (one.state != operation_state::running)
    one.finished_at = one.updated_at;
  const auto saved = operations.save(one);
  if (!saved)
    log::warning("operation.not_saved",
                 {{"operation", to_string(one.id)}, {"detail", saved.error().detail}});
  return one.state != operation_state::running || !saved;
}

result<entity_page> operations_office::next_page(const bulk_operation& one) {
  auto query = one.wish.filter;
  query.kind = entity_kind::task;
  query.order = list_order::newest_first;
  query.cursor = one.cursor;
  query.limit = page_tasks;
  if (one.wish.rate > 0)
    query.limit = std::clamp<size_t>(static_cast<size_t>(one.wish.rate), 1, page_tasks);
  // What came after it was asked for is not meant.
  if (query.created_to == never || query.created_to > one.created_at)
    query.created_to = one.created_at;
  return ask_and_wait<entity_page>([&](auto done) { door_.list(query, std::move(done)); });
}

void operations_office::apply(bulk_operation& one, const std::vector<entity>& tasks,
                              const std::stop_token& stopped) {
  struct outcome {
    std::mutex guard;
    std::condition_variable told;
    size_t waiting = 0;
    int64_t applied = 0;
    int64_t refused = 0;
    std::string refusal;
  };
  auto all = std::make_shared<outcome>();
  const auto begun = std::chrono::steady_clock::now();
  size_t sent = 0;
  for (const auto& e : tasks) {
    if (stopped.stop_requested())
      break;
    {
      const std::lock_guard lock(all->guard);
      ++all->waiting;
    }
    door_.command(entity_kind::task, id_of(e), command_of(one.wish), command_patience,
                  [all](const result<entity>& told) {
                    const std::lock_guard lock(all->guard);
                    --all->waiting;
                    ++(told ? all->applied : all->refused);
                    if (!told)
                      all->refusal = told.error().detail;
                    all->told.notify_all();
                  });
    ++sent;
    if (one.wish.rate > 0) {
      const auto until =
          begun + std::chrono::duration_cast<std::chrono::steady_clock::duration>(
                      std::chrono::duration<double>(static_cast<double>(sent) / one.wish.rate));
      std::unique_lock lock(guard_);
      wake_.wait_until(lock, stopped, until, [] { return false; });
    }
  }
  std::unique_lock lock(all->guard);
  all->told.wait_for(lock, 2 * command_patience, [&] { return all->waiting == 0; });
  one.applied += all->applied;
  one.refused += all->refused + static_cast<int64_t>(all->waiting);
  if (!all->refusal.empty())
    one.refusal = all->refusal;
}

}  // namespace orrery::app
