#pragma once
/// The read side on PostgreSQL. Bodies hold the truth; columns are for finding them.

#include "domain/ports/store.hpp"
#include "persistence/postgres/pqxx_session.hpp"

namespace orrery::postgres {

class entity_reader final : public entity_store {
public:
  explicit entity_reader(pqxx_session session) : session_(std::move(session)) {}

  result<std::vector<entity>> load(std::span<const entity_id> ids) override;
  result<std::vector<due_row>> due(shard_id shard, time_point until, const due_cursor& after,
                                   size_t limit) override;
  result<entity_page> list(const entity_query& query) override;
  result<std::optional<task>> key_holder(shard_id shard, std::string_view key,
                                         std::span<const entity_id> except = {}) override;
  result<std::vector<queue_counts>> counts() override;
  result<std::vector<event_record>> history(entity_id id) override;
  result<std::vector<event_record>> journal(shard_id shard, position_t from, size_t limit) override;
  result<std::vector<shard_row>> shards() override;
  result<std::vector<dead_letter>> dead_letters(size_t limit) override;
  result<std::vector<numbered_letter>> letters_to_copy(shard_id shard, int64_t after,
                                                       size_t limit) override;

private:
  pqxx_session session_;
};

}  // namespace orrery::postgres
