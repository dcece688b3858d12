#include "codec/flows.hpp"

#include "codec/detail/bodies.hpp"
#include "codec/detail/member.hpp"
#include "codec/detail/stored_fields.hpp"
#include "codec/detail/write_spec.hpp"
#include "codec/stock_template.hpp"

#include <algorithm>

namespace orrery::codec {

namespace {

using namespace detail;

constexpr char flow_format = 1;
/// The compensation of a reservation that names none.
constexpr std::string_view release_of_reservation =
    R"({"kind":"stock.release","retry":{"maxAttempts":1000}})";

failure at(std::string place, failure why) {
  if (!why.field.empty())
    place += '.' + why.field;
  return {why.code, std::move(why.detail), std::move(place)};
}

/// What a step says beside its task.
struct step_text {
  flow_step step;
  bool names_dependencies = false;
  std::vector<std::string> depends_on;
};

result<shared_value<task_spec>> read_task_of(std::string_view text, const std::string& place) {
  auto body = read_task_body(text);
  if (!body)
    return at(place, std::move(body).error());
  if (auto ok = validate(body->spec); !ok)
    return at(place, std::move(ok).error());
  return shared_value<task_spec>(std::move(body->spec));
}

result<step_text> read_step(std::string_view text, const std::string& place) {
  step_text read;
  failure error;
  bool good = true;
  std::string compensate;
  auto told = read_json(text, outermost::object, [&](std::string_view key, json_value& value) {
    const member m(key, value, error);
    const bool given = value.is != json_value::form::null;
    if (key == "name")
      good = m.text(read.step.name, limits::name_bytes);
    else if (key == "description")
      good = m.text(read.step.description, limits::text_bytes);
    else if (key == "dependsOn") {
      read.names_dependencies = given;
      good = m.texts(read.depends_on, limits::flow_steps);
    } else if (key == "compensate") {
      good = m.object(compensate, limits::payload_bytes);
    }
    return good;
  });
  if (!good)
    return at(place, std::move(error));
  if (!told)
    return at(place, std::move(told).error());
  auto task = read_task_of(text, place);
  if (!task)
    return std::move(task).error();
  read.step.task = std::move(*task);
  if (!compensate.empty()) {
    auto undo = read_task_of(compensate, place + ".compensate");
    if (!undo)
      return std::move(undo).error();
    read.step.compensate = std::move(*undo);
  } else if (read.step.task->kind == kind_stock_reserve) {
    // What is reserved is given back, said or not: else an order that failed would keep it.
    auto undo = read_task_of(release_of_reservation, place + ".compensate");
    if (!undo)
      return std::move(undo).error();
    read.step.compensate = std::move(*undo);
  }
  for (const auto* spec : {&read.step.task, &read.step.compensate})
    if (is_stock_kind((*spec)->kind))
      if (auto ok = check_stock_template((*spec)->payload, (*spec)->kind == kind_stock_reserve);
          !ok)
        return at(spec == &read.step.task ? place : place + ".compensate", std::move(ok).error());
  return read;
}

/// Names become numbers, once all steps are known.
result<void> resolve(flow& f, const std::vector<step_text>& texts) {
  for (uint32_t i = 0; i < texts.size(); ++i) {
    auto& into = f.steps[i].depends_on;
    if (!texts[i].names_dependencies) {
      if (i > 0)
        into.push_back(i - 1);
      continue;
    }
    for (const auto& name : texts[i].depends_on) {
      const auto found = std::find_if(f.steps.begin(), f.steps.end(),
                                      [&](const flow_step& s) { return s.name == name; });
      if (found == f.steps.end())
        return failure{errc::invalid, "names a step that does not exist: " + name,
                       "steps[" + std::to_string(i) + "].dependsOn"};
      into.push_back(static_cast<uint32_t>(found - f.steps.begin()));
    }
    std::sort(into.begin(), into.end());
    into.erase(std::unique(into.begin(), into.end()), into.end());
  }
  return {};
}

}  // namespace

result<flow> read_flow(std::string_view text) {
  flow f;
  failure error;
  bool good = true;
  std::string_view steps;
  auto told = read_json(text, outermost::object, [&](std::string_view key, json_value& value) {
    const member m(key, value, error);
    if (key == "name")
      good = m.text(f.name, limits::name_bytes);
    else if (key == "description")
      good = m.text(f.description, limits::text_bytes);
    else if (key == "expiresIn")
      good = m.length(f.expires_in);
    else if (key == "steps") {
      good = value.is == json_value::form::array || m.refuse("must be a list of steps");
      if (good)
        steps = value.raw;
    }
    return good;
  });
  if (!good)
    return error;
  if (!told)
    return std::move(told).error();
  std::vector<step_text> texts;
  if (!steps.empty()) {
    auto parts = split_array(steps, limits::flow_steps);
    if (!parts)
      return at("steps", std::move(parts).error());
    for (const auto& part : *parts) {
      auto step = read_step(part, "steps[" + std::to_string(texts.size()) + "]");
      if (!step)
        return std::move(step).error();
      f.steps.push_back(step->step);
      texts.push_back(std::move(*step));
    }
  }
  if (auto ok = resolve(f, texts); !ok)
    return std::move(ok).error();
  if (auto ok = validate(f); !ok)
    return std::move(ok).error();
  return f;
}

void append_flow(std::string& out, const flow& f) {
  json_writer w(out);
  w.begin_object().field("name", f.name).field("version", f.version);
  w.optional_field("description", f.description);
  optional_length(w, "expiresIn", f.expires_in);
  w.key("steps").begin_array();
  for (const auto& step : f.steps) {
    w.begin_object().field("name", step.name);
    auto spec = *step.task;
    if (spec.description.empty())
      spec.description = step.description;
    write_members(w, spec, defaults::left_out);
    w.key("dependsOn").begin_array();
    for (const auto before : step.depends_on)
      w.value(f.steps[before].name);
    w.end_array();
    if (step.has_compensation()) {
      w.key("compensate").begin_object();
      write_members(w, *step.compensate, defaults::left_out);
      w.end_object();
    }
    w.end_object();
  }
  w.end_array().end_object();
}

std::string encode_flow(const flow& f) {
  std::string bytes(1, flow_format);
  wire_writer out(bytes);
  fields(out, f);
  return bytes;
}

result<flow> decode_flow(std::string_view bytes) {
  flow f;
  if (bytes.empty() || bytes.front() != flow_format || !read_message(bytes.substr(1), f) ||
      !validate(f))
    return failure{errc::corrupt, "the stored flow cannot be read"};
  return f;
}

}  // namespace orrery::codec
