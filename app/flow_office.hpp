#pragma once
/// The flows of a node: what orders may name, kept up to date with the store by a thread of its own.

#include "actors/services.hpp"
#include "base/clock.hpp"
#include "base/worker.hpp"
#include "domain/ports/flows.hpp"

#include <map>
#include <mutex>

namespace orrery::app {

struct flow_office_options {
  duration pause =
      1s;  ///< Between looks into the store: a new version is known everywhere after it.
  std::string folder;  ///< Its `*.json` are stored at start; empty = none.
  std::function<bool(const std::string&)> knows_kind;
};

/// Thread-safe.
class flow_office final : public actors::flow_service, public flow_desk {
public:
  flow_office(flow_source& where, const clock& time, flow_office_options how);
  ~flow_office() override;

  /// Stores what the folder holds and reads what the store has. A file that is not a flow is a failure
  /// that names it.
  result<void> start();
  /// Idempotent.
  void stop();

  std::optional<shared_value<flow>> find(std::string_view name) const override;
  void fetch(std::string name, std::function<void(result<shared_value<flow>>)> done) override;

  void put(flow f, std::function<void(result<flow>)> done) override;
  void list(std::function<void(result<std::vector<flow>>)> done) override;
  void get(std::string name, uint32_t version, std::function<void(result<flow>)> done) override;

private:
  result<void> check_kinds(const flow& f) const;
  result<flow> store_one(const flow& f);
  result<void> store_folder();
  result<void> refresh();
  void keep(const flow& f);
  void run(std::stop_token stop);

  const std::unique_ptr<flow_shelf> shelf_;   ///< Of the worker's thread, and of `start`.
  const std::unique_ptr<flow_shelf> reader_;  ///< Of the thread that looks.
  const clock& time_;
  const flow_office_options how_;
  mutable std::mutex guard_;
  std::map<std::string, shared_value<flow>, std::less<>> known_;
  std::condition_variable_any wake_;
  worker worker_{"flows", 256};
  std::jthread looks_;
};

}  // namespace orrery::app
