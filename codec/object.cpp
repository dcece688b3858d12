#include "codec/object.hpp"

#include "codec/detail/json_reader.hpp"

namespace orrery::codec {

using detail::json_value;

result<json_object> json_object::read(std::string_view text, bool strict) {
  json_object out;
  bool twice = false;
  auto told = detail::read_json(
      text, detail::outermost::object, [&](std::string_view key, json_value& value) {
        if (value.is == json_value::form::null)
          return true;
        member m;
        switch (value.is) {
          case json_value::form::string:
            m.is = form::text;
            m.value = std::move(*value.text);
            break;
          case json_value::form::integer:
            m.is = form::whole;
            m.number = value.integer;
            break;
          case json_value::form::boolean:
            m.is = form::flag;
            m.number = value.flag ? 1 : 0;
            break;
          case json_value::form::array:
            m.is = form::list;
            m.value = value.raw;
            break;
          default: break;
        }
        twice = !out.members_.insert_or_assign(std::string(key), std::move(m)).second || twice;
        return true;
      });
  if (!told)
    return std::move(told).error();
  if (strict && twice)
    return failure{errc::invalid, "a member comes twice"};
  return out;
}

const json_object::member* json_object::find(std::string_view name, form wanted) const {
  const auto found = members_.find(name);
  return found == members_.end() || found->second.is != wanted ? nullptr : &found->second;
}

std::optional<std::string> json_object::text(std::string_view name) const {
  const auto* m = find(name, form::text);
  return m == nullptr ? std::nullopt : std::optional(m->value);
}

std::optional<int64_t> json_object::whole(std::string_view name) const {
  const auto* m = find(name, form::whole);
  return m == nullptr ? std::nullopt : std::optional(m->number);
}

std::optional<bool> json_object::flag(std::string_view name) const {
  const auto* m = find(name, form::flag);
  return m == nullptr ? std::nullopt : std::optional(m->number != 0);
}

std::optional<std::vector<std::string>> json_object::texts(std::string_view name) const {
  const auto* m = find(name, form::list);
  if (m == nullptr)
    return std::nullopt;
  std::vector<std::string> out;
  bool good = true;
  const auto told = detail::read_json(m->value, detail::outermost::array,
                                      [&](std::string_view, json_value& value) {
                                        good = value.is == json_value::form::string;
                                        if (good)
                                          out.push_back(std::move(*value.text));
                                        return good;
                                      });
  return good && told ? std::optional(std::move(out)) : std::nullopt;
}

std::optional<std::vector<std::string>> json_object::objects(std::string_view name) const {
  const auto* m = find(name, form::list);
  if (m == nullptr)
    return std::nullopt;
  std::vector<std::string> out;
  bool good = true;
  const auto told = detail::read_json(m->value, detail::outermost::array,
                                      [&](std::string_view, json_value& value) {
                                        good = value.is == json_value::form::object;
                                        if (good)
                                          out.emplace_back(value.raw);
                                        return good;
                                      });
  return good && told ? std::optional(std::move(out)) : std::nullopt;
}

}  // namespace orrery::codec
