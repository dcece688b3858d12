#include "tests/sim/stock_twin.hpp"

#include "actors/stock_sweep.hpp"
#include "codec/stock.hpp"
#include "persistence/memory/memory_stock.hpp"
#include "tests/sim/world.hpp"

#include <algorithm>

namespace orrery::sim {

namespace {

constexpr auto sweep_pause = 5s;
constexpr auto stale_after = 10s;

task_spec spec_of_step(std::string_view kind) {
  task_spec spec;
  spec.kind = kind;
  spec.ttl = 6s;
  spec.retry.max_attempts = 6;
  spec.retry.initial = 50ms;
  spec.retry.max = 1s;
  return spec;
}

flow_step work_step(std::string name, std::vector<uint32_t> depends_on) {
  flow_step one;
  one.name = std::move(name);
  one.depends_on = std::move(depends_on);
  one.task = spec_of_step("work");
  auto undo = spec_of_step("work");
  undo.retry.max_attempts = 50;
  one.compensate = std::move(undo);
  return one;
}

flow_step reserve_step(std::string name, std::string payload) {
  flow_step one;
  one.name = std::move(name);
  auto spec = spec_of_step(kind_stock_reserve);
  spec.payload = std::move(payload);
  one.task = std::move(spec);
  auto undo = spec_of_step(kind_stock_release);
  undo.retry.max_attempts = 1000;
  undo.payload = one.task->payload;
  one.compensate = std::move(undo);
  return one;
}

flow flow_named(std::string name, std::vector<flow_step> steps) {
  flow f;
  f.name = std::move(name);
  f.version = 1;
  f.steps = std::move(steps);
  return f;
}

}  // namespace

std::vector<flow> flows_with_stock() {
  // In the second: two reservations at once, and two steps beside each other.
  return {flow_named("sell",
                     {reserve_step("reserve", ""), work_step("pack", {0}), work_step("send", {1})}),
          flow_named("pair", {reserve_step("reserve", ""),
                              reserve_step("bag", R"({"product":"Bag","quantity":1})"),
                              work_step("pack", {0, 1}), work_step("invoice", {0, 1}),
                              work_step("send", {2, 3})})};
}

stock_twin::stock_twin(world& around, std::string node)
    : world_(around),
      node_(std::move(node)),
      shelf_(memory_stock(around.truth).open_stock()),
      tasks_(around.truth.open_reader()) {}

stock_twin::~stock_twin() = default;

void stock_twin::start(work_item item, std::function<void(work_outcome)> done) {
  if (gone_)
    return;
  world_.work_started(item, node_);
  waiting one;
  one.release = item.kind == kind_stock_release;
  const auto wish = codec::read_stock_payload(item.payload, !one.release);
  if (!wish) {
    world_.violated("S12: a step of " + to_string(item.parent) + " asks for " + item.payload);
    return done({.error = "no payload", .error_code = "bad-payload", .retryable = false});
  }
  if (one.release && wish->reservation.is_nil())
    world_.violated("S12: the release of " + to_string(item.task) + " names no reservation");
  one.wish = {item.task, item.parent, wish->product, wish->quantity};
  one.done = std::move(done);
  one.due = world_.time.now() + world_.chance.between(0ms, 300ms);
  waiting_.push_back(std::move(one));
}

work_outcome stock_twin::hold(const stock_hold& wish) {
  if (world_.strikes(world_.how.stock_fails, "hold failed"))
    return {.error = "away", .error_code = "stock-away"};
  const auto told = shelf_->hold(std::span(&wish, 1), world_.time.now());
  world_.await_point(node_, "held, not told");
  if (!told || world_.strikes(world_.how.stock_fails, "hold unknown, done"))
    return {.error = "no answer", .error_code = "stock-away"};
  if (told->front() != hold_outcome::granted)
    return {.error = "too little", .error_code = std::string(code_no_stock), .retryable = false};
  return {.succeeded = true, .result = R"({"held":true})"};
}

bool stock_twin::sweep() {
  if (!world_.how.stock || world_.time.now() < sweep_due_)
    return false;
  sweep_due_ = world_.time.now() + sweep_pause;
  (void)actors::sweep_stock(*shelf_, *tasks_, world_.time.now() - stale_after, 100);
  return true;
}

bool stock_twin::step() {
  if (gone_)
    return false;
  const auto next = std::find_if(waiting_.begin(), waiting_.end(),
                                 [&](const waiting& one) { return one.due <= world_.time.now(); });
  if (next == waiting_.end())
    return sweep();
  auto one = std::move(*next);
  waiting_.erase(next);
  one.done(one.release ? work_outcome{.succeeded = true} : hold(one.wish));
  world_.await_point(node_, "stock step ended, not told");
  return true;
}

void stock_twin::gone() {
  gone_ = true;
  waiting_.clear();
}

}  // namespace orrery::sim
