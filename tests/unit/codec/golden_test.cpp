/// What was once written must stay readable, and what is written must not change by accident.
/// `ORRERY_WRITE_GOLDEN=1` writes the files that are missing; a file that exists is never rewritten.

#include "codec/letters.hpp"
#include "tests/unit/codec/golden.hpp"

namespace orrery::codec {

namespace {

constexpr auto start = from_micros(1'800'000'000'000'000);
const entity_id id = new_entity_id(start, shard_id{42}, 0x123456789abcdef);

task_spec full_task_spec() {
  task_spec s;
  s.kind = "http";
  s.description = "Send the invoice";
  s.payload = R"({"url":"https://shop.example/invoices"})";
  s.queue = "mail";
  s.priority = 1;
  s.ttl = 30s;
  s.queue_ttl = 1min;
  s.total_ttl = 2h;
  s.heartbeat = 5s;
  s.deadline = start + 24h;
  s.run_at = start + 1h;
  s.delivery = delivery_mode::at_most_once;
  s.on_timeout = timeout_action::retry;
  s.retry = {3, backoff_kind::linear, exhausted_action::pause, 2s, 1.5, 1min, 0.1, {"E1", "E2"}};
  s.unique_key = "invoice-4711";
  s.tags = {"invoice", "eu"};
  s.reference = "invoice/4711";
  s.traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  s.request_hash = "9f86d081";
  return s;
}

order_spec full_order_spec() {
  return {"Laptop",  2,          "customer-7", "standard", 24h, R"({"channel":"web"})",
          "4711/DE", "00-00-01", "60303ae2"};
}

task full_task() {
  task t;
  t.id = id;
  t.spec = full_task_spec();
  t.status = task_status::paused;
  t.paused_from = task_status::retrying;
  t.run = 2;
  t.attempt = 5;
  t.uncounted = 1;
  t.version = 17;
  t.created_at = start;
  t.updated_at = start + 1s;
  t.life_from = start + 2s;
  t.queued_at = start + 3s;
  t.started_at = start + 4s;
  t.finished_at = start + 5s;
  t.next_at = start + 6s;
  t.reason = end_reason::heartbeat;
  t.reason_text = "held by an operator";
  t.result = R"({"status":200})";
  t.error = "connection refused";
  t.error_code = "ECONN";
  t.worker = "node-1";
  return t;
}

/// What few tasks have, beside what `full_task` has.
task task_with_extras() {
  task t = full_task();
  t.spec.edit([](task_spec& s) {
    task_options o;
    o.labels = {"gpu", "region=eu"};
    o.unique = unique_mode::debounce;
    o.unique_window = 30s;
    o.if_running = on_running::replace;
    o.if_ended = on_ended::allow_if_failed;
    s.options = o;
  });
  t.hold = true;
  t.pinned = true;
  task_extra e;
  e.progress = 0.25;
  e.message = "page 17";
  e.cursor = R"({"page":17})";
  e.ends_at = start + 20s;
  e.snoozes = 3;
  e.follow_up = *t.spec;
  e.orphans = {{{1, 4}, start + 9s, R"({"late":true})"}};
  t.extra = e;
  return t;
}

task plain_task() {
  task t;
  t.id = id;
  t.spec.edit([](task_spec& spec) { spec.kind = "noop"; });
  t.created_at = t.updated_at = t.life_from = t.queued_at = start;
  t.version = 1;
  return t;
}

order full_order() {
  order o;
  o.id = id;
  o.spec = full_order_spec();
  o.status = order_status::rejected;
  o.version = 2;
  o.created_at = start;
  o.updated_at = o.finished_at = start + 1s;
  o.reason = "no stock";
  return o;
}

flow a_flow() {
  flow f;
  f.name = "shop";
  f.version = 3;
  f.description = "sells";
  f.expires_in = 60s;
  flow_step pay;
  pay.name = "pay";
  pay.description = "takes the money";
  pay.task.edit([](task_spec& s) { s.kind = "http"; });
  flow_step ship = pay;
  ship.name = "ship";
  ship.depends_on = {0};
  ship.compensate = *pay.task;
  f.steps = {pay, ship};
  return f;
}

/// One of each, with all its fields.
std::vector<entity_event> every_event() {
  return {task_event{task_submitted{full_task_spec()}},
          task_event{task_queued{}},
          task_event{task_started{{1, 2}, "node-1"}},
          task_event{task_succeeded{R"({"status":200})"}},
          task_event{
              task_retry_scheduled{end_reason::lease_lost, "lost with node-1", "E1", start + 9s}},
          task_event{task_interrupted{}},
          task_event{task_failed{end_reason::interrupted, "the node was stopped", "E2"}},
          task_event{task_expired{end_reason::queue_ttl}},
          task_event{task_cancelled{end_reason::killed, "enough"}},
          task_event{task_paused{"retries exhausted", end_reason::failed, "no", "E3"}},
          task_event{task_resumed{}},
          task_event{task_rerun{R"({"again":true})"}},
          order_event{order_created{full_order_spec()}},
          order_event{order_confirmed{}},
          order_event{order_rejected{"no stock"}},
          order_event{order_fulfilment_started{}},
          order_event{order_completed{}},
          order_event{order_cancelled{"changed my mind"}},
          order_event{order_expired{}},
          order_event{order_compensation_started{"step failed"}},
          order_event{order_failed{"compensated"}},
          order_event{order_compensation_failed{"refund refused"}},
          task_event{task_progressed{0.25, "page 17", R"({"page":17})", start + 20s}},
          task_event{task_snoozed{start + 30s, "not now"}},
          task_event{task_result_orphaned{{1, 2}, R"({"late":true})"}},
          task_event{task_result_adopted{{1, 2}}},
          task_event{task_rescheduled{start + 40s}},
          task_event{task_replaced{full_task_spec()}},
          task_event{task_followed{full_task_spec()}},
          task_event{task_pause_requested{"hold"}},
          task_event{task_pinned{true}},
          task_event{task_submission_refused{"another body"}},
          order_event{order_submission_refused{"another body"}},
          task_event{task_erased{}},
          order_event{order_erased{}},
          order_event{order_flow_begun{a_flow()}},
          order_event{order_step_started{1, id, true}},
          order_event{order_step_ended{
              1, {id, 2, child_outcome::failed, true, R"({"paid":false})", "refused", "E4"}}},
          order_event{order_step_skipped{1, "done by hand"}},
          order_event{order_compensation_resumed{}},
          order_event{order_resumed{{0, 1}}}};
}

}  // namespace

TEST(golden, entities_are_stored_as_ever) {
  for (const auto& [name, e] :
       std::vector<std::pair<std::string, entity>>{{"task_full", full_task()},
                                                   {"task_extras", task_with_extras()},
                                                   {"task_plain", plain_task()},
                                                   {"order_full", full_order()}}) {
    const auto hex = golden("stored/" + name + ".hex", to_hex(encode(e)));
    EXPECT_EQ(hex, to_hex(encode(e))) << name;
    const auto read = decode_entity(from_hex(hex));
    ASSERT_TRUE(read) << name;
    EXPECT_EQ(*read, e) << name;
  }
}

TEST(golden, every_event_is_stored_and_shown_as_ever) {
  const auto events = every_event();
  EXPECT_EQ(events.size(), std::variant_size_v<task_event> + std::variant_size_v<order_event>);
  for (const auto& event : events) {
    const event_record record{position_t{4711}, id, start + 7ms, event};
    const std::string name(name_of(event));
    const auto hex = golden("stored/" + name + ".hex", to_hex(encode_history({record})));
    EXPECT_EQ(hex, to_hex(encode_history({record}))) << name;
    const auto read = decode_history(id, from_hex(hex));
    ASSERT_TRUE(read) << name;
    EXPECT_EQ(*read, std::vector{record}) << name;
    same_text("event_" + name, view_of(record));
  }
}

TEST(golden, journal_rows_are_stored_as_ever) {
  std::vector<event_record> records;
  int64_t position = 4711;
  auto events = every_event();
  events.resize(22);  // those that the file was written of
  for (const auto& event : events) {
    records.push_back({position_t{position}, id, start + duration{position * 10}, event});
    if (position % 3 == 0)
      records.back().id.value.low += 1;
    ++position;
  }
  std::vector<const event_record*> pointers;
  for (const auto& record : records)
    pointers.push_back(&record);
  const auto hex = golden("stored/journal.hex", to_hex(encode_journal(pointers)));
  EXPECT_EQ(hex, to_hex(encode_journal(pointers)));
  const auto read = decode_journal(from_hex(hex));
  ASSERT_TRUE(read);
  EXPECT_EQ(*read, records);
}

TEST(golden, intake_messages_read_as_ever) {
  auto task_wish = full_task_spec();
  auto order_wish = full_order_spec();
  same_text("order_topic_submit", write_intake(id, order_command{submit_order{order_wish}}));
  same_text("order_topic_cancel", write_intake(id, order_command{cancel_order{"changed my mind"}}));
  same_text("task_topic_submit", write_intake(id, task_command{submit_task{task_wish}}));
  same_text("task_topic_submit_plain",
            write_intake(id, task_command{submit_task{*plain_task().spec}}));
  same_text("task_topic_cancel", write_intake(id, task_command{cancel_task{"enough", true}}));
  same_text("task_topic_rerun", write_intake(id, task_command{rerun_task{R"({"a":1})"}}));
  same_text("task_topic_complete", write_intake(id, task_command{complete_task{{1, 2}, "[1]"}}));
  same_text("task_topic_fail",
            write_intake(id, task_command{fail_task{{1, 2}, "no", "E1", false, 5s}}));
}

TEST(golden, status_events_read_as_ever) {
  const event_record record{position_t{4711}, id, start + 7ms, task_event{}};
  same_text("task_status_topic",
            write(status_event_of(std::optional(plain_task()), full_task(), record).value()));
  same_text("task_status_topic_first",
            write(status_event_of(std::optional<task>{}, plain_task(), record).value()));
  auto before = full_order();
  before.status = order_status::created;
  same_text("order_status_topic",
            write(status_event_of(std::optional(before), full_order(), record).value()));
}

TEST(golden, views_are_shown_as_ever) {
  same_text("view_task", view_of(entity{full_task()}));
  same_text("view_task_extras", view_of(entity{task_with_extras()}));
  same_text("view_task_plain", view_of(entity{plain_task()}));
  same_text("view_order", view_of(entity{full_order()}));
  stored_letter letter;
  letter.number = 4;
  letter.letter = {intake::orders, shard_id{42}, 17, start, "product is missing", "key", "{}", {}};
  std::string letter_text;
  append_view(letter_text, letter, false);
  same_text("view_letter", letter_text);
  letter.letter.value = "\xff\xfe";
  letter.letter.headers = {{"traceparent", "00-1"}, {"blob", "\x80"}};
  letter.state = letter_state::redriven;
  letter.settled_at = start + 1s;
  letter.settled_by = "ada";
  letter.redriven_to = 18;
  letter.edited = letter.copied = true;
  letter_text.clear();
  append_view(letter_text, letter, true);
  same_text("view_letter_whole", letter_text);
  std::string accepted_text;
  append_accepted(accepted_text, {entity_kind::order, id, "4711/DE", shard_id{42}, 17, true});
  same_text("accepted_order", accepted_text);
  accepted_text.clear();
  append_accepted(accepted_text, {entity_kind::task, id, "", shard_id{42}, 17, false});
  same_text("accepted_task", accepted_text);
}

}  // namespace orrery::codec
