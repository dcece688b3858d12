/// Submissions: what is known of their keys decides whether they go into the log.

#include "app/door.hpp"
#include "app/door_prepared.hpp"
#include "base/crash_point.hpp"
#include "domain/unique_key.hpp"

namespace orrery::app {

namespace {

/// What a submission means whose id is known already.
enum class known_as { same, next_run, conflict, busy };

known_as judge(const task_options& wish, bool same_body, bool ended, bool succeeded) {
  const auto otherwise = same_body ? known_as::same : known_as::conflict;
  if (!ended) {
    if (!same_body && wish.if_running == on_running::replace)
      return known_as::next_run;
    return !same_body && wish.if_running == on_running::fail ? known_as::busy : otherwise;
  }
  const bool again = wish.if_ended == on_ended::allow_new ||
                     (wish.if_ended == on_ended::allow_if_failed && !succeeded);
  return again ? known_as::next_run : otherwise;
}

void apply(known_as what, door_prepared& one) {
  if (what == known_as::same)
    one.answer.deduplicated = true;
  else if (what == known_as::conflict)
    one.refused = failure{errc::conflict, "this Idempotency-Key was used before with another body"};
  else if (what == known_as::busy)
    one.refused = failure{errc::conflict, "the task of this Idempotency-Key has not ended"};
}

const task_options& options_of(const door_prepared& one) {
  static const task_options none;
  return one.of_task() ? *one.of_task()->options : none;
}

}  // namespace

void door::submit(std::vector<submission> items, answer<std::vector<accepted>> done) {
  reach(crash_point::submit_read);
  if (auto ok = parts_.log.producer().ready(); !ok)
    return done(std::move(ok).error());
  std::vector<prepared> all;
  all.reserve(items.size());
  for (size_t i = 0; i < items.size(); ++i) {
    auto one = prepare(std::move(items[i]), i, items.size());
    if (!one)
      return done(std::move(one).error());
    all.push_back(std::move(*one));
  }
  submit_prepared(std::move(all), true,
                  [done = std::move(done)](result<std::vector<result<accepted>>> each) {
                    if (!each)
                      return done(std::move(each).error());
                    std::vector<accepted> answers;
                    answers.reserve(each->size());
                    for (auto& one : *each) {
                      if (!one)
                        return done(std::move(one).error());
                      answers.push_back(std::move(*one));
                    }
                    done(std::move(answers));
                  });
}

void door::submit_each(std::vector<result<submission>> items, each_answer done) {
  reach(crash_point::submit_read);
  if (auto ok = parts_.log.producer().ready(); !ok)
    return done(std::move(ok).error());
  std::vector<prepared> all;
  all.reserve(items.size());
  const auto count = items.size();
  for (size_t i = 0; i < count; ++i) {
    prepared refused;
    auto one = items[i] ? prepare(std::move(*items[i]), i, count)
                        : result<prepared>(std::move(items[i]).error());
    if (!one)
      refused.refused = std::move(one).error();
    all.push_back(one ? std::move(*one) : std::move(refused));
  }
  submit_prepared(std::move(all), false, std::move(done));
}

void door::submit_prepared(std::vector<prepared> items, bool atomic, each_answer done) {
  bool keyed = false;
  for (const auto& one : items)
    keyed |= !one.request_hash.empty() || one.has_unique_key();
  if (!keyed)
    return append(std::move(items), std::move(done));
  auto shared = std::make_shared<std::vector<prepared>>(std::move(items));
  parts_.reads.run(
      [this, shared, atomic, done](entity_store& store) {
        for (auto&& looked : {look_up(store, *shared), look_up_keys(store, *shared)})
          if (!looked)
            return done(looked.error());
        if (atomic)
          for (auto& one : *shared)
            if (one.refused)
              return done(std::move(*one.refused));
        append(std::move(*shared), done);
      },
      [done] {
        done(failure{errc::busy, "too many requests wait for the store"});
      });
}

/// With idempotency keys: those that were accepted before, here or anywhere, are not sent again, unless
/// they ask for another run.
result<void> door::look_up(entity_store& store, std::vector<prepared>& items) {
  std::vector<entity_id> ids;
  for (const auto& one : items)
    if (!one.request_hash.empty())
      ids.push_back(one.answer.id);
  if (ids.empty())
    return {};
  auto found = store.load(ids);
  if (!found)
    return std::move(found).error();
  std::unordered_map<entity_id, const entity*> known;
  for (const auto& e : *found)
    known[id_of(e)] = &e;
  for (auto& one : items) {
    if (one.request_hash.empty() || one.refused)
      continue;
    std::optional<std::string> before;
    bool ended = false;
    bool succeeded = false;
    if (const auto stored = known.find(one.answer.id); stored != known.end()) {
      before = std::visit(
          [](const auto& x) {
            if constexpr (requires { x.spec->request_hash; })
              return x.spec->request_hash;
            else
              return std::string();  // a schedule does not come this way
          },
          *stored->second);
      ended = is_final(*stored->second);
      succeeded = kind_of(*stored->second) == entity_kind::task &&
                  std::get<task>(*stored->second).status == task_status::succeeded;
    } else {
      before = memory(one.answer.kind).find(one.answer.id);
    }
    if (before)
      apply(judge(options_of(one), *before == one.request_hash, ended, succeeded), one);
  }
  return {};
}

/// With unique keys: where the holder is known, a duplicate is answered with it and leaves no trace. The
/// shard decides in any case; this only spares it most of them.
result<void> door::look_up_keys(entity_store& store, std::vector<prepared>& items) {
  for (auto& one : items) {
    if (!one.has_unique_key() || one.refused || one.answer.deduplicated)
      continue;
    const auto holder = store.key_holder(one.answer.shard, held_as(*one.of_task()));
    if (!holder)
      return holder.error();
    if (!*holder || (*holder)->id == one.answer.id)
      continue;
    if (judge_key(holder_of(**holder), *one.of_task(), parts_.time.now()) != key_verdict::duplicate)
      continue;
    one.answer.id = (*holder)->id;
    one.answer.reference = (*holder)->spec->reference;
    one.answer.deduplicated = true;
  }
  return {};
}

}  // namespace orrery::app
