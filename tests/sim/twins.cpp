#include "tests/sim/twins.hpp"

#include "base/check.hpp"
#include "tests/sim/stock_twin.hpp"
#include "tests/sim/world.hpp"

#include <algorithm>

namespace orrery::sim {

namespace {

auto take_at(auto& list, size_t index) {
  auto one = std::move(list[index]);
  list.erase(list.begin() + static_cast<std::ptrdiff_t>(index));
  return one;
}

}  // namespace

// Commits.

writer_twin::writer_twin(world& around, const clock& time, store_twin& where, std::string node)
    : world_(around), where_(where) {
  actors::writer_options how;
  how.node = std::move(node);
  how.entities_max = around.how.commit_entities;
  steps_.emplace(where, where.open_journal(), time, std::move(how));
}

void writer_twin::enlist(std::shared_ptr<actors::pending_commit> pending) {
  if (steps_)
    steps_->enlist(std::move(pending));
}

void writer_twin::acquire(shard_id shard, std::function<void(result<shard_tenure>)> done) {
  if (steps_)
    steps_->acquire(shard, std::move(done));
}

void writer_twin::withdraw(shard_id shard) {
  if (steps_)
    steps_->withdraw(shard);
}

void writer_twin::mark_copied(shard_id shard, std::vector<int64_t> numbers) {
  if (steps_)
    steps_->mark_copied(shard, std::move(numbers));
}

void writer_twin::mark_published(shard_id shard, epoch_t epoch, position_t upto) {
  if (steps_)
    steps_->mark_published(shard, epoch, upto);
}

bool writer_twin::step() {
  if (!steps_ || world_.time.now() < not_before_)
    return false;
  const actors::commit_steps::instant now{world_.time.now().time_since_epoch()};
  const bool did = steps_->step(now) <= now;
  // The answer of the store, or the next thing, comes late.
  if (did && where_.session()->was_asked() && world_.strikes(world_.how.commit_slow, "slow commit"))
    not_before_ = world_.time.now() + world_.chance.between(5ms, 4s);
  return did;
}

// Reads.

reads_twin::reads_twin(world& around, store_twin& where, std::string node)
    : world_(around), where_(where), node_(std::move(node)), session_(where.open_reader()) {}

void reads_twin::run(std::function<void(entity_store&)> job, std::function<void()> refused) {
  if (!gone_)
    waiting_.push_back({std::move(job), std::move(refused)});
}

bool reads_twin::step() {
  if (gone_ || waiting_.empty())
    return false;
  const auto next = take_at(waiting_, world_.chance.below(waiting_.size()));
  if (world_.strikes(world_.how.read_fails, "read refused as busy")) {
    next.refused();
    return true;
  }
  world_.reads_fail =
      where_.cut != store_cut::none || world_.strikes(world_.how.read_fails, "read failed");
  next.job(*session_);
  world_.reads_fail = false;
  world_.await_point(node_, "read, not told");
  return true;
}

void reads_twin::gone() {
  gone_ = true;
  waiting_.clear();
}

// Publishing.

struct sink_twin::on_its_way {
  shard_id shard;
  publication call;
  std::function<void(result<void>)> done;
};

sink_twin::~sink_twin() = default;

sink_twin::sink_twin(world& around, memory_topics& topics, std::string node)
    : world_(around),
      node_(std::move(node)),
      topics_(topics),
      inner_(std::make_unique<memory_sink>(topics, memory_sink::drive::stepped)) {}

void sink_twin::plan_fault(std::optional<shard_id> shard) {
  topics_.fail_next(0, {});
  if (!world_.strikes(world_.how.publish_fails, "publish failed"))
    return;
  if (shard)
    world_.excuse(*shard);
  topics_.fail_next(1, {errc::unavailable, "the topic is away"}, world_.chance.hits(500));
}

void sink_twin::publish(shard_id shard, std::vector<status_event> events,
                        std::function<void(result<void>)> done) {
  if (gone_)
    return;
  auto call = world_.publishing(node_, shard, events);
  on_their_way_.push_back({shard, std::move(call), std::move(done)});
}

void sink_twin::land() {
  auto next = std::move(on_their_way_.front());
  on_their_way_.pop_front();
  if (world_.how.planted == mistake::marked_before_sent && world_.chance.hits(50))
    return next.done({});
  if (world_.how.planted == mistake::outbox_without_order)
    std::reverse(next.call.events.begin(), next.call.events.end());
  const auto before = topics_.events(next.shard).size();
  plan_fault(next.shard);
  inner_->publish(next.shard, next.call.events, std::move(next.done));
  if (topics_.events(next.shard).size() > before)
    world_.published(next.shard, std::move(next.call));
}

result<event_sink::tails> sink_twin::last_published(shard_id shard, const publishing_state& known,
                                                    duration timeout) {
  if (gone_ || world_.strikes(world_.how.publish_fails, "tail not read"))
    return failure{errc::unavailable, "the topic is away"};
  return inner_->last_published(shard, known, timeout);
}

void sink_twin::publish_dead_letters(std::vector<dead_letter> letters,
                                     std::function<void(result<void>)> done) {
  if (gone_)
    return;
  plan_fault(std::nullopt);
  inner_->publish_dead_letters(std::move(letters), std::move(done));
}

bool sink_twin::step() {
  if (gone_ || world_.strikes(world_.how.sink_holds, ""))
    return false;
  if (on_their_way_.empty() || world_.chance.hits(300)) {
    if (inner_->step())
      return true;
    if (on_their_way_.empty())
      return false;
  }
  land();
  world_.await_point(node_, "published, not told");
  return true;
}

/// Of what was handed to the topics' client, a part still arrives.
void sink_twin::gone() {
  gone_ = true;
  while (inner_ && !on_their_way_.empty() && world_.chance.hits(700))
    land();
  on_their_way_.clear();
  inner_.reset();
}

// Work.

work_twin::work_twin(world& around, std::string node) : world_(around), node_(std::move(node)) {}

void work_twin::start(work_item item, std::function<void(work_outcome)> done) {
  if (gone_)
    return;
  world_.work_started(item, node_);
  if (world_.strikes(world_.how.work_throws, "work threw"))
    throw std::runtime_error("the executor broke");
  job one;
  one.item = std::move(item);
  one.done = std::move(done);
  one.ends_at = world_.time.now() + world_.chance.between(0ms, 3s);
  one.begun = awake_;
  switch (world_.chance.below(8)) {
    case 0: one.outcome = {.error = "failed", .error_code = "exit-1"}; break;
    case 1: one.outcome = {.error = "for good", .error_code = "bad", .retryable = false}; break;
    default: one.outcome = {.succeeded = true, .result = R"({"done":true})"};
  }
  if (world_.strikes(world_.how.work_hangs, "work hangs"))
    one.ends_at = time_point::max();
  running_.push_back(std::move(one));
  world_.await_point(node_, "work begun");
}

/// No longer than its time to live and a tick, whoever owns it: by the node's own time, as a frozen node
/// counts nothing.
void work_twin::check_length(const job& one) {
  constexpr auto tick = 250ms;
  if (awake_ - one.begun > one.item.ttl + tick)
    world_.violated("TTL: work of " + to_string(one.item.task) + " ran " +
                    format_duration(awake_ - one.begun) + ", its time to live is " +
                    format_duration(one.item.ttl));
}

void work_twin::stop(entity_id task, attempt_token token, stop_mode mode) {
  for (auto& one : running_) {
    if (one.item.task != task || one.item.token != token || one.stopped)
      continue;
    one.stopped = true;
    check_length(one);
    const auto grace = mode == stop_mode::now ? 10ms : 2s;
    one.ends_at = std::min(one.ends_at, world_.time.now() + world_.chance.between(0ms, grace));
    one.outcome = {.error = "stopped", .error_code = "stopped"};
  }
}

bool work_twin::step() {
  for (size_t i = 0; i < running_.size(); ++i) {
    if (running_[i].ends_at > world_.time.now())
      continue;
    auto one = take_at(running_, i);
    if (!one.stopped)
      check_length(one);
    one.done(std::move(one.outcome));
    world_.await_point(node_, "work ended, not told");
    return true;
  }
  return false;
}

void work_twin::gone() {
  gone_ = true;
  running_.clear();
}

// Flows.

namespace {

flow_step make_step(std::string name, std::vector<uint32_t> after, bool undone) {
  flow_step one;
  task_spec spec;
  spec.kind = "work";
  spec.ttl = 3s;
  spec.retry.max_attempts = 3;
  spec.retry.initial = 50ms;
  one.name = std::move(name);
  one.depends_on = std::move(after);
  one.task = spec;
  if (undone)
    one.compensate = spec;
  return one;
}

}  // namespace

flows_twin::flows_twin(world& around) : world_(around) {
  flow shop;
  shop.name = "shop";
  shop.version = 1;
  shop.steps = {make_step("reserve", {}, true), make_step("pay", {0}, true),
                make_step("pack", {0}, false), make_step("ship", {1, 2}, false)};
  auto all = flows_with_stock();
  all.push_back(std::move(shop));
  for (auto& one : all) {
    CHECK(validate(one).has_value(), "the flow is one");
    flows_[one.name] = one;
  }
}

std::optional<shared_value<flow>> flows_twin::find(std::string_view name) const {
  const auto found = flows_.find(name);
  if (found == flows_.end() || world_.strikes(world_.how.read_fails, "flow not in memory"))
    return std::nullopt;
  return found->second;
}

void flows_twin::fetch(std::string name, std::function<void(result<shared_value<flow>>)> done) {
  if (world_.strikes(world_.how.read_fails, "flow not read"))
    return done(failure{errc::busy, "the store is away"});
  const auto found = flows_.find(name);
  if (found == flows_.end())
    return done(failure{errc::not_found, "there is no such flow"});
  done(found->second);
}

}  // namespace orrery::sim
