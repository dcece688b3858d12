#include "app/config_file.hpp"

#include <algorithm>
#include <optional>
#include <set>
#include <toml++/toml.h>

namespace orrery::app {

namespace {

std::string scalar_text(const toml::node& node) {
  if (const auto* s = node.as_string())
    return s->get();
  if (const auto* i = node.as_integer())
    return std::to_string(i->get());
  if (const auto* b = node.as_boolean())
    return b->get() ? "true" : "false";
  if (const auto* list = node.as_array()) {
    std::string out;
    for (const auto& element : *list)
      out += (out.empty() ? "" : ",") + scalar_text(element);
    return out;
  }
  return {};
}

/// `[store] url` and the like: a table may carry its own key as `url`, `address` or `level`.
std::string canonical(const std::string& key) {
  static const std::map<std::string, std::string> aliases = {
      {"store.url", "store"},          {"log.url", "log"},    {"http.address", "http"},
      {"mesh.address", "mesh"},        {"node.name", "node"}, {"kafka.prefix", "topic.prefix"},
      {"topic_prefix", "topic.prefix"}};
  const auto found = aliases.find(key);
  if (found != aliases.end())
    return found->second;
  std::string dotted = key;
  std::replace(dotted.begin(), dotted.end(), '_', '.');
  std::replace(dotted.begin(), dotted.end(), '-', '.');
  return dotted;
}

void flatten(const toml::table& table, const std::string& prefix,
             std::map<std::string, std::string>& out) {
  for (const auto& [name, node] : table) {
    const auto key =
        prefix.empty() ? std::string(name.str()) : prefix + '.' + std::string(name.str());
    if (key == "executors.exec.commands" || key == "kafka.security")
      continue;  // tables of their own
    if (const auto* inner = node.as_table())
      flatten(*inner, key, out);
    else
      out[canonical(key)] = scalar_text(node);
  }
}

template <class T>
void optional_limit(const toml::table& from, const char* key, std::optional<T>& to) {
  if (const auto value = from[key].value<int64_t>(); value && *value >= 0)
    to = static_cast<T>(*value);
}

const std::set<std::string>& known_limits() {
  static const std::set<std::string> names = {"address_space_bytes", "cpu_seconds", "file_bytes",
                                              "open_files", "core_bytes"};
  return names;
}

void read_commands(const toml::table& root, loaded_config& out) {
  const auto* commands = root["executors"]["exec"]["commands"].as_table();
  if (commands == nullptr)
    return;
  for (const auto& [name, node] : *commands) {
    const auto* body = node.as_table();
    const auto where = "executors.exec.commands." + std::string(name.str());
    if (body == nullptr) {
      out.problems.push_back(where + " must be a table with argv");
      continue;
    }
    command_template one;
    for (const auto& [key, value] : *body)
      if (key.str() != "argv" && key.str() != "directory" && key.str() != "environment" &&
          key.str() != "limits")
        out.problems.push_back(where + ": unknown key " + std::string(key.str()));
    if (const auto* argv = (*body)["argv"].as_array())
      for (const auto& element : *argv)
        one.argv.push_back(scalar_text(element));
    if (const auto directory = (*body)["directory"].value<std::string>())
      one.directory = *directory;
    if (const auto* environment = (*body)["environment"].as_table())
      for (const auto& [key, value] : *environment)
        one.environment[std::string(key.str())] = scalar_text(value);
    if (const auto* bounds = (*body)["limits"].as_table()) {
      const auto& limit_names = known_limits();
      for (const auto& [key, value] : *bounds)
        if (!limit_names.contains(std::string(key.str())) || value.as_integer() == nullptr)
          out.problems.push_back(where + ".limits: " + std::string(key.str()) +
                                 " is unknown or not a whole number");
      optional_limit(*bounds, "address_space_bytes", one.limits.address_space_bytes);
      optional_limit(*bounds, "cpu_seconds", one.limits.cpu_seconds);
      optional_limit(*bounds, "file_bytes", one.limits.file_bytes);
      optional_limit(*bounds, "open_files", one.limits.open_files);
      optional_limit(*bounds, "core_bytes", one.limits.core_bytes);
    }
    out.values.commands[std::string(name.str())] = std::move(one);
  }
  if (auto ok = check_commands(out.values.commands); !ok)
    out.problems.push_back("executors.exec.commands: " + ok.error().detail);
}

}  // namespace

void read_config_file(const std::string& file, std::map<std::string, std::string>& keys,
                      loaded_config& out) {
  try {
    const auto root = toml::parse_file(file);
    flatten(root, "", keys);
    read_commands(root, out);
    if (const auto* security = root["kafka"]["security"].as_table())
      for (const auto& [key, value] : *security)
        out.values.kafka_security[std::string(key.str())] = secret(scalar_text(value));
  } catch (const toml::parse_error& error) {
    const auto& at = error.source().begin;
    out.problems.push_back(file + ":" + std::to_string(at.line) + ":" + std::to_string(at.column) +
                           ": " + std::string(error.description()));
  }
}

}  // namespace orrery::app
