/// What is written reads back as it was; what is damaged is refused or read, and never more.

#include "codec/letters.hpp"
#include "codec/messages.hpp"
#include "tests/unit/codec/samples.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <rapidcheck/gtest.h>

namespace orrery::codec {

namespace {

using namespace test;

/// Commands have no `==`; what they say is compared by writing them again.
std::string again(entity_id id, const entity_command& command) { return write_intake(id, command); }

attempt_token any_token() { return {*rc::gen::inRange(0U, 100U), *rc::gen::inRange(0U, 1000U)}; }

task_command any_intake_command() {
  switch (*rc::gen::inRange(0, 8)) {
    case 0: return complete_task{any_token(), any_json()};
    case 1:
      return fail_task{any_token(), nasty_text(), nasty_text(3), maybe(),
                       maybe() ? any_length() : 0us};
    case 2: return cancel_task{nasty_text(), maybe()};
    case 3: return rerun_task{any_json()};
    default: return submit_task{any_task_spec()};
  }
}

order_command any_order_intake_command() {
  switch (*rc::gen::inRange(0, 7)) {
    case 0: return cancel_order{nasty_text()};
    case 1: return reject_order{nasty_text()};
    case 2: return confirm_order{};
    case 3: return complete_order{};
    default: return submit_order{any_order_spec()};
  }
}

template <class Status>
std::optional<Status> previous(Status last) {
  return maybe() ? std::nullopt : std::optional(any_upto(last));
}

task_status_event any_task_status() {
  task_status_event e;
  e.task_id = any_id();
  e.reference = nasty_text();
  e.kind = nasty_name();
  e.queue = nasty_name();
  e.status = any_upto(task_status::cancelled);
  e.previous = previous(task_status::cancelled);
  e.run = *rc::gen::inRange(1U, 101U);
  e.attempt = *rc::gen::inRange(0U, 1001U);
  e.reason = any_upto(end_reason::duplicate);
  e.reason_text = nasty_text();
  e.result = any_json();
  e.error = nasty_text();
  e.shard = e.task_id.shard();
  e.position = position_t{*rc::gen::inRange<int64_t>(1, int64_t{1} << 62)};
  e.at = any_time();
  return e;
}

order_status_event any_order_status() {
  order_status_event e;
  e.order_id = any_id();
  e.reference = nasty_text();
  e.product = nasty_name();
  e.quantity = *rc::gen::inRange<int64_t>(1, 1'000'001);
  e.status = any_upto(order_status::compensation_failed);
  e.previous = previous(order_status::compensation_failed);
  e.reason = nasty_text();
  e.shard = e.order_id.shard();
  e.position = position_t{*rc::gen::inRange<int64_t>(1, int64_t{1} << 62)};
  e.at = any_time();
  return e;
}

void check_one_line_of_json(const std::string& text) {
  RC_ASSERT(nlohmann::json::accept(text));
  RC_ASSERT(text.find('\n') == std::string::npos);
}

}  // namespace

RC_GTEST_PROP(task_intake, reads_back, ()) {
  const auto id = any_id();
  const auto command = any_intake_command();
  const auto text = write_intake(id, command);
  check_one_line_of_json(text);
  const auto read = read_intake(intake::tasks, text);
  RC_ASSERT(read);
  RC_ASSERT(read->id_text == to_string(id));
  RC_ASSERT(std::get<task_command>(read->command).index() == command.index());
  RC_ASSERT(again(id, read->command) == text);
  if (const auto* submit = std::get_if<submit_task>(&command))
    RC_ASSERT(std::get<submit_task>(std::get<task_command>(read->command)).spec == submit->spec);
}

RC_GTEST_PROP(order_intake, reads_back, ()) {
  const auto id = any_id();
  const auto command = any_order_intake_command();
  const auto text = write_intake(id, command);
  check_one_line_of_json(text);
  const auto read = read_intake(intake::orders, text);
  RC_ASSERT(read);
  RC_ASSERT(read->id_text == to_string(id));
  RC_ASSERT(again(id, read->command) == text);
  if (const auto* submit = std::get_if<submit_order>(&command))
    RC_ASSERT(std::get<submit_order>(std::get<order_command>(read->command)).spec == submit->spec);
}

TEST(task_intake, of_a_submit_with_a_reference_names_the_reference) {
  task_spec spec;
  spec.kind = "noop";
  spec.reference = "mine \"7\"";
  const auto id = id_of_reference("task_topic", shard_id{3}, spec.reference);
  const auto read = read_intake(intake::tasks, write_intake(id, task_command{submit_task{spec}}));
  ASSERT_TRUE(read);
  EXPECT_EQ(read->id_text, spec.reference);
  const auto resolved = resolve_id("task_topic", shard_id{3}, 0, never, read->id_text);
  EXPECT_EQ(resolved.id, id);
  EXPECT_EQ(resolved.reference, spec.reference);
}

RC_GTEST_PROP(command_body, is_what_read_command_takes_under_its_name, ()) {
  const std::vector<entity_command> commands = {
      task_command{cancel_task{nasty_text(), maybe()}},
      task_command{pause_task{nasty_text()}},
      task_command{resume_task{}},
      task_command{rerun_task{any_json()}},
      task_command{complete_task{any_token(), any_json()}},
      task_command{fail_task{any_token(), nasty_text(), nasty_text(3), maybe(), any_length()}},
      order_command{confirm_order{}},
      order_command{reject_order{nasty_text()}},
      order_command{begin_fulfilment{}},
      order_command{complete_order{}},
      order_command{cancel_order{nasty_text()}}};
  const auto id = any_id();
  for (const auto& command : commands) {
    const auto name = std::visit([](const auto& c) { return name_of(c); }, command);
    const auto text = write_intake(id, command);
    const auto read = read_command(kind_of(command), name, text);
    RC_ASSERT(read);
    RC_ASSERT(again(id, *read) == text);
  }
}

RC_GTEST_PROP(batch, of_any_submissions_reads_back_in_its_three_forms, ()) {
  std::vector<std::string> bodies;
  const int count = *rc::gen::inRange(1, 5);
  for (int i = 0; i < count; ++i)
    bodies.push_back(write_intake(any_id(), task_command{submit_task{any_task_spec()}}));
  std::string lines;
  std::string list;
  for (const auto& body : bodies) {
    lines += body + "\n";
    list += (list.empty() ? "" : " , ") + body;
  }
  for (const auto& text : {lines, "[" + list + "]", "{\"items\":[" + list + "]}"}) {
    const auto read = read_batch(entity_kind::task, text);
    RC_ASSERT(read);
    RC_ASSERT(read->size() == bodies.size());
    for (size_t i = 0; i < bodies.size(); ++i)
      RC_ASSERT(again(parse_entity_id((*read)[i].id_text).value(), (*read)[i].command) ==
                bodies[i]);
  }
}

RC_GTEST_PROP(task_status_event, reads_back, ()) {
  const auto e = any_task_status();
  const auto text = write(e);
  check_one_line_of_json(text);
  RC_ASSERT(read_task_status(text).value() == e);
}

RC_GTEST_PROP(order_status_event, reads_back, ()) {
  const auto e = any_order_status();
  const auto text = write(e);
  check_one_line_of_json(text);
  RC_ASSERT(read_order_status(text).value() == e);
}

RC_GTEST_PROP(view, of_anything_is_one_line_of_valid_json, ()) {
  std::string text;
  append_view(text, any_entity());
  check_one_line_of_json(text);
  for (const auto& record : any_records()) {
    text.clear();
    append_view(text, record);
    check_one_line_of_json(text);
  }
  const auto bytes = *rc::gen::arbitrary<std::string>();
  text.clear();
  stored_letter letter;
  letter.letter = {intake::orders, shard_id{1}, 2,     any_time(),
                   nasty_text(),   bytes,       bytes, {{bytes, bytes}, {}}};
  append_view(text, letter, true);
  check_one_line_of_json(text);
  RC_ASSERT(decode_headers(encode_headers(letter.letter.headers)).value() == letter.letter.headers);
}

RC_GTEST_PROP(readers, of_damaged_text_answer_and_never_crash, ()) {
  const auto task_text = write_intake(any_id(), any_intake_command());
  const auto order_text = write_intake(any_id(), any_order_intake_command());
  const auto status_text = write(any_task_status());
  const auto random = *rc::gen::arbitrary<uint64_t>();
  for (uint64_t i = 0; i < 300; ++i) {
    const auto bad_task = damaged(task_text, status_text, random + i);
    if (const auto read = read_intake(intake::tasks, bad_task)) {
      RC_ASSERT(nlohmann::json::accept(bad_task));
      // What was taken can be passed on.
      const auto rewritten = write_intake(entity_id{}, read->command);
      RC_ASSERT(read_intake(intake::tasks, rewritten));
    } else {
      RC_ASSERT(read.error().code == errc::invalid);
      RC_ASSERT(!read.error().detail.empty());
    }
    const auto bad_order = damaged(order_text, task_text, random + i);
    if (read_intake(intake::orders, bad_order))
      RC_ASSERT(nlohmann::json::accept(bad_order));
    (void)read_batch(entity_kind::task, "[" + bad_task + "," + bad_order + "]");
    (void)read_batch(entity_kind::task, bad_task + "\n" + bad_order);
    (void)read_task_status(damaged(status_text, task_text, random + i));
    (void)read_order_status(damaged(order_text, status_text, random + i));
    (void)read_command(entity_kind::task, "fail", bad_task);
    (void)check_json(bad_order);
  }
}

RC_GTEST_PROP(readers, of_pure_noise_answer_and_never_crash, ()) {
  const auto noise = *rc::gen::container<std::string>(
      rc::gen::elementOf(std::string("{}[]\":,\\u0129eE+-.tfn \n\xc3\xa9\xff\x01\0ab", 30)));
  (void)read_intake(intake::tasks, noise);
  (void)read_batch(entity_kind::order, noise);
  RC_ASSERT(bool(check_json(noise)) <= nlohmann::json::accept(noise));
}

}  // namespace orrery::codec
