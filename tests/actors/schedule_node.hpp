#pragma once
/// A node under virtual time with schedules on it.

#include "tests/actors/simulated_node.hpp"

#include <map>
#include <set>

namespace orrery::test {

class schedules : public simulated_node {
protected:
  schedules() {
    context.zones = [](std::string_view name) -> result<shared_zone> {
      if (name == "UTC")
        return shared_zone(std::make_shared<const zone_rules>());
      return failure{errc::not_found, "there is no such zone"};
    };
    context.may_publish_to = [](const std::string& topic) -> result<void> {
      if (topic == "ticks")
        return {};
      return failure{errc::invalid, topic + " is not allowed"};
    };
  }

  static schedule_spec publishing() {
    auto spec = every_second();
    spec.action = schedule_action::message;
    spec.task = {};
    spec.message = {"ticks", "{{name}}", R"({"at":"{{scheduledAt}}"})"};
    return spec;
  }
  std::vector<scheduled_message> messages(entity_id id) {
    std::vector<scheduled_message> out;
    for (const auto& event : topics.events(id.shard()))
      if (const auto* one = std::get_if<scheduled_message>(&event))
        out.push_back(*one);
    return out;
  }
  /// Each fire of the journal was published, at least once, and each message has a fire.
  void expect_published(entity_id id) {
    std::set<time_point> published;
    std::map<entity_id, time_point> times;
    for (const auto& one : messages(id)) {
      published.insert(one.fire_at);
      EXPECT_EQ(times.emplace(one.id, one.fire_at).first->second, one.fire_at)
          << "an id is of one fire";
    }
    const auto all = fired(id);
    EXPECT_EQ(published, std::set<time_point>(all.begin(), all.end()));
    EXPECT_EQ(times.size(), published.size());
  }

  static schedule_spec every_second(std::string kind = "noop") {
    schedule_spec spec;
    spec.name = "every-second";
    spec.times.expressions = {"* * * * * ?"};
    spec.task.kind = std::move(kind);
    spec.overlap = overlap_policy::allow;
    spec.misfire = misfire_policy::all;
    return spec;
  }

  entity_id make(const schedule_spec& spec) {
    const auto id = id_of_schedule(spec.name, shards);
    const auto told = ask(id, schedule_command{submit_schedule{spec, {}}});
    EXPECT_TRUE(*told) << "not answered";
    EXPECT_TRUE(**told) << (**told).error().field << ' ' << (**told).error().detail;
    return id;
  }
  schedule the(entity_id id) {
    const auto found = reader->load(std::span(&id, 1));
    EXPECT_TRUE(found && !found->empty()) << "no such schedule";
    return std::get<schedule>(found->front());
  }
  std::vector<task> tasks_stored() {
    entity_query query;
    query.limit = 1000;
    query.order = list_order::oldest_first;
    const auto page = reader->list(query);
    std::vector<task> found;
    for (const auto& one : page->items)
      found.push_back(std::get<task>(one));
    return found;
  }
  /// The fire times in the journal of the schedule's shard.
  std::vector<time_point> fired(entity_id id) {
    std::vector<time_point> times;
    const auto events = reader->journal(id.shard(), position_t{1}, 1'000'000);
    for (const auto& record : *events)
      if (const auto* of_schedule = std::get_if<schedule_event>(&record.event))
        if (const auto* fire = std::get_if<schedule_fired>(of_schedule))
          times.push_back(fire->at);
    return times;
  }
  /// One fire a second from the first on, none lost, none doubled, each with its task.
  void expect_gapless(entity_id id) {
    const auto times = fired(id);
    for (size_t i = 1; i < times.size(); ++i)
      ASSERT_EQ(times[i] - times[i - 1], 1s) << i;
    std::set<entity_id> children;
    for (const auto& one : tasks_stored())
      if (one.spec->parent == id) {
        EXPECT_TRUE(children.insert(one.id).second);
      }
    EXPECT_EQ(children.size(), times.size());
  }
  void kill_owner(entity_id id) {
    caf::anon_send_exit(find_shard(id.shard()), caf::exit_reason::kill);
    settle();
  }
};

}  // namespace orrery::test
