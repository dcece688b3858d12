#pragma once
/// Strong ids. An entity's id is a UUID whose 12 bits after the version hold its shard, so an id alone
/// says where to send (design: versions 7 and 8 of RFC 9562, `rand_a`).

#include "base/uuid.hpp"

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace orrery {

/// A number that cannot be mixed up with another kind of number.
template <class Tag, class Rep>
struct strong {
  Rep value{};
  constexpr strong() = default;
  constexpr explicit strong(Rep v) : value(v) {}
  friend constexpr auto operator<=>(const strong&, const strong&) = default;
};

/// A slice of all entities: partition n of every intake topic. 0 to 4095.
using shard_id = strong<struct shard_tag, uint16_t>;
/// Counts the owners of a shard; the fencing token of its writes. 0 = never owned.
using epoch_t = strong<struct epoch_tag, int64_t>;
/// Number of an event within its shard: gapless from 1. 0 = before the first.
using position_t = strong<struct position_tag, int64_t>;

inline constexpr uint32_t shards_max = 4096;

enum class entity_kind : uint8_t { task = 0, order = 1, schedule = 2 };
inline constexpr size_t entity_kinds = 3;
/// The first of them: the kinds with a status topic.
inline constexpr size_t published_kinds = 3;
std::string_view to_string(entity_kind kind) noexcept;

/// The id of an order, a task or a schedule.
struct entity_id {
  uuid value;

  constexpr entity_id() = default;
  constexpr explicit entity_id(uuid v) : value(v) {}
  /// The shard this id names. Meaningful only where `is_ours` holds.
  constexpr shard_id shard() const noexcept { return shard_id{value.rand_a()}; }
  /// Has the form of an id made here: variant of RFC 9562 and version 7 or 8.
  constexpr bool is_ours() const noexcept {
    return value.is_rfc_variant() && (value.version() == 7 || value.version() == 8);
  }
  constexpr bool is_nil() const noexcept { return value.is_nil(); }
  friend constexpr auto operator<=>(const entity_id&, const entity_id&) = default;
};

inline std::string to_string(const entity_id& id) { return to_string(id.value); }
result<entity_id> parse_entity_id(std::string_view text);

/// A fresh id (UUIDv7).
entity_id new_entity_id(time_point now, shard_id shard, uint64_t random);

/// The id of a record that came without one: by topic, partition and offset, beginning with the
/// record's own timestamp. Reading the record twice gives the same id.
entity_id id_of_record(std::string_view topic, shard_id shard, int64_t offset, time_point stamped);

/// The id of a foreign reference: the same reference on the same partition of the same topic is the
/// same entity.
entity_id id_of_reference(std::string_view topic, shard_id shard, std::string_view reference);

/// The id of an `Idempotency-Key`; its shard follows from the key as well.
entity_id id_of_idempotency_key(std::string_view topic, std::string_view principal,
                                std::string_view key, uint32_t shards);

/// The same, of an entity whose shard is chosen by something else (its unique key).
entity_id id_of_idempotency_key(std::string_view topic, std::string_view principal,
                                std::string_view key, shard_id shard);

/// What a message called the entity, resolved for the partition it arrived on.
struct resolved_id {
  entity_id id;
  std::string reference;  ///< Set where the text was foreign: not an id of ours for this shard.
};
/// `text` empty = the record had no id.
resolved_id resolve_id(std::string_view topic, shard_id shard, int64_t offset, time_point stamped,
                       std::string_view text);

/// Which attempt speaks: the fencing token that a handler carries.
struct attempt_token {
  uint32_t run = 0;
  uint32_t attempt = 0;
  friend constexpr auto operator<=>(const attempt_token&, const attempt_token&) = default;
};

}  // namespace orrery

template <class Tag, class Rep>
struct std::hash<orrery::strong<Tag, Rep>> {
  size_t operator()(const orrery::strong<Tag, Rep>& id) const noexcept {
    return std::hash<Rep>{}(id.value);
  }
};

template <>
struct std::hash<orrery::entity_id> {
  size_t operator()(const orrery::entity_id& id) const noexcept {
    return std::hash<orrery::uuid>{}(id.value);
  }
};
