#pragma once
/// Messages about rows whose time is over.

#include "domain/ports/store.hpp"

#include <caf/actor.hpp>
#include <caf/allowed_unsafe_message_type.hpp>
#include <caf/type_id.hpp>
#include <functional>
#include <vector>

namespace orrery::actors {

/// To the bridge: which shards are here, and who they are.
struct list_owned {
  using answer = std::vector<std::pair<shard_id, caf::actor>>;
  std::function<void(answer)> done;
};
/// To a shard: deletes those that may still be deleted. `done` is called once, when that is durable or
/// was given up; not where the shard ends before.
struct erase_ended {
  std::vector<entity_id> ids;
  std::function<void(size_t)> done;
};
/// To itself, from the store: a second look, since when nothing can change them unseen.
struct erasures_checked {
  std::vector<entity_id> asked;
  result<std::vector<entity>> found = failure{};
  std::function<void(size_t)> done;
};

// To the sweeper, from itself.

struct sweep_begin {};
/// The shards that are here now.
struct sweep_shards {
  list_owned::answer owned;
};
struct sweep_marks {
  result<std::vector<shard_row>> rows = failure{};
};
/// A page of rows whose time is over; `next` is the cursor, empty at the end.
struct sweep_page {
  result<std::vector<entity_id>> over = failure{};
  std::string next;
};
struct sweep_erased {
  uint64_t page = 0;
  size_t rows = 0;
};
/// A shard has not answered: it has moved.
struct sweep_give_up {
  uint64_t page = 0;
};

}  // namespace orrery::actors

CAF_BEGIN_TYPE_ID_BLOCK(orrery_retention, first_custom_type_id + 250)
CAF_ADD_TYPE_ID(orrery_retention, (orrery::actors::list_owned))
CAF_ADD_TYPE_ID(orrery_retention, (orrery::actors::erase_ended))
CAF_ADD_TYPE_ID(orrery_retention, (orrery::actors::erasures_checked))
CAF_ADD_TYPE_ID(orrery_retention, (orrery::actors::sweep_begin))
CAF_ADD_TYPE_ID(orrery_retention, (orrery::actors::sweep_shards))
CAF_ADD_TYPE_ID(orrery_retention, (orrery::actors::sweep_marks))
CAF_ADD_TYPE_ID(orrery_retention, (orrery::actors::sweep_page))
CAF_ADD_TYPE_ID(orrery_retention, (orrery::actors::sweep_erased))
CAF_ADD_TYPE_ID(orrery_retention, (orrery::actors::sweep_give_up))
CAF_END_TYPE_ID_BLOCK(orrery_retention)

#define ORRERY_LOCAL_MESSAGE(name) CAF_ALLOW_UNSAFE_MESSAGE_TYPE(orrery::actors::name)
ORRERY_LOCAL_MESSAGE(list_owned)
ORRERY_LOCAL_MESSAGE(erase_ended)
ORRERY_LOCAL_MESSAGE(erasures_checked)
ORRERY_LOCAL_MESSAGE(sweep_begin)
ORRERY_LOCAL_MESSAGE(sweep_shards)
ORRERY_LOCAL_MESSAGE(sweep_marks)
ORRERY_LOCAL_MESSAGE(sweep_page)
ORRERY_LOCAL_MESSAGE(sweep_erased)
ORRERY_LOCAL_MESSAGE(sweep_give_up)
#undef ORRERY_LOCAL_MESSAGE
