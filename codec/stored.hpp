#pragma once
/// The stored form of entities and events: compact, self-delimiting, versioned.
///
/// The encoding is Protocol Buffers' wire format (tag = field number and wire type; varint, fixed64,
/// length-delimited), written by hand: unknown fields are skipped, missing ones have defaults, so a
/// newer program reads older bytes and the reverse; an event of an unknown kind is `corrupt`, since it
/// could not be folded. Field numbers are never used twice; they are listed, once for both directions,
/// in codec/detail/stored_fields.hpp. Golden files: tests/golden/stored/. A leading format byte (1)
/// leaves room for another form. Bad bytes give `corrupt`, never a crash.

#include "domain/events.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace orrery::codec {

/// The whole state of an entity.
std::string encode(const entity& e);
result<entity> decode_entity(std::string_view bytes);

/// A run of events of any entities, as one journal row holds them: each with position, id and time
/// (position and time as differences to the one before).
std::string encode_journal(const std::vector<const event_record*>& events);
result<std::vector<event_record>> decode_journal(std::string_view bytes);

/// A piece of one entity's history: events without the id. Pieces are appended to each other as they
/// are, byte after byte; `decode_history` reads any number of them. Events that are not kept with an
/// entity (`is_kept_in_history`) are left out.
std::string encode_history(const std::vector<event_record>& events);
result<std::vector<event_record>> decode_history(entity_id id, std::string_view bytes);

}  // namespace orrery::codec
