/// Clients of what is more than a plain task or order: keys, limits, workers outside, a schedule.

#include "actors/worker_messages.hpp"
#include "base/murmur2.hpp"
#include "codec/messages.hpp"
#include "domain/unique_key.hpp"
#include "tests/sim/workload.hpp"
#include "tests/sim/world.hpp"

#include <caf/send.hpp>

namespace orrery::sim {

namespace {

constexpr const char* schedule_name = "each-second";

}  // namespace

/// One of the kinds that this run knows; false where it knows none.
bool workload::submit_special() {
  std::vector<void (workload::*)()> kinds;
  if (world_.how.keys)
    kinds.push_back(&workload::submit_unique);
  if (world_.how.limits)
    kinds.push_back(&workload::submit_limited);
  if (world_.how.leases)
    kinds.push_back(&workload::submit_external);
  if (kinds.empty())
    return false;
  (this->*kinds[world_.chance.below(kinds.size())])();
  return true;
}

void workload::submit_new(task_spec spec, shard_id shard) {
  auto& op = begin(intake::tasks, shard, expectation::entity);
  op.given = true;
  op.id = new_entity_id(world_.time.now(), shard, world_.chance.next());
  produce(op, codec::write_intake(op.id, task_command{orrery::submit_task{std::move(spec)}}), true);
}

/// A few keys, each at home in its shard; some count among the tasks of a limit key.
void workload::submit_unique() {
  auto& chance = world_.chance;
  auto spec = random_task();
  spec.unique_key = "unique-" + std::to_string(chance.below(6));
  spec.options.edit([&](task_options& o) {
    o.unique = chance.hits(600) ? unique_mode::until_done : unique_mode::until_start;
    if (world_.how.limits && chance.hits(300))
      o.limit_key = "limit-" + std::to_string(chance.below(2));
  });
  if (!spec.options->limit_key.empty()) {
    spec.kind = "work";
    spec.payload.clear();
    spec.queue = limited_queue;
  }
  const shard_id home{static_cast<uint16_t>(partition_of_key(home_key(spec), world_.how.shards))};
  submit_new(std::move(spec), home);
}

void workload::submit_limited() {
  auto& chance = world_.chance;
  auto spec = random_task();
  spec.kind = "work";
  spec.payload.clear();
  spec.queue = limited_queue;
  const auto key = "limit-" + std::to_string(chance.below(3));
  spec.options.edit([&](task_options& o) { o.limit_key = key; });
  submit_new(std::move(spec),
             shard_id{static_cast<uint16_t>(partition_of_key(key, world_.how.shards))});
}

void workload::submit_external() {
  auto spec = random_task();
  spec.kind = external_kind;
  spec.payload.clear();
  const auto shard = static_cast<uint16_t>(world_.chance.below(world_.how.shards));
  submit_new(std::move(spec), shard_id{shard});
}

void workload::tend() {
  if (world_.how.leases && !world_.at_rest)
    for (size_t worker = 0; worker < polls_until_.size(); ++worker)
      if (polls_until_[worker] <= world_.time.now())
        poll(worker);
  if (world_.how.schedules)
    tend_schedule();
}

/// A worker asks one of the nodes, as a rule the same.
void workload::poll(size_t worker) {
  auto& chance = world_.chance;
  auto& node = world_.nodes[chance.hits(900) ? worker % world_.nodes.size()
                                             : chance.below(world_.nodes.size())];
  const auto now = world_.time.now();
  polls_until_[worker] = now + chance.between(100ms, 1s);
  if (!node || node->paused())
    return;
  actors::poll_for_work asks;
  asks.wish.worker = "w" + std::to_string(worker);
  asks.wish.kinds = {external_kind};
  asks.wish.wait = chance.between(0ms, 3s);
  asks.wish.max = static_cast<uint32_t>(1 + chance.below(3));
  polls_until_[worker] = now + asks.wish.wait + 2s;
  for (size_t i = 0; i < 8; ++i)
    asks.seed[i] = static_cast<uint8_t>(chance.next());
  asks.reply = [this, worker, number = ++polls_](result<lease_answer> answer) {
    if (!answer)
      return;
    world_.note("w" + std::to_string(worker) + " hears of poll " + std::to_string(number));
    for (const auto& item : answer->items)
      leased(item);
    polls_until_[worker] = world_.time.now() + world_.chance.between(0ms, 500ms);
  };
  caf::anon_send(node->desk(), std::move(asks));
}

/// A lease is durable before it is handed out, and handed out once. Most workers do the work; some are
/// never heard of again.
void workload::leased(const leased_task& item) {
  auto& chance = world_.chance;
  const auto& lease = item.lease;
  const auto what = "run " + std::to_string(lease.token.run) + " attempt " +
                    std::to_string(lease.token.attempt) + " of " + to_string(lease.task);
  if (!leases_.insert({lease.task, lease.token.run, lease.token.attempt}).second)
    world_.violated("S4: " + what + " was leased twice");
  const auto found = world_.reader->load(std::span(&lease.task, 1));
  const auto* row = found && !found->empty() ? std::get_if<task>(&found->front()) : nullptr;
  if (row == nullptr || row->token() < lease.token)
    world_.violated("S5: " + what + " was leased before its start was durable");
  if (chance.hits(150))
    return;
  auto& op = begin(intake::tasks, lease.task.shard(), expectation::command);
  op.given = op.direct = true;
  op.id = lease.task;
  op.seen = seen_[op.id];
  if (chance.hits(700))
    op.wish = complete_task{lease.token, std::to_string(op.number), lease.secret};
  else
    op.wish = fail_task{lease.token, "could not", "bad", true, {}, lease.secret};
  retries_.emplace(world_.time.now() + chance.between(0ms, 4s), op.number);
}

entity_id workload::the_schedule() const {
  return id_of_schedule(schedule_name, world_.how.shards);
}

/// Made until it is there; paused half a minute after all was well, until it is.
void workload::tend_schedule() {
  const auto now = world_.time.now();
  if (now < next_tending_)
    return;
  next_tending_ = now + 1s;
  const auto id = the_schedule();
  const auto found = world_.reader->load(std::span(&id, 1));
  if (!found)
    return;
  schedule_command wish = pause_schedule{"the run ends"};
  if (found->empty()) {
    if (world_.healed_at)
      return;
    submit_schedule make;
    make.spec.name = schedule_name;
    make.spec.times.expressions = {"* * * * * ?"};
    make.spec.task.kind = "noop";
    make.spec.overlap = overlap_policy::allow;
    make.spec.misfire = misfire_policy::all;
    wish = std::move(make);
  } else if (!world_.healed_at || now - *world_.healed_at < 30s ||
             std::get<schedule>(found->front()).status != schedule_status::active) {
    return;
  }
  const auto owner = world_.owners[id.shard().value];
  if (!owner || !world_.nodes[*owner])
    return;
  caf::anon_send(world_.nodes[*owner]->bridge(),
                 actors::route_to_shard{
                     id.shard(), [id, now, wish = std::move(wish)](const caf::actor& shard) {
                       if (shard)
                         caf::anon_send(shard,
                                        actors::direct_command{entity_kind::schedule, id, wish,
                                                               now + 5s, [](const auto&) {}});
                     }});
}

}  // namespace orrery::sim
