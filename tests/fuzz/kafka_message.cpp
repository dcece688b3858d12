#include "tests/fuzz/targets.hpp"

#include "base/check.hpp"
#include "codec/letters.hpp"
#include "codec/messages.hpp"

namespace orrery::fuzz {

namespace {

/// What was read can be written, and that is read as the same.
void read_value(intake topic, std::string_view value) {
  const auto read = codec::read_intake(topic, value);
  if (!read) {
    CHECK(!read.error().detail.empty(), "a dead letter says why");
    return;
  }
  const auto id =
      id_of_record("t", shard_id{3}, 7, time_point{std::chrono::seconds{1'700'000'000}});
  const auto text = codec::write_intake(id, read->command);
  const auto again = codec::read_intake(topic, text);
  CHECK(again, "what is written can be read");
  CHECK(codec::write_intake(id, again->command) == text, "and is the same");
}

template <class Event>
void read_status(const result<Event>& read, result<Event> (*reader)(std::string_view)) {
  if (!read)
    return;
  const auto text = codec::write(*read);
  const auto again = reader(text);
  CHECK(again, "a status event that is written can be read");
  CHECK(codec::write(*again) == text, "and is the same");
}

void read_headers(std::string_view bytes) {
  const auto read = codec::decode_headers(bytes);
  if (!read)
    return;
  const auto again = codec::decode_headers(codec::encode_headers(*read));
  CHECK(again && again->size() == read->size(), "headers that are written can be read");
  for (size_t i = 0; i < read->size(); ++i)
    CHECK((*again)[i].name == (*read)[i].name && (*again)[i].value == (*read)[i].value,
          "and are the same");
}

}  // namespace

/// The first byte chooses the topic.
void kafka_message(std::string_view bytes) {
  if (bytes.empty())
    return;
  const auto value = bytes.substr(1);
  switch (static_cast<unsigned char>(bytes[0]) % 6) {
    case 0: return read_value(intake::orders, value);
    case 1: return read_value(intake::tasks, value);
    case 2: return read_status(codec::read_order_status(value), codec::read_order_status);
    case 3: return read_status(codec::read_task_status(value), codec::read_task_status);
    case 4: return read_status(codec::read_schedule_status(value), codec::read_schedule_status);
    default: return read_headers(value);
  }
}

}  // namespace orrery::fuzz
