#pragma once
/// The JSON form of everything that people and other programs see: the four topics, the HTTP bodies, the
/// views. One definition for both sides. Field names, defaults and units: event_catalog.md.
///
/// Reading: unknown fields are ignored, missing ones take their defaults, `null` counts as missing; a
/// wrong type or value is a failure `invalid` whose `field` is the JSON path (`retry.maxAttempts`,
/// `[3].quantity`) and whose detail says what was expected. Never throws. Limits: domain/limits.hpp.

#include "codec/json.hpp"
#include "domain/messages.hpp"
#include "domain/ports/front_door.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace orrery::codec {

// Intake: values of order_topic and task_topic.

/// Reads a record's value. `order_topic`: a submit unless `command` says `cancel`, `confirm`, `reject`,
/// or `complete`. `task_topic`: a submit unless `command` says `cancel`, `rerun`, `complete` or `fail`
/// (the last two with `run` and `attempt`). Specs are validated.
result<intake_message> read_intake(intake topic, std::string_view value);

/// Writes a command as a value for its topic; reading it back gives the same. `id` is the entity's.
std::string write_intake(entity_id id, const entity_command& command);

// HTTP bodies.

/// One submission body (`POST /api/orders`, `POST /api/tasks`): the submit form of the intake value.
result<submission> read_submission(entity_kind kind, std::string_view body);
/// A batch: a JSON array of bodies, `{"items":[…]}`, or NDJSON (one body per line). Failures name the
/// item: `items[3].ttl`.
result<std::vector<submission>> read_batch(entity_kind kind, std::string_view body);
/// The body of a command route: `{"reason":…}` for cancel, reject, pause; `{"payload":…}` for rerun; an
/// empty body is allowed. `verb` is the last part of the path (`cancel`, `rerun`, `confirm`, …);
/// `not_found` for a verb that this kind of entity does not know.
result<entity_command> read_command(entity_kind kind, std::string_view verb, std::string_view body);

// Status topics.

std::string write(const order_status_event& event);
std::string write(const task_status_event& event);
result<order_status_event> read_order_status(std::string_view value);
result<task_status_event> read_task_status(std::string_view value);
/// CloudEvents `type` of a status event: `io.orrery.order.created`, `io.orrery.task.retrying`, …
std::string ce_type(entity_kind kind, uint8_t status);

// Views, as the HTTP API shows them.

void append_view(std::string& out, const entity& e);
void append_view(std::string& out, const event_record& record);
void append_view(std::string& out, const dead_letter& letter);
void append_accepted(std::string& out, const accepted& a);

}  // namespace orrery::codec
