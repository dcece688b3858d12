/// Unique keys: who holds one is known here, to the one owner of the shard that the key names.
///
/// What is known of a key is the holder's last effect that was released, committed or not. It is forgotten when the holder
/// has left memory, that is, when all it did is durable: the next submission then asks the store. So two
/// submissions of a key never meet two truths, and no lock is needed.
///
/// That somebody holds a key is known from his effect alone; that nobody does is known only after the
/// store was asked: who gave it up may have been followed by one that is only a row.
///
/// While a key is loaded, later records of entities that may exist wait behind the submission. One may concern
/// the holder, or be the same submission again: answered first, its effects would stand in the gate behind
/// the record that waits, and that record could wait for an entity which leaves only once they are durable.

#include "actors/shard_actor.hpp"
#include "base/check.hpp"
#include "base/log.hpp"
#include "base/murmur2.hpp"

#include <algorithm>

namespace orrery::actors {

namespace {

constexpr size_t most_passed_over = 64;

std::shared_ptr<const entity_command> as_command(task_command wish) {
  return std::make_shared<const entity_command>(std::move(wish));
}

/// Whether it held its unique key (or may have, by its window) until this effect.
bool held_key_before(const task& now, const entity_effect& effect) {
  if (!effect.status_before)
    return false;
  auto before = holder_of(now);
  before.status = static_cast<task_status>(*effect.status_before);
  for (const auto& step : effect.steps) {
    const auto* event = std::get_if<task_event>(&step.record.event);
    if (const auto* start = event != nullptr ? std::get_if<task_started>(event) : nullptr) {
      before.started = start->token.attempt > 1;
      break;
    }
  }
  return before.may_hold();
}

}  // namespace

void shard_actor::submit_keyed(keyed_submission one) {
  const auto& spec = one.wish.spec;
  const auto key = held_as(spec);
  // On another shard nobody would see who holds it.
  if (const auto home = partition_of_key(home_key(spec), context_.limits.shards);
      home != tenure_.shard.value)
    return refuse_record(one.sequence, "uniqueKey belongs to partition " + std::to_string(home) +
                                           ": the record's key must be the uniqueKey");
  const auto found = keys_.try_emplace(key).first;
  auto& place = found->second;
  if (deferred_.empty() && is_known(place))
    return settle_key(place, std::move(one));
  // Commands for it come behind it, also while the store is asked.
  if (const auto [entry, fresh] = live_.try_emplace(one.id); fresh) {
    context_.probe.entities_live.fetch_add(1, std::memory_order_relaxed);
    entry->second.awaits_key = true;
  }
  ++place.waiting;
  const auto id = one.id;
  deferred_.push_back({id, entity_kind::task, {}, std::move(one)});
  if (!is_known(place) && !std::exchange(place.loading, true))
    load_key(found->first);
}

bool shard_actor::is_known(const key_place& place) const {
  return !place.loading && (place.asked || (place.holder && place.holder->holds(now())));
}

/// What waited, in the order of the log, as far as the keys are known.
void shard_actor::settle_deferred() {
  while (!deferred_.empty()) {
    auto& front = deferred_.front();
    if (!front.keyed) {
      auto one = std::move(front);
      deferred_.pop_front();
      deliver(one.id, one.kind, std::move(one.command));
      continue;
    }
    const auto found = keys_.find(held_as(front.keyed->wish.spec));
    CHECK(found != keys_.end(), "a key for which a submission waits is kept");
    auto& place = found->second;
    if (!is_known(place)) {
      if (!std::exchange(place.loading, true))
        load_key(found->first);
      return;
    }
    auto one = std::move(*front.keyed);
    deferred_.pop_front();
    --place.waiting;
    settle_key(place, std::move(one));
    // A holder that is only a row is asked of the store again.
    if (place.waiting == 0 && place.holder && !live_.contains(place.holder->id))
      forget_key_of(place.holder->id);
  }
}

void shard_actor::load_key(const std::string& key) {
  const auto self = caf::actor_cast<caf::actor>(this);
  const auto tell = [this, self, key](result<std::optional<task>> found) {
    caf::anon_send(self,
                   run_here{[this, key, found = std::move(found)] { key_loaded(key, found); }});
  };
  context_.reads.run([tell, key, shard = tenure_.shard, except = keys_.at(key).passed_over](
                         entity_store& store) { tell(store.key_holder(shard, key, except)); },
                     [tell] {
                       tell(failure{errc::busy, "too many reads"});
                     });
}

void shard_actor::key_loaded(const std::string& key, const result<std::optional<task>>& found) {
  const auto at = keys_.find(key);
  if (at == keys_.end() || !at->second.loading || draining_)
    return;
  auto& place = at->second;
  if (!found || std::exchange(place.again, false)) {
    place.passed_over.clear();
    if (!found)
      log::debug("key.not_loaded", {{"detail", found.error().detail}});
    delayed_send(this, std::chrono::milliseconds{found ? 0 : 100},
                 run_here{[this, key] { load_key(key); }});
    return;
  }
  // Who was run again meanwhile holds the key beside whom the store may name, or hides him from it: once that
  // one ends, it is asked anew.
  const bool held_beside = place.holder && place.holder->holds(now());
  place.asked = !held_beside;
  if (*found && !held_beside) {
    const auto& row = **found;
    // A row may be behind what its task did since, which has been noted.
    const bool knows_better = place.holder && place.holder->id == row.id;
    const bool holds = !knows_better && holder_of(row).holds(now());
    // The newest that asked for the key has got it, so none before it has. But one that was run again has
    // not asked, and may hide who has.
    const bool may_hide = row.run > 1;
    if (may_hide && !holds && place.passed_over.size() < most_passed_over) {
      place.passed_over.push_back(row.id);
      return load_key(key);
    }
    if (!knows_better)
      hold(key, place, holder_of(row));
    place.asked = !(may_hide && holds);
  }
  place.loading = false;
  place.passed_over.clear();
  settle_deferred();
  release_answered();
  want_flush();
}

void shard_actor::settle_key(key_place& place, keyed_submission one) {
  const auto at = now();
  // The same id again is no other submission; the entity answers.
  const bool same = place.holder && place.holder->id == one.id;
  const auto verdict = same ? key_verdict::free : judge_key(place.holder, one.wish.spec, at);
  if (verdict != key_verdict::free) {
    const auto holder = place.holder->id;
    auto recorded = one.wish;
    recorded.duplicate_of = holder;
    const bool follows = verdict == key_verdict::follow;
    // A duplicate of which only the record is kept answers its record itself. One whose wishes pass on
    // is answered by the holder: should we die in between, the record is read again, and both are told
    // once more what they know already.
    deliver_settled(
        one,
        {item::kind::command, follows ? 0 : one.sequence, {}, as_command(std::move(recorded))});
    if (follows)
      deliver(holder, entity_kind::task,
              {item::kind::command,
               one.sequence,
               {},
               as_command(follow_task{std::move(one.wish.spec)})});
    return;
  }
  if (!same) {
    const auto& spec = one.wish.spec;
    const auto& o = *spec.options;
    hold(held_as(spec), place,
         {one.id, spec.kind, spec.queue, o.unique, o.unique_window, task_status::queued,
          /*started=*/false, at});
  }
  auto submission = as_command(std::move(one.wish));
  deliver_settled(one, {item::kind::command, one.sequence, {}, std::move(submission)});
}

/// Behind the records before it, and before all that came while it waited.
void shard_actor::deliver_settled(const keyed_submission& one, item what) {
  const auto found = live_.find(one.id);
  if (found == live_.end() || !std::exchange(found->second.awaits_key, false))
    return deliver(one.id, entity_kind::task, std::move(what));
  auto& stash = found->second.stash.all();
  const auto before = std::find_if(stash.rbegin(), stash.rend(), [&](const item& other) {
    return other.sequence != 0 && other.sequence < one.sequence;
  });
  stash.insert(before.base(), std::move(what));
  loads_.push_back(one.id);
  want_flush();
}

/// A live entity's effect takes its place in the order. Not earlier: what it decided behind a record that
/// is still judged is not yet true for that record, and may never be, should we die in between.
void shard_actor::note_key(const entity_effect& effect) {
  const auto* of_task = effect.state ? std::get_if<task>(&*effect.state) : nullptr;
  if (of_task == nullptr || of_task->spec->unique_key.empty() ||
      of_task->reason == end_reason::duplicate)
    return;
  const auto& t = *of_task;
  const bool held_before = held_key_before(t, effect);
  const auto key = held_as(*t.spec);
  const auto found = keys_.find(key);
  if (found == keys_.end()) {
    // Nobody asks for it now; but until its row is as far as this, the store alone must not be believed.
    if (may_hold_key(t) || held_before)
      hold(key, keys_[key], holder_of(t));
    return;
  }
  auto& place = found->second;
  const bool mine = place.holder && place.holder->id == t.id;
  const bool takes = may_hold_key(t) && !(place.holder && place.holder->holds(now()));
  const bool gives_up = held_before && !(place.holder && place.holder->may_hold());
  if (mine || takes || gives_up)
    hold(key, place, holder_of(t));
}

void shard_actor::hold(const std::string& key, key_place& place, key_holder holder) {
  if (place.holder)
    key_of_.erase(place.holder->id);
  key_of_.insert_or_assign(holder.id, key);
  place.holder = std::move(holder);
}

/// The entity has left memory, so its row says all there is.
void shard_actor::forget_key_of(entity_id id) {
  const auto key = key_of_.find(id);
  if (key == key_of_.end())
    return;
  const auto place = keys_.find(key->second);
  key_of_.erase(key);
  if (place == keys_.end() || !place->second.holder || place->second.holder->id != id)
    return;
  place->second.holder.reset();
  if (place->second.loading)
    place->second.again = true;
  else if (place->second.waiting > 0)
    place->second.asked = false;  // loaded again when its turn comes
  else
    keys_.erase(place);
}

}  // namespace orrery::actors
