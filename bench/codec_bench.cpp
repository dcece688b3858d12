/// How long the codec takes for the usual sizes. Prints nanoseconds per call; no verdict.

#include "codec/messages.hpp"
#include "codec/stored.hpp"

#include <chrono>
#include <cstdio>

namespace orrery::codec {

namespace {

volatile size_t sink = 0;

template <class Call>
void measure(const char* name, size_t bytes, Call call) {
  double best = 1e18;
  for (int round = 0; round < 7; ++round) {
    constexpr int calls = 20'000;
    const auto start = std::chrono::steady_clock::now();
    for (int i = 0; i < calls; ++i)
      sink = sink + call();
    const std::chrono::duration<double, std::nano> spent = std::chrono::steady_clock::now() - start;
    best = std::min(best, spent.count() / calls);
  }
  std::printf("%-34s %6zu bytes %8.0f ns\n", name, bytes, best);
}

constexpr std::string_view task_text =
    R"({"command":"submit","taskId":"0190163d-8694-739b-aea5-966c26f8ad91","kind":"http",)"
    R"("description":"Send the invoice","payload":{"url":"https://shop.example/invoices",)"
    R"("method":"POST","body":{"order":4711,"total":"1299.00"}},"ttl":"PT30S","queue":"mail",)"
    R"("priority":2,"retry":{"maxAttempts":5,"initial":"PT2S"},"tags":["invoice","eu"]})";
constexpr std::string_view order_text =
    R"({"orderId":"0190163d-8694-739b-aea5-966c26f8ad91","product":"Laptop","quantity":2,)"
    R"("customer":"customer-4711","flow":"standard","expiresIn":"PT24H","metadata":{"channel":)"
    R"("web","campaign":"autumn","items":[{"sku":"A-1","n":1},{"sku":"B-2","n":1}],"note":)"
    R"("please ring twice, the bell is weak"}})";

/// A task that ran once, and its history.
std::pair<task, std::vector<event_record>> finished_task(const task_spec& spec) {
  const auto start = from_micros(1'800'000'000'000'000);
  const auto id = new_entity_id(start, shard_id{7}, 0x123456789abcdef);
  std::vector<event_record> events;
  std::optional<entity> state;
  const auto add = [&](task_event event, duration after) {
    events.push_back({position_t{static_cast<int64_t>(4711 + events.size())}, id, start + after,
                      std::move(event)});
    evolve(state, events.back());
  };
  add(task_submitted{spec}, 0us);
  add(task_started{{1, 1}, "node-1"}, 700us);
  add(task_succeeded{R"({"status":200})"}, 12ms);
  return {std::get<task>(*state), events};
}

void run() {
  const auto submitted = read_intake(intake::tasks, task_text).value();
  const auto& spec = std::get<submit_task>(std::get<task_command>(submitted.command)).spec;
  const auto [done, history] = finished_task(spec);
  const entity whole = done;
  const auto row = encode(whole);
  const auto piece = encode_history(history);
  std::vector<event_record> many;
  for (int i = 0; i < 100; ++i)
    many.insert(many.end(), history.begin(), history.end());
  for (size_t i = 0; i < many.size(); ++i)
    many[i].id.value.low += i % 100;
  std::vector<const event_record*> pointers;
  for (const auto& record : many)
    pointers.push_back(&record);
  const auto journal = encode_journal(pointers);

  measure("encode task", row.size(), [&] { return encode(whole).size(); });
  measure("decode task", row.size(), [&] { return decode_entity(row).has_value(); });
  measure("encode history of 3", piece.size(), [&] { return encode_history(history).size(); });
  measure("decode history of 3", piece.size(),
          [&] { return decode_history(done.id, piece)->size(); });
  measure("encode journal, per 300 events", journal.size(),
          [&] { return encode_journal(pointers).size(); });
  measure("read task intake", task_text.size(),
          [&] { return read_intake(intake::tasks, task_text).has_value(); });
  measure("read order intake", order_text.size(),
          [&] { return read_intake(intake::orders, order_text).has_value(); });
  const auto written = write_intake(done.id, submitted.command);
  measure("write task intake", written.size(),
          [&] { return write_intake(done.id, submitted.command).size(); });
  const auto status = status_event_of(std::optional<task>{}, done, history.back()).value();
  const auto status_text = write(status);
  measure("write task status", status_text.size(), [&] { return write(status).size(); });
  measure("read task status", status_text.size(),
          [&] { return read_task_status(status_text).has_value(); });
  std::string view;
  append_view(view, whole);
  const size_t view_bytes = view.size();
  measure("append task view", view_bytes, [&] {
    view.clear();
    append_view(view, whole);
    return view.size();
  });
}

}  // namespace

}  // namespace orrery::codec

int main() { orrery::codec::run(); }
