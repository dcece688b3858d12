#pragma once
/// Asks the other nodes for what is new in their logs, as long as somebody here follows them. Internal to app/.
///
/// One question per node is under way at a time, whoever follows here; what it brings goes to all of them
/// (app/log_hub.hpp). A node that does not answer is asked again and again, with pauses, and goes on where it
/// was heard last; one that joins is heard from the moment the oldest reader began.

#include "app/log_hub.hpp"

#include <functional>
#include <map>
#include <memory>
#include <thread>

namespace orrery::app {

class log_scout {
public:
  using names = std::function<std::vector<std::string>()>;
  /// Asks a node; answered once, within a few seconds, on any thread.
  using asker =
      std::function<void(std::string, std::string, std::function<void(result<std::string>)>)>;

  /// `others`: who there is besides this node.
  log_scout(std::string self, std::shared_ptr<log_hub> hub, names others, asker ask);
  ~log_scout();
  /// Joins the thread; answers that come later are ignored. Idempotent.
  void stop();

private:
  struct board;
  void run(std::stop_token stop);
  void go_round(const log_hub::interest& wanted);
  /// An answer, on any thread, also when the scout is gone.
  static void hear(board& on, log_hub& hub, const std::string& node, uint64_t watch,
                   result<std::string> told);

  const std::string self_;
  const std::shared_ptr<log_hub> hub_;
  const names others_;
  const asker ask_;
  const std::shared_ptr<board> board_;  ///< Also of the answers that are on their way.
  std::jthread thread_;
};

}  // namespace orrery::app
