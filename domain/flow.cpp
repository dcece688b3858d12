#include "domain/flow.hpp"

#include "domain/flow_template.hpp"

#include <algorithm>
#include <unordered_map>

namespace orrery {

namespace {

failure bad(std::string place, std::string sentence) {
  return {errc::invalid, std::move(sentence), std::move(place)};
}

bool is_name(std::string_view text) {
  return !text.empty() && text.size() <= limits::name_bytes &&
         std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  c == '-' || c == '_' || c == '.';
         });
}

result<void> check_task(const flow& f, const task_spec& spec, const std::string& place) {
  if (auto ok = validate(spec); !ok) {
    auto why = std::move(ok).error();
    return bad(place + (why.field.empty() ? "" : "." + why.field), why.detail);
  }
  if (spec.run_at != never || spec.deadline != never)
    return bad(place, "has a runAt or deadline; a step begins when it is its turn");
  if (auto ok = check_template(spec.payload, f); !ok)
    return bad(place + ".payload", ok.error().detail);
  return {};
}

/// What the built-in steps ask for beyond what every task does.
result<void> check_built_in(const flow_step& step, const std::string& place) {
  const auto check = [](const task_spec& spec, const std::string& where) -> result<void> {
    if (spec.kind != kind_stock_reserve && spec.kind != kind_stock_release)
      return {};
    const auto first = spec.payload.find_first_not_of(" \t\r\n");
    if (first != std::string::npos && spec.payload[first] != '{')
      return bad(where + ".payload",
                 "must be an object like {\"product\":\"Laptop\",\"quantity\":1}");
    return {};
  };
  if (auto ok = check(*step.task, place); !ok)
    return ok;
  if (!step.has_compensation())
    return {};
  if (step.task->kind == kind_stock_release)
    return bad(place + ".compensate", "stock.release has no compensation");
  if (step.compensate->kind == kind_stock_reserve)
    return bad(place + ".compensate.kind", "stock.reserve undoes nothing");
  if (step.task->kind == kind_stock_reserve && step.compensate->kind != kind_stock_release)
    return bad(place + ".compensate.kind", "what undoes stock.reserve is stock.release");
  return check(*step.compensate, place + ".compensate");
}

/// Takes away what has nothing left to wait for; what remains runs in a circle.
result<void> check_circles(const flow& f) {
  const auto n = f.steps.size();
  std::vector<size_t> waits(n);
  std::vector<std::vector<uint32_t>> followers(n);
  std::vector<uint32_t> free;
  for (uint32_t i = 0; i < n; ++i) {
    waits[i] = f.steps[i].depends_on.size();
    for (const auto before : f.steps[i].depends_on)
      followers[before].push_back(i);
    if (waits[i] == 0)
      free.push_back(i);
  }
  size_t done = 0;
  while (!free.empty()) {
    const auto one = free.back();
    free.pop_back();
    ++done;
    for (const auto next : followers[one])
      if (--waits[next] == 0)
        free.push_back(next);
  }
  if (done == n)
    return {};
  const auto first = std::find_if(waits.begin(), waits.end(), [](size_t w) { return w > 0; });
  const auto at = static_cast<size_t>(first - waits.begin());
  return bad("steps[" + std::to_string(at) + "].dependsOn",
             "leads in a circle: " + f.steps[at].name + " waits for itself");
}

}  // namespace

result<void> validate(const flow& f) {
  if (!is_name(f.name))
    return bad("name", "must be 1 to 128 letters, digits, '-', '_' or '.'");
  if (f.description.size() > limits::text_bytes)
    return bad("description", "is longer than 4 KiB");
  if (f.expires_in < 0us || f.expires_in > limits::delay_max)
    return bad("expiresIn", "must lie between 0 and ten years");
  if (f.steps.empty())
    return bad("steps", "is empty: a flow has at least one step");
  if (f.steps.size() > limits::flow_steps)
    return bad("steps", "has more than 10000 steps");
  std::unordered_map<std::string_view, size_t> names;
  for (size_t i = 0; i < f.steps.size(); ++i) {
    const auto& step = f.steps[i];
    const auto place = "steps[" + std::to_string(i) + "]";
    if (!is_name(step.name))
      return bad(place + ".name", "must be 1 to 128 letters, digits, '-', '_' or '.'");
    if (!names.emplace(step.name, i).second)
      return bad(place + ".name", "is the name of an earlier step: " + step.name);
    if (step.description.size() > limits::text_bytes)
      return bad(place + ".description", "is longer than 4 KiB");
    for (const auto before : step.depends_on)
      if (before >= f.steps.size() || before == i)
        return bad(place + ".dependsOn",
                   before == i ? "leads in a circle: " + step.name + " waits for itself"
                               : "names a step that does not exist");
    if (auto ok = check_task(f, *step.task, place); !ok)
      return ok;
    if (step.has_compensation())
      if (auto ok = check_task(f, *step.compensate, place + ".compensate"); !ok)
        return ok;
    if (auto ok = check_built_in(step, place); !ok)
      return ok;
  }
  return check_circles(f);
}

}  // namespace orrery
