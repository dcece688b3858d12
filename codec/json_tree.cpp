#include "codec/json_tree.hpp"

#include "codec/json.hpp"

#include <nlohmann/json.hpp>

namespace orrery::codec {

namespace {

using form = json_tree::form;

/// The handler that nlohmann_json calls. Names and signatures are its SAX interface.
class tree_handler {
public:
  bool null() { return add({}); }
  bool boolean(bool flag) { return add({.is = form::boolean, .scalar = flag ? "true" : "false"}); }
  bool number_integer(int64_t number) { return number_text(std::to_string(number)); }
  bool number_unsigned(uint64_t number) { return number_text(std::to_string(number)); }
  bool number_float(double, const std::string& text) { return number_text(text); }
  bool string(std::string& text) { return add(json_tree::of_text(std::move(text))); }
  // Never called: JSON has no binary values.
  bool binary(nlohmann::json::binary_t&) { return false; }
  bool start_object(size_t) { return open(form::object); }
  bool start_array(size_t) { return open(form::list); }
  bool end_object() { return close(); }
  bool end_array() { return close(); }
  bool key(std::string& name) {
    keys_.back() = std::move(name);
    return true;
  }
  // `check_json` has read the text before.
  bool parse_error(size_t, const std::string&, const nlohmann::json::exception&) { return false; }

  json_tree take() { return std::move(root_); }

private:
  bool number_text(std::string text) {
    return add({.is = form::number, .scalar = std::move(text)});
  }
  bool open(form is) {
    open_.push_back({.is = is});
    keys_.emplace_back();
    return true;
  }
  bool close() {
    auto done = std::move(open_.back());
    open_.pop_back();
    keys_.pop_back();
    return add(std::move(done));
  }
  bool add(json_tree value) {
    if (open_.empty())
      root_ = std::move(value);
    else if (open_.back().is == form::list)
      open_.back().items.push_back(std::move(value));
    else
      open_.back().members.emplace_back(keys_.back(), std::move(value));
    return true;
  }

  json_tree root_;
  std::vector<json_tree> open_;
  std::vector<std::string> keys_;  ///< The key that comes next, of each open value.
};

void write_tree(const json_tree& value, std::string& out, bool pretty, size_t depth) {
  const auto line = [&](size_t level) {
    if (pretty)
      out.append("\n").append(level * 2, ' ');
  };
  switch (value.is) {
    case form::null: out += "null"; return;
    case form::boolean:
    case form::number: out += value.scalar; return;
    case form::text: append_string(out, value.scalar); return;
    case form::list:
      out += '[';
      for (size_t i = 0; i < value.items.size(); ++i) {
        out += i > 0 ? "," : "";
        line(depth + 1);
        write_tree(value.items[i], out, pretty, depth + 1);
      }
      if (!value.items.empty())
        line(depth);
      out += ']';
      return;
    case form::object:
      out += '{';
      for (size_t i = 0; i < value.members.size(); ++i) {
        out += i > 0 ? "," : "";
        line(depth + 1);
        append_string(out, value.members[i].first);
        out += pretty ? ": " : ":";
        write_tree(value.members[i].second, out, pretty, depth + 1);
      }
      if (!value.members.empty())
        line(depth);
      out += '}';
  }
}

}  // namespace

result<json_tree> json_tree::read(std::string_view text) {
  if (auto ok = check_json(text); !ok)
    return std::move(ok).error();
  tree_handler handler;
  if (!nlohmann::json::sax_parse(text.begin(), text.end(), &handler))
    return failure{errc::invalid, "is not valid JSON"};
  return handler.take();
}

const json_tree* json_tree::find(std::string_view path) const {
  const auto name = path.substr(0, path.find('.'));
  for (const auto& [key, value] : members)
    if (key == name)
      return name.size() == path.size() ? &value : value.find(path.substr(name.size() + 1));
  return nullptr;
}

void json_tree::set(std::string_view path, json_tree value) {
  const auto name = path.substr(0, path.find('.'));
  is = form::object;
  json_tree* at = nullptr;
  for (auto& [key, old] : members)
    if (key == name)
      at = &old;
  if (at == nullptr)
    at = &members.emplace_back(name, json_tree{}).second;
  if (name.size() == path.size())
    *at = std::move(value);
  else
    at->set(path.substr(name.size() + 1), std::move(value));
}

void json_tree::write(std::string& out, bool pretty) const { write_tree(*this, out, pretty, 0); }

}  // namespace orrery::codec
