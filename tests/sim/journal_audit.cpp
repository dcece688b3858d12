#include "domain/unique_key.hpp"
#include "tests/sim/auditor.hpp"

#include <algorithm>

namespace orrery::sim {

namespace {

std::string place(shard_id shard, position_t position) {
  return "shard " + std::to_string(shard.value) + " position " + std::to_string(position.value);
}

bool is_birth(const entity_event& event) {
  if (const auto* of_task = std::get_if<task_event>(&event))
    return std::holds_alternative<task_submitted>(*of_task);
  if (const auto* of_schedule = std::get_if<schedule_event>(&event))
    return std::holds_alternative<schedule_created>(*of_schedule);
  return std::holds_alternative<order_created>(std::get<order_event>(event));
}

/// S6: nothing follows an end but a new run.
bool follows_end(const std::optional<entity>& state, const entity_event& event) {
  if (!state || !is_final(*state))
    return false;
  if (const auto* e = std::get_if<task_event>(&event))
    return !std::holds_alternative<task_rerun>(*e) &&
           !std::holds_alternative<task_submission_refused>(*e) &&
           !std::holds_alternative<task_result_orphaned>(*e) &&
           !std::holds_alternative<task_result_adopted>(*e) &&
           !std::holds_alternative<task_followed>(*e) && !std::holds_alternative<task_pinned>(*e);
  if (const auto* e = std::get_if<order_event>(&event))
    return !std::holds_alternative<order_submission_refused>(*e) &&
           !std::holds_alternative<order_resumed>(*e) &&
           !std::holds_alternative<order_compensation_resumed>(*e) &&
           !std::holds_alternative<order_step_ended>(*e) &&
           !std::holds_alternative<order_step_skipped>(*e);
  return !std::holds_alternative<schedule_child_ended>(std::get<schedule_event>(event));
}

template <class... Case>
struct cases : Case... {
  using Case::operator()...;
};
template <class... Case>
cases(Case...) -> cases<Case...>;

/// Where an event leads; empty where it does not move, or where the state decides.
std::optional<task_status> target_of(const task_event& event) {
  return std::visit(
      cases{
          [](const task_queued&) { return std::optional(task_status::queued); },
          [](const task_started&) { return std::optional(task_status::running); },
          [](const task_succeeded&) { return std::optional(task_status::succeeded); },
          [](const task_retry_scheduled&) { return std::optional(task_status::retrying); },
          [](const task_interrupted&) { return std::optional(task_status::queued); },
          [](const task_failed&) { return std::optional(task_status::failed); },
          [](const task_expired&) { return std::optional(task_status::expired); },
          [](const task_cancelled&) { return std::optional(task_status::cancelled); },
          [](const task_paused&) { return std::optional(task_status::paused); },
          [](const task_rerun&) { return std::optional(task_status::queued); },
          [](const auto&) { return std::optional<task_status>(); },
      },
      event);
}
std::optional<order_status> target_of(const order_event& event) {
  return std::visit(
      cases{
          [](const order_confirmed&) { return std::optional(order_status::confirmed); },
          [](const order_rejected&) { return std::optional(order_status::rejected); },
          [](const order_fulfilment_started&) { return std::optional(order_status::fulfilling); },
          [](const order_completed&) { return std::optional(order_status::completed); },
          [](const order_compensation_started&) {
            return std::optional(order_status::compensating);
          },
          [](const order_compensation_failed&) {
            return std::optional(order_status::compensation_failed);
          },
          [](const order_cancelled&) { return std::optional(order_status::cancelled); },
          [](const order_expired&) { return std::optional(order_status::expired); },
          [](const order_failed&) { return std::optional(order_status::failed); },
          [](const auto&) { return std::optional<order_status>(); },
      },
      event);
}

/// S6: an event that `evolve` would refuse to fold.
bool is_illegal(const std::optional<entity>& state, const entity_event& event) {
  if (!state)
    return false;
  if (kind_of(*state) != kind_of(event))
    return true;
  if (const auto* of_task = std::get_if<task>(&*state)) {
    const auto& e = std::get<task_event>(event);
    const auto to = target_of(e);
    return (to && !can_move(of_task->status, *to)) ||
           // Who asked a running task to pause may take it back before its attempt has ended.
           (std::holds_alternative<task_resumed>(e) && of_task->status != task_status::paused &&
            !(of_task->status == task_status::running && of_task->hold));
  }
  if (const auto* of_order = std::get_if<order>(&*state)) {
    const auto to = target_of(std::get<order_event>(event));
    return to && !can_move(of_order->status, *to);
  }
  return false;
}

/// S9: who holds each unique key, and S5: how many run of each limit key, as events follow each other.
class key_rules {
public:
  /// What is wrong now; empty where nothing is.
  std::string note(const task& now, const task_event& event) {
    // A duplicate is cancelled by the very next event, which the same decision makes.
    if (std::holds_alternative<task_submitted>(event)) {
      born_ = now;
      return {};
    }
    std::string wrong;
    if (const auto born = std::exchange(born_, std::nullopt); born && born->id != now.id)
      wrong = count(*born);
    const auto more = count(now);
    return wrong.empty() ? more : wrong;
  }

private:
  using crowd = std::map<entity_id, uint64_t>;  ///< With the versions as which they came in.

  std::string count(const task& now) {
    // Who reruns an old task does not ask for its key (decision 0010).
    if (const auto key = held_as(*now.spec); !key.empty()) {
      auto& holders = holders_[key];
      const bool held = now.run == 1 && holder_of(now).may_hold();
      note_in(holders, now, held);
      if (held && holders.size() > 1)
        return "leaves the key " + key + " with holders " + list(holders);
    }
    if (const auto& key = now.spec->options->limit_key; !key.empty()) {
      auto& running = running_[key];
      note_in(running, now, now.status == task_status::running);
      if (running.size() > limited_to)
        return "lets run of the limit key " + key + ' ' + list(running);
    }
    return {};
  }
  static void note_in(crowd& all, const task& now, bool in) {
    if (in)
      all.try_emplace(now.id, now.version);
    else
      all.erase(now.id);
  }
  static std::string list(const crowd& all) {
    std::string text;
    for (const auto& [id, version] : all)
      text +=
          (text.empty() ? "" : ", ") + to_string(id) + " since version " + std::to_string(version);
    return text;
  }

  std::optional<task> born_;
  std::map<std::string, crowd> holders_;
  std::map<std::string, crowd> running_;
};

/// Parents hear of each end of a child once, and of all.
class family {
public:
  /// What is wrong with this event; empty where nothing is.
  std::string note(entity_id parent, const entity_event& event) {
    const auto told = [&](entity_id child, uint32_t run) {
      return told_.insert({parent, child, run}).second ? std::string()
                                                       : "tells of an end a second time";
    };
    if (const auto* of_order = std::get_if<order_event>(&event)) {
      const auto* end = std::get_if<order_step_ended>(of_order);
      return end != nullptr ? told(end->end.id, end->end.run) : std::string();
    }
    const auto* of_schedule = std::get_if<schedule_event>(&event);
    if (of_schedule == nullptr)
      return {};
    if (const auto* end = std::get_if<schedule_child_ended>(of_schedule))
      return told(end->child, end->run);
    if (const auto* skipped = std::get_if<schedule_skipped>(of_schedule))
      return "leaves out " + std::to_string(skipped->count) + " fires";
    const auto* fire = std::get_if<schedule_fired>(of_schedule);
    if (fire == nullptr)
      return {};
    const auto last = std::exchange(last_fire_, fire->at);
    return last == never || fire->at == last + 1s
               ? std::string()
               : "fires for " + format_time(fire->at) + " after " + format_time(last);
  }
  bool was_told(entity_id parent, entity_id child, uint32_t run) const {
    return told_.contains({parent, child, run});
  }

private:
  std::set<std::tuple<entity_id, entity_id, uint32_t>> told_;
  time_point last_fire_{};
};

/// Per task and run: what began and what ended.
struct run_tally {
  uint32_t started = 0;
  uint32_t ended = 0;
  uint32_t finals = 0;
};

class folder {
public:
  folder(world& seen, shard_id shard) : world_(seen), shard_(shard) {}

  void fold(const event_record& record) {
    ++expected_.value;
    if (record.position != expected_)
      wrong(record, "is not " + std::to_string(expected_.value));
    if (record.id.shard() != shard_)
      wrong(record, "belongs to another shard");
    auto& state = out_.entities[record.id];
    if (is_birth(record.event) == state.has_value())
      return wrong(record, state ? "is a second birth" : "comes before its birth");
    if (follows_end(state, record.event))
      return wrong(record, "follows its end");
    if (is_illegal(state, record.event))
      return wrong(record, "cannot happen in this state");
    const auto before = state;
    evolve(state, record);
    const auto told = world_.clients.told().find({record.id, version_of(*state)});
    if (told != world_.clients.told().end() && told->second != *state)
      world_.violated("S8: a client was told of version " + std::to_string(version_of(*state)) +
                      " of " + to_string(record.id) + " as it never was");
    if (const auto fault = family_.note(record.id, record.event); !fault.empty())
      wrong(record, fault);
    if (const auto* now = std::get_if<task>(&*state)) {
      if (const auto fault = keys_.note(*now, std::get<task_event>(record.event)); !fault.empty())
        wrong(record, fault);
      check_task(record, before ? &std::get<task>(*before) : nullptr, *now);
    } else if (const auto* of_order = std::get_if<order>(&*state)) {
      check_order(record, before ? &std::get<order>(*before) : nullptr, *of_order);
    } else {
      check_schedule(record, before ? &std::get<schedule>(*before) : nullptr,
                     std::get<schedule>(*state));
    }
  }

  folded_shard finish() {
    for (const auto& [key, tally] : tallies_) {
      const auto what = to_string(key.first) + " run " + std::to_string(key.second);
      const auto& state = std::get<task>(*out_.entities.at(key.first));
      const bool running = state.run == key.second && state.status == task_status::running;
      if (tally.finals > 1)
        world_.violated("S6: " + what + " has " + std::to_string(tally.finals) + " ends");
      if (tally.started != tally.ended + (running ? 1U : 0U))
        world_.violated("S6: " + what + " began " + std::to_string(tally.started) +
                        " attempts, ended " + std::to_string(tally.ended));
    }
    for (const auto& [id, state] : out_.entities)
      check_news(id, *state);
    return std::move(out_);
  }
  position_t position() const { return expected_; }

private:
  /// All is at rest: a parent that still looks after its child has heard of its end.
  void check_news(entity_id id, const entity& state) {
    const auto* child = std::get_if<task>(&state);
    const auto parent =
        child != nullptr ? out_.entities.find(child->spec->parent) : out_.entities.end();
    if (parent == out_.entities.end() || !parent->second || !is_final(child->status) ||
        is_final(*parent->second))
      return;
    if (!family_.was_told(parent->first, id, child->run))
      world_.violated("S1: the parent of " + to_string(id) + " never heard of its end");
  }
  void wrong(const event_record& record, const std::string& what) {
    world_.violated("S6: " + place(shard_, record.position) + " " +
                    std::string(name_of(record.event)) + " of " + to_string(record.id) + ' ' +
                    what);
  }

  void check_task(const event_record& record, const task* before, const task& now) {
    auto& tally = tallies_[{now.id, now.run}];
    const bool was_running = before != nullptr && before->status == task_status::running;
    const bool moved = before == nullptr || before->status != now.status || before->run != now.run;
    if (!moved) {
      // Progress, a pin, a late result: nothing began or ended.
    } else if (now.status == task_status::running) {
      ++tally.started;
      if (now.spec->delivery == delivery_mode::at_most_once &&
          world_.watch.times_begun(now.id, now.token()) > 1)
        wrong(record, "was begun more than once by executors");
    } else if (was_running) {
      ++tally.ended;
      if (now.reason == end_reason::none)
        wrong(record, "ended an attempt without a reason");
      // No success counts after the attempt's time (its clock may be late by what time jumps at once;
      // at most once begins when its start is durable, which may take longer than that).
      // Whom a lease outlived has nobody to end it before the next owner does.
      if (now.status == task_status::succeeded && now.extra->secret.empty() &&
          now.spec->delivery == delivery_mode::at_least_once &&
          record.at - before->started_at > now.spec->ttl + 100ms + world_.lateness())
        wrong(record, "came after its time to live");
    }
    const auto& event_of_task = std::get<task_event>(record.event);
    const bool adopted = std::holds_alternative<task_result_adopted>(event_of_task);
    if (moved && is_final(now.status) && !adopted)
      ++tally.finals;
    if (auto event =
            status_event_of(before ? std::optional(*before) : std::optional<task>(), now, record))
      out_.status_events.emplace_back(std::move(*event));
  }

  void check_order(const event_record& record, const order* before, const order& now) {
    const auto* step = std::get_if<order_step_started>(&std::get<order_event>(record.event));
    if (step != nullptr && before != nullptr)
      check_compensation(world_, *before, *step);
    if (auto event =
            status_event_of(before ? std::optional(*before) : std::optional<order>(), now, record))
      out_.status_events.emplace_back(std::move(*event));
  }

  void check_schedule(const event_record& record, const schedule* before, const schedule& now) {
    if (std::holds_alternative<schedule_paused>(std::get<schedule_event>(record.event)))
      out_.schedule_paused_at = record.at;
    if (auto event = status_event_of(before ? std::optional(*before) : std::optional<schedule>(),
                                     now, record))
      out_.status_events.push_back(std::move(*event));
  }

  world& world_;
  const shard_id shard_;
  position_t expected_;
  folded_shard out_;
  std::map<std::pair<entity_id, uint32_t>, run_tally> tallies_;
  key_rules keys_;
  family family_;
};

void compare_views(world& seen, shard_id shard, const folded_shard& folded,
                   const std::vector<event_record>& journal) {
  std::unordered_map<entity_id, std::vector<event_record>> histories;
  for (const auto& record : journal)
    if (const auto* e = std::get_if<schedule_event>(&record.event);
        e == nullptr || is_kept_in_history(*e))
      histories[record.id].push_back(record);
  status_counts counts;
  std::unordered_map<entity_id, bool> under_way;
  for (const auto& record : journal)
    if (const auto* of_task = std::get_if<task_event>(&record.event)) {
      auto& running = under_way[record.id];
      running = counts.attempts.note(running, *of_task);
    }
  int64_t running_now = 0;
  for (const auto& [id, running] : under_way)
    running_now += running;
  if (counts.attempts.started != counts.attempts.ends() + running_now)
    seen.violated("the attempts of shard " + std::to_string(shard.value) + " do not add up");
  for (const auto& [id, state] : folded.entities) {
    if (!state)
      continue;
    if (kind_of(*state) == entity_kind::task)
      ++counts.tasks[status_of(*state)];
    else if (kind_of(*state) == entity_kind::order)
      ++counts.orders[status_of(*state)];
    const auto stored = seen.reader->load(std::span(&id, 1));
    if (stored->size() != 1 || stored->front() != *state)
      seen.violated("S3: the row of " + to_string(id) + " is not what its events say");
    const auto history = seen.reader->history(id);
    if (!history || *history != histories[id])
      seen.violated("S3: the history of " + to_string(id) + " is not what the journal says");
  }
  const auto rows = seen.reader->shards();
  const auto row = std::find_if(rows->begin(), rows->end(),
                                [&](const shard_row& one) { return one.shard == shard; });
  if (row == rows->end())
    return seen.violated("S3: shard " + std::to_string(shard.value) + " has no row");
  if (row->position.value != static_cast<int64_t>(journal.size()))
    seen.violated("S3: " + place(shard, row->position) + " in its row, but the journal has " +
                  std::to_string(journal.size()));
  if (row->counts != counts)
    seen.violated("S3: the counts of shard " + std::to_string(shard.value) + " are wrong");
}

}  // namespace

folded_shard audit_journal(world& seen, shard_id shard) {
  const auto journal = seen.reader->journal(shard, position_t{1}, 1'000'000);
  folder fold(seen, shard);
  for (const auto& record : *journal) {
    fold.fold(record);
    seen.mix(to_string(record.id) + std::string(name_of(record.event)) + format_time(record.at));
  }
  auto folded = fold.finish();
  compare_views(seen, shard, folded, *journal);
  seen.count_events(journal->size());
  return folded;
}

}  // namespace orrery::sim
