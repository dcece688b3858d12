/// The reading half of the front door.

#include "app/door.hpp"
#include "base/log.hpp"
#include "base/murmur2.hpp"

#include <caf/send.hpp>
#include <thread>

namespace orrery::app {

namespace {

constexpr auto catch_up_limit = std::chrono::seconds{2};

failure missing(entity_kind kind) {
  return {errc::not_found, "there is no such " + std::string(to_string(kind))};
}

/// What was found under the id; or, where that is a UUID of somebody else's making, what is kept under it as
/// a reference.
result<std::optional<entity>> found_or_referred(entity_store& store, entity_kind kind, entity_id id,
                                                result<std::optional<entity>> found) {
  if (!found)
    return found;
  if (*found && kind_of(**found) != kind)
    return missing(kind);
  if (*found)
    return found;
  entity_query query;
  query.kind = kind;
  query.reference = to_string(id);
  query.limit = 1;
  auto page = store.list(query);
  if (!page)
    return std::move(page).error();
  if (page->items.empty())
    return std::optional<entity>{};
  return std::optional<entity>{std::move(page->items.front())};
}

result<std::optional<entity>> load_one(entity_store& store, entity_kind kind, entity_id id) {
  auto found = store.load(std::span(&id, 1));
  if (!found)
    return std::move(found).error();
  std::optional<entity> one;
  if (!found->empty())
    one = std::move(found->front());
  return found_or_referred(store, kind, id, std::move(one));
}

entity_view as_view(entity_id id, std::optional<entity> state) {
  entity_view view;
  view.id = state ? id_of(*state) : id;
  view.accepted_only = !state;
  view.state = std::move(state);
  return view;
}

}  // namespace

void door::get(entity_kind kind, entity_id id, answer<entity_view> done) {
  loader_.load(
      id,
      [this, kind, id, done](entity_store& store, result<std::optional<entity>> found) {
        auto state = found_or_referred(store, kind, id, std::move(found));
        if (!state)
          return done(std::move(state).error());
        if (*state || memory(kind).find(id))
          return done(as_view(id, std::move(*state)));
        if (kind == entity_kind::schedule)
          return done(missing(kind));  // none comes by the intake
        catch_up(kind, id, done);
      },
      [done] {
        done(failure{errc::busy, "too many requests wait for the store"});
      });
}

/// Unknown to the view: it may be in the intake and not yet read. Waits until the shard has taken
/// effect up to where the log ends now.
void door::catch_up(entity_kind kind, entity_id id, answer<entity_view> done) {
  if (id.shard().value >= parts_.shards)  // a UUID of somebody else's making: a reference
    return catch_up(kind, derived_id(kind, to_string(id)), std::move(done));
  const auto limit = std::chrono::steady_clock::now() + catch_up_limit;
  const bool taken = catching_up_.submit([this, kind, id, done, limit] {
    if (stopping_)
      return done(failure{errc::unavailable, "the node is stopping"});
    if (std::chrono::steady_clock::now() >= limit)
      return done(failure{errc::unavailable, "the shard has unread intake; it may be in there"});
    const auto shard = id.shard();
    const auto topic =
        static_cast<size_t>(kind == entity_kind::order ? intake::orders : intake::tasks);
    const auto end = parts_.log.consumer().end(shard, 1s);
    if (!end && memory(kind).knows(id))
      return done(as_view(id, {}));
    if (!end)
      return done(failure{errc::unavailable, "cannot tell yet: " + end.error().detail});
    const auto session = parts_.where.open_reader();
    for (bool caught_up = false;;) {
      auto rows = session->shards();
      if (!rows)
        return done(std::move(rows).error());
      caught_up = (*end)[topic] == 0;
      for (const auto& row : *rows)
        caught_up |= row.shard == shard && row.next[topic] >= (*end)[topic];
      auto state = load_one(*session, kind, id);
      if (!state)
        return done(std::move(state).error());
      if (*state)
        return done(as_view(id, std::move(*state)));
      if (caught_up)
        return done(missing(kind));
      if (stopping_ || std::chrono::steady_clock::now() >= limit)
        return done(failure{errc::unavailable, "the shard has unread intake; it may be in there"});
      std::this_thread::sleep_for(std::chrono::milliseconds{10});
    }
  });
  if (!taken)
    done(failure{errc::busy, "too many reads wait for a shard to catch up"});
}

void door::wait(entity_kind kind, entity_id id, duration limit, answer<entity_view> done) {
  mesh_request question;
  question.verb = verb_watch;
  question.kind = static_cast<uint8_t>(kind);
  question.id = id;
  ask_owner(std::move(question), limit, [this, kind, id, done](result<entity> told) {
    if (told)
      return done(as_view(id, std::move(*told)));
    get(kind, id, done);  // what is known by now
  });
}

void door::list(entity_query query, answer<entity_page> done) {
  parts_.reads.run(
      [query = std::move(query), done](entity_store& store) { done(store.list(query)); },
      [done] {
        done(failure{errc::busy, "too many requests wait for the store"});
      });
}

void door::history(entity_kind kind, entity_id id, answer<std::vector<event_record>> done) {
  parts_.reads.run(
      [this, kind, id, done](entity_store& store) {
        auto events = store.history(id);
        if (!events && events.error().code == errc::not_found)
          if (const auto state = load_one(store, kind, id); state && *state)
            events = store.history(id_of(**state));
        if (events && !events->empty() && kind_of(events->front().event) != kind)
          return done(missing(kind));
        if (!events && events.error().code == errc::not_found && kind == entity_kind::schedule)
          return done(missing(kind));
        if (!events && events.error().code == errc::not_found) {
          if (memory(kind).find(id))
            return done(std::vector<event_record>{});
          return catch_up(kind, id, [this, done](result<entity_view> view) {
            if (!view)
              return done(std::move(view).error());
            parts_.reads.run(
                [id = view->id, done](entity_store& again) { done(again.history(id)); },
                [done] {
                  done(failure{errc::busy, "too many requests wait"});
                });
          });
        }
        done(std::move(events));
      },
      [done] {
        done(failure{errc::busy, "too many requests wait for the store"});
      });
}

void door::fires(entity_id schedule, position_t before, size_t limit, answer<fire_page> done) {
  parts_.reads.run([schedule, before, limit, done](
                       entity_store& store) { done(read_fires(store, schedule, before, limit)); },
                   [done] {
                     done(failure{errc::busy, "too many requests wait for the store"});
                   });
}

void door::counts(answer<std::vector<queue_counts>> done) {
  parts_.reads.run([done](entity_store& store) { done(store.counts()); },
                   [done] {
                     done(failure{errc::busy, "too many requests wait for the store"});
                   });
}

entity_id door::derived_id(entity_kind kind, const std::string& text) const {
  if (kind == entity_kind::schedule)
    return id_of_schedule(text, parts_.shards);
  const auto topic =
      parts_.log.topic_name(kind == entity_kind::order ? intake::orders : intake::tasks);
  const shard_id shard{static_cast<uint16_t>(partition_of_key(text, parts_.shards))};
  return id_of_reference(topic, shard, text);
}

void door::find(entity_kind kind, std::string id_text, answer<entity_id> done) {
  // Not in the view yet is not the same as not there: the id it will have is known.
  const auto otherwise = derived_id(kind, id_text);
  entity_query query;
  query.kind = kind;
  query.reference = std::move(id_text);
  query.limit = 1;
  list(std::move(query), [otherwise, done](result<entity_page> page) {
    if (!page)
      return done(std::move(page).error());
    if (page->items.empty())
      return done(otherwise);
    done(id_of(page->items.front()));
  });
}

void door::preview(fire_times_spec times, time_point from, time_point to, size_t limit,
                   answer<fire_preview> done) {
  parts_.reads.run(
      [this, times = std::move(times), from, to, limit, done](entity_store&) {
        const auto made = fire_times::make(times, parts_.context.zones);
        if (!made)
          return done(made.error());
        const auto begin = from == never ? parts_.time.now() : from;
        const auto end = to == never ? begin + 24h * 366 : to;
        const auto seconds = [](time_point at) {
          return std::chrono::ceil<std::chrono::seconds>(at).time_since_epoch().count();
        };
        done(orrery::preview(*made, seconds(begin), seconds(end), limit));
      },
      [done] {
        done(failure{errc::busy, "too many requests wait for the store"});
      });
}

void door::check_readiness(answer<readiness> done) {
  store_watch_.ask(
      [this, done](result<void> reached) { done(readiness_with(std::move(reached))); });
}

readiness door::readiness_with(result<void> reached) {
  readiness state;
  const auto add = [&](std::string name, const result<void>& outcome) {
    state.parts.push_back(
        {std::move(name), outcome.has_value(), outcome ? "" : outcome.error().detail});
  };
  // A store on a full disk still answers.
  if (reached && !parts_.writer.healthy())
    reached = failure{errc::unavailable, "the last commit failed"};
  add("store", reached);
  add("log", parts_.log.producer().ready());
  const auto& probe = parts_.context.probe;
  const auto owned = probe.shards_owned.load();
  const auto assigned = probe.shards_assigned.load();
  state.parts.push_back(
      {"shards", owned == assigned && (assigned > 0 || members_.load()),
       std::to_string(owned) + " of " + std::to_string(assigned) + " assigned shards run here"});
  if (const auto unpublished = probe.shards_unpublished.load(); unpublished > 0)
    state.parts.push_back({"publishing", false,
                           std::to_string(unpublished) +
                               " shards are not published: see outbox.replay_failed in the "
                               "log, and publish_resume"});
  if (const auto* members = members_.load())
    add("membership", members->ready());
  state.ready = true;
  for (const auto& part : state.parts)
    state.ready &= part.ready;
  return state;
}

void door::loads(answer<std::map<std::string, node_load>> done) {
  done(parts_.context.loads.all());
}

}  // namespace orrery::app
