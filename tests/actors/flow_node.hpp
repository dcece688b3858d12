#pragma once
/// A simulated node that knows flows, and short words for what tests of them do.

#include "tests/actors/simulated_node.hpp"

namespace orrery::test {

class flow_node : public simulated_node {
protected:
  class flows_in_memory final : public actors::flow_service {
  public:
    std::optional<shared_value<flow>> find(std::string_view name) const override {
      const auto found = flows.find(name);
      return forget || found == flows.end() ? std::nullopt : std::optional(found->second);
    }
    void fetch(std::string name, std::function<void(result<shared_value<flow>>)> done) override {
      if (refusals > 0) {
        --refusals;
        return done(failure{errc::busy, "away"});
      }
      const auto found = flows.find(name);
      if (found == flows.end())
        done(failure{errc::not_found, "there is no such flow"});
      else
        done(found->second);
    }
    std::map<std::string, shared_value<flow>, std::less<>> flows;
    bool forget = false;
    int refusals = 0;  ///< Questions that are not answered.
  };

  flow_node() { context.flows = &known; }

  static flow_step step(std::string name) {
    flow_step one;
    auto spec = spec_of("work");
    spec.payload = '"' + name + '"';
    spec.retry.max_attempts = 1000;
    spec.retry.initial = 1ms;
    spec.retry.max = 1ms;
    one.name = std::move(name);
    one.task = std::move(spec);
    return one;
  }
  static flow_step after(std::string name, std::vector<uint32_t> others) {
    auto one = step(std::move(name));
    one.depends_on = std::move(others);
    return one;
  }
  static flow_step with_undo(flow_step one) {
    auto spec = *one.task;
    spec.payload = "\"undo " + one.name + '"';
    one.compensate = std::move(spec);
    return one;
  }

  /// The flow `shop`.
  void know(std::vector<flow_step> steps) {
    flow f;
    f.name = "shop";
    f.version = 1;
    f.steps = std::move(steps);
    const auto ok = validate(f);
    ASSERT_TRUE(ok) << ok.error().field << ' ' << ok.error().detail;
    known.flows["shop"] = std::move(f);
  }

  static order_spec order_of(std::string flow_name) {
    order_spec spec;
    spec.product = "Laptop";
    spec.flow = std::move(flow_name);
    return spec;
  }
  entity_id submit_order_with(const order_spec& spec) {
    const auto id = fresh_id();
    produce(intake::orders, shard0, codec::write_intake(id, order_command{submit_order{spec}}),
            {{"orrery-fresh", "1"}});
    return id;
  }
  entity_id submit_order_of(std::string flow_name) {
    return submit_order_with(order_of(std::move(flow_name)));
  }

  order the(entity_id id) {
    auto found = stored_order(id);
    EXPECT_TRUE(found) << "no such order";
    return found ? *found : order{};
  }
  void end_next(bool good) {
    ASSERT_FALSE(work.running.empty());
    if (good)
      work.end(0, {.succeeded = true, .result = "1"});
    else
      work.end(0, {.error = "broke", .error_code = "broken", .retryable = false});
    settle();
  }
  void finish_all() {
    for (int i = 0; i < 1000 && !work.running.empty(); ++i) {
      end_next(true);
      advance(10ms);
    }
  }
  size_t tasks_stored() {
    entity_query query;
    query.limit = 100'000;
    return reader->list(query)->items.size();
  }
  std::vector<std::string> published_of(entity_id id) {
    std::vector<std::string> out;
    for (const auto& event : topics.events(shard0))
      if (const auto* e = std::get_if<order_status_event>(&event);
          e != nullptr && e->order_id == id)
        out.emplace_back(to_string(e->status));
    return out;
  }

  flows_in_memory known;
};

}  // namespace orrery::test
