#include "actors/services.hpp"

#include "actors/messages.hpp"

#include <atomic>

namespace orrery::actors {

reply_to once(reply_to reply) {
  struct shared {
    std::atomic<bool> answered{false};
    reply_to reply;
  };
  auto state = std::make_shared<shared>();
  state->reply = std::move(reply);
  return [state](result<entity> answer) {
    if (!state->answered.exchange(true))
      std::exchange(state->reply, nullptr)(std::move(answer));
  };
}

void read_service::load(std::vector<entity_id> ids,
                        std::function<void(result<std::vector<entity>>)> done) {
  run([ids = std::move(ids), done](entity_store& store) { done(store.load(ids)); },
      [done] {
        done(failure{errc::busy, "too many reads wait for the store"});
      });
}

}  // namespace orrery::actors
