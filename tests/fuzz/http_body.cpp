#include "tests/fuzz/targets.hpp"

#include "base/check.hpp"
#include "codec/flows.hpp"
#include "codec/letters.hpp"
#include "codec/log_lines.hpp"
#include "codec/messages.hpp"
#include "codec/operations.hpp"
#include "codec/schema.hpp"
#include "codec/worker_bodies.hpp"
#include "http/embedded.hpp"
#include "http/target.hpp"

#include <array>

namespace orrery::fuzz {

namespace {

using namespace std::string_view_literals;

const codec::schema_set& schemas() {
  static const codec::schema_set all = [] {
    std::vector<std::string_view> documents;
    for (const auto& file : http::embedded_files())
      if (file.name.starts_with("api/") && file.name != "api/asyncapi.json")
        documents.push_back(file.bytes);
    auto loaded = codec::schema_set::load(documents);
    CHECK(loaded, "the schemas of the API are good");
    return std::move(*loaded);
  }();
  return all;
}

const std::vector<std::string>& schema_names() {
  static const auto all = schemas().names();
  return all;
}

const entity_id some_id =
    id_of_record("t", shard_id{3}, 7, time_point{std::chrono::seconds{1'700'000'000}});

/// A command of ours is written for the log, and read there by whoever owns the shard.
void stays_the_same(const entity_command& command, entity_kind kind) {
  if (kind == entity_kind::schedule)
    return;
  const auto topic = kind == entity_kind::task ? intake::tasks : intake::orders;
  const auto text = codec::write_intake(some_id, command);
  const auto again = codec::read_intake(topic, text);
  CHECK(again, "what a request submits can be read from the log");
  CHECK(codec::write_intake(some_id, again->command) == text, "and is the same");
}

void submit(entity_kind kind, std::string_view body) {
  if (const auto read = codec::read_submission(kind, body))
    stays_the_same(read->command, kind);
  else
    CHECK(!read.error().detail.empty(), "a refusal says why");
}

void submit_many(entity_kind kind, std::string_view body) {
  const auto split = codec::split_batch(body);
  const auto read = codec::read_batch(kind, body);
  if (!read)
    return;
  CHECK(split && split->items.size() == read->size(), "both see the same items");
  for (const auto& one : *read)
    stays_the_same(one.command, kind);
}

void command(unsigned which, std::string_view body) {
  static constexpr std::array verbs{
      "cancel"sv,           "kill"sv,      "pause"sv,       "resume"sv,   "rerun"sv,
      "reschedule"sv,       "pin"sv,       "unpin"sv,       "complete"sv, "fail"sv,
      "heartbeat"sv,        "snooze"sv,    "adopt"sv,       "confirm"sv,  "reject"sv,
      "begin-fulfilment"sv, "submit"sv,    "update"sv,      "trigger"sv,  "backfill"sv,
      "delete"sv,           "skip-step"sv, "no-such-verb"sv};
  const auto kind = static_cast<entity_kind>(which % entity_kinds);
  const auto verb = verbs[which / entity_kinds % verbs.size()];
  (void)codec::read_command(kind, verb, body);
  (void)codec::read_report(lease_id{some_id, {1, 1}, epoch_t{42}, {}}, verb, body);
}

void others(unsigned which, std::string_view body) {
  (void)codec::read_lease_wish(body);
  (void)codec::read_rule(rule_scope::queue, "q", body);
  (void)codec::read_note(body);
  (void)codec::read_wish(body);
  (void)codec::read_letter_wish(static_cast<letter_wish::verb>(which % 2), body);
  (void)codec::read_letters_wish(static_cast<letter_wish::verb>(which % 2), body);
  if (const auto lines = codec::read_log_lines(body))
    for (const auto& chunk : codec::pack_lines(*lines))
      CHECK(codec::unpack_lines(chunk.body), "lines that are packed can be unpacked");
  if (const auto flow = codec::read_flow(body)) {
    const auto stored = codec::encode_flow(*flow);
    const auto again = codec::decode_flow(stored);
    CHECK(again && codec::encode_flow(*again) == stored, "a flow that is stored can be read");
  }
}

void check(unsigned which, std::string_view body) {
  const auto* schema = schemas().find(schema_names()[which % schema_names().size()]);
  (void)codec::check_value(*schema, body);
  (void)codec::check_batch(*schema, body);
  (void)codec::check_parameter(*schema, body, "p");
}

void query(std::string_view text) {
  (void)http::parse_prefer_wait(text);
  const auto read = http::parse_query(text);
  if (!read)
    return;
  for (const auto& one : *read)
    CHECK(http::is_utf8(one.name) && http::is_utf8(one.value), "a query is text");
}

}  // namespace

/// Two bytes choose what reads the rest.
void http_body(std::string_view bytes) {
  if (bytes.size() < 2)
    return;
  const auto which = static_cast<unsigned char>(bytes[1]);
  const auto body = bytes.substr(2);
  switch (static_cast<unsigned char>(bytes[0]) % 6) {
    case 0: return submit(static_cast<entity_kind>(which % entity_kinds), body);
    case 1: return submit_many(static_cast<entity_kind>(which % entity_kinds), body);
    case 2: return command(which, body);
    case 3: return others(which, body);
    case 4: return check(which, body);
    default: return query(body);
  }
}

}  // namespace orrery::fuzz
