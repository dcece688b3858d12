#pragma once
/// The JSON form of everything that people and other programs see: the four topics, the HTTP bodies, the
/// views. One definition for both sides. Field names, defaults and units: event_catalog.md.
///
/// Reading: unknown fields are ignored, missing ones take their defaults, `null` counts as missing; a
/// wrong type or value is a failure `invalid` whose `field` is the JSON path (`retry.maxAttempts`,
/// `items[3].quantity`) and whose detail says what was expected, to be read after the field's name:
/// "must be a whole number". Of a member that comes twice the last one counts. `payload`, `metadata` and
/// `result` are kept as the JSON text that came, without the white space between its tokens, so always
/// on one line. Never throws. Limits: domain/limits.hpp; one body at most twice the payload's limit.
///
/// Headers, not members: `traceparent` and `request_hash` of a spec are neither read nor written here.

#include "codec/json.hpp"
#include "domain/cron/preview.hpp"
#include "domain/fire_history.hpp"
#include "domain/messages.hpp"
#include "domain/ports/intake_log.hpp"
#include "domain/submission.hpp"
#include "domain/task_runs.hpp"
#include "domain/task_why.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace orrery::codec {

// Intake: values of order_topic and task_topic.

/// Reads a record's value. `order_topic`: a submit unless `command` says `cancel`, `confirm`, `reject`,
/// or `complete`. `task_topic`: a submit unless `command` says `cancel`, `rerun`, `complete` or `fail`
/// (the last two with `run` and `attempt`). Specs are validated. `delay` stands in the spec's
/// options: whoever has a clock makes it `run_at` (`settle_delay`).
result<intake_message> read_intake(intake topic, std::string_view value);

/// Writes a command as a value for its topic; reading it back gives the same. `id` is the entity's; a
/// submit whose spec has a `reference` names that instead, and the reader on the right partition derives
/// the same id from it. For commands that no topic takes (`pause`, `resume`, …) it is the body that
/// `read_command` takes under the command's name.
std::string write_intake(entity_id id, const entity_command& command);

// HTTP bodies.

/// One submission body (`POST /api/orders`, `POST /api/tasks`): the submit form of the intake value.
result<submission> read_submission(entity_kind kind, std::string_view body);
/// A batch: a JSON array of bodies, `{"items":[…]}`, or NDJSON (one body per line). Failures name the
/// item: `items[3].ttl`. An empty batch is `invalid`.
result<std::vector<submission>> read_batch(entity_kind kind, std::string_view body);
/// The body of a command route: `{"reason":…}` for cancel, reject, pause; `{"payload":…}` for rerun;
/// `{"run","attempt","result"?}` for complete and `{"run","attempt","error"?,"errorCode"?,"retryable"?,
/// "retryAfter"?}` for fail, `{"run","attempt","progress"?,"message"?,"cursor"?,"extend"?|"extendTo"?}` for
/// heartbeat, `{"run","attempt","delay"}` for snooze, `{"run","attempt"}` for adopt, `{"runAt"?}` for
/// reschedule of a task; an empty body is allowed elsewhere. `verb` is the last part of the
/// path. Schedules: submit, update, pause, resume, trigger, backfill, delete. Tasks: cancel, kill, pause, resume, rerun, reschedule, pin, unpin, complete, fail, heartbeat,
/// snooze, adopt. Orders: cancel, confirm, reject,
/// begin-fulfilment, complete. `not_found` for a verb that this kind of entity does not know.
result<entity_command> read_command(entity_kind kind, std::string_view verb, std::string_view body);

/// The bodies of a batch, each alone and not yet parsed, in any of its three forms; `atomic` as the
/// object form says it.
struct batch_text {
  std::vector<std::string_view> items;
  bool atomic = true;
};
result<batch_text> split_batch(std::string_view body);

// Status topics.

std::string write(const order_status_event& event);
std::string write(const task_status_event& event);
std::string write(const schedule_status_event& event);
result<order_status_event> read_order_status(std::string_view value);
result<task_status_event> read_task_status(std::string_view value);
result<schedule_status_event> read_schedule_status(std::string_view value);
/// CloudEvents `type` of a status event: `io.orrery.order.created`, `io.orrery.task.retrying`, …
std::string ce_type(entity_kind kind, uint8_t status);

// Views, as the HTTP API shows them: appended as one JSON object on one line.

void append_view(std::string& out, const entity& e);
void append_view(std::string& out, const event_record& record);
void append_accepted(std::string& out, const accepted& a);
/// One item of a batch that could not be taken: `{"error":{"code","detail","field"?}}`.
void append_refused(std::string& out, const failure& why);
void append_view(std::string& out, const run_record& run);
void append_view(std::string& out, const queue_counts& counts);
/// `{"taskId","status","run","attempt",…}` with the result, or the error.
void append_result(std::string& out, const task& t);
/// `holders`: attempts that have what the task waits for.
void append_blocker(std::string& out, const task& t, const blocker& why,
                    const std::vector<task>& holders = {});

/// Between nodes.
std::string write(const lane_question& question);
result<lane_question> read_lane_question(std::string_view text);
std::string write(const lane_view& view);
result<lane_view> read_lane(std::string_view text);
/// The newest fires of a schedule, newest first: `{"items":[…],"next":…}`; `next` is `end` where the journal
/// holds older ones.
void append_fires(std::string& out, const schedule& s);
/// The same form, from the journal; `next` is a position.
void append_fires(std::string& out, const fire_page& page);
void append_preview(std::string& out, const fire_preview& seen);

}  // namespace orrery::codec
