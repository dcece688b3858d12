#include "actors/entity_spans.hpp"

#include "base/log.hpp"

namespace orrery::actors {

namespace {

span& add(entity_effect& effect) {
  if (effect.spans == nullptr)
    effect.spans = std::make_shared<std::vector<span>>();
  return effect.spans->emplace_back();
}

void fill_run(span& one, const node_context& context, const std::string& traceparent, entity_id id,
              uint32_t run) {
  const auto from = parse_traceparent(traceparent);
  one.trace = trace_of(traceparent, id);
  one.id = span_of(id, run, 0);
  one.parent = from && from->span != no_parent_of(id) ? from->span : 0;
  one.kind = span_kind::consumer;
  one.attributes.emplace_back("orrery.node", context.node);
  one.attributes.emplace_back("orrery.shard", std::to_string(id.shard().value));
}

}  // namespace

void ending_watch<task>::log_failure(const task& after) const {
  log::info("attempt.not_succeeded",
            {{"task", to_string(after.id)},
             {"trace", to_string(trace_of(after.spec->traceparent, after.id))},
             {"kind", after.spec->kind},
             {"queue", after.spec->queue},
             {"run", token_.run},
             {"attempt", token_.attempt},
             {"reason", to_string(after.reason)},
             {"status", to_string(after.status)},
             {"error", after.error.substr(0, 200)}});
}

void ending_watch<task>::tell(const node_context& context, const task& after, time_point at,
                              entity_effect& effect, bool attempt, bool run) const {
  const auto& spec = *after.spec;
  if (attempt) {
    auto& one = add(effect);
    one.trace = trace_of(spec.traceparent, after.id);
    one.id = span_of(after.id, token_.run, token_.attempt);
    one.parent = span_of(after.id, token_.run, 0);
    one.name = "attempt " + spec.kind;
    one.from = since_;
    one.to = at;
    if (after.reason != end_reason::succeeded)
      one.error = std::string(to_string(after.reason)) +
                  (after.error.empty() ? "" : ": " + after.error.substr(0, 200));
    one.attributes = {{"orrery.task.id", to_string(after.id)},
                      {"orrery.task.kind", spec.kind},
                      {"orrery.task.run", std::to_string(token_.run)},
                      {"orrery.task.attempt", std::to_string(token_.attempt)},
                      {"orrery.attempt.end", std::string(to_string(after.reason))},
                      {"orrery.worker", after.worker},
                      {"orrery.node", context.node}};
  }
  if (run) {
    auto& one = add(effect);
    fill_run(one, context, spec.traceparent, after.id, after.run);
    one.name = "task " + spec.kind;
    one.from = after.life_from;
    one.to = at;
    if (after.status != task_status::succeeded)
      one.error = std::string(to_string(after.status)) +
                  (after.error.empty() ? "" : ": " + after.error.substr(0, 200));
    one.attributes.emplace_back("orrery.task.id", to_string(after.id));
    one.attributes.emplace_back("orrery.task.kind", spec.kind);
    one.attributes.emplace_back("orrery.task.queue", spec.queue);
    one.attributes.emplace_back("orrery.task.run", std::to_string(after.run));
    one.attributes.emplace_back("orrery.task.status", std::string(to_string(after.status)));
  }
}

void note_order_span(const node_context& context, const order& after, time_point at,
                     entity_effect& effect) {
  const auto& spec = *after.spec;
  auto& one = add(effect);
  fill_run(one, context, spec.traceparent, after.id, 1);
  // Moved by hand after it had come to rest: a span of its own, under the first.
  if (spec.flow.empty() && after.status != order_status::created) {
    one.parent = one.id;
    one.id = span_of(after.id, 1, static_cast<uint32_t>(after.version));
  }
  one.name = spec.flow.empty() ? "order" : "order " + spec.flow;
  one.from = after.created_at;
  one.to = at;
  if (is_final(after.status) && after.status != order_status::completed)
    one.error = std::string(to_string(after.status)) +
                (after.reason.empty() ? "" : ": " + after.reason.substr(0, 200));
  one.attributes.emplace_back("orrery.order.id", to_string(after.id));
  one.attributes.emplace_back("orrery.order.status", std::string(to_string(after.status)));
}

}  // namespace orrery::actors
