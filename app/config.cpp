#include "app/config.hpp"

#include "base/check.hpp"

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <functional>
#include <set>
#include <toml++/toml.h>

namespace orrery::app {

namespace {

/// How a setting is read and shown.
struct key_rule {
  std::string key;
  std::function<result<void>(config&, const std::string&)> set;
  std::function<std::string(const config&)> get;
  bool secret = false;
};

failure bad(std::string sentence) { return {errc::invalid, std::move(sentence)}; }

key_rule text(std::string key, std::string config::*member, bool secret = false) {
  return {std::move(key),
          [=](config& c, const std::string& v) -> result<void> {
            c.*member = v;
            return {};
          },
          [=](const config& c) { return c.*member; }, secret};
}

template <class Access>
key_rule number(std::string key, Access access, uint64_t min, uint64_t max) {
  return {std::move(key),
          [=](config& c, const std::string& v) -> result<void> {
            uint64_t n = 0;
            const auto [end, error] = std::from_chars(v.data(), v.data() + v.size(), n);
            if (error != std::errc{} || end != v.data() + v.size() || n < min || n > max)
              return bad("must be a number between " + std::to_string(min) + " and " +
                         std::to_string(max));
            using target = std::remove_reference_t<decltype(access(c))>;
            access(c) = static_cast<target>(n);
            return {};
          },
          [=](const config& c) { return std::to_string(access(const_cast<config&>(c))); }};
}

template <class Access>
key_rule length(std::string key, Access access, duration min, duration max) {
  return {
      std::move(key),
      [=](config& c, const std::string& v) -> result<void> {
        const auto value = parse_duration(v);
        if (!value)
          return value.error();
        if (*value < min || *value > max)
          return bad("must lie between " + format_duration(min) + " and " + format_duration(max));
        access(c) = *value;
        return {};
      },
      [=](const config& c) { return format_duration(access(const_cast<config&>(c))); }};
}

template <class Access>
key_rule flag(std::string key, Access access) {
  return {std::move(key),
          [=](config& c, const std::string& v) -> result<void> {
            if (v != "true" && v != "false")
              return bad("must be true or false");
            access(c) = v == "true";
            return {};
          },
          [=](const config& c) {
            return std::string(access(const_cast<config&>(c)) ? "true" : "false");
          }};
}

#define MEMBER(path) \
  [](config & c) -> auto& { return c.path; }

const std::vector<key_rule>& rules() {
  static const std::vector<key_rule> all = {
      text("node", &config::node),
      text("data", &config::data),
      text("http", &config::http),
      number("http.threads", MEMBER(http_threads), 1, 64),
      text("store", &config::store, true),
      number("store.readers", MEMBER(store_readers), 1, 64),
      length("store.commit.pace", MEMBER(writer.pace), 0us, 1s),
      text("log", &config::log),
      text("topic.prefix", &config::topic_prefix),
      text("kafka.group", &config::kafka_group),
      length("kafka.session.timeout", MEMBER(kafka_session_timeout), 1s, 5min),
      length("kafka.delivery.timeout", MEMBER(kafka_delivery_timeout), 1s, 5min),
      number("kafka.replication", MEMBER(kafka_replication), 1, 9),
      text("kafka.compression", &config::kafka_compression),
      text("mesh", &config::mesh),
      text("mesh.certificate", &config::mesh_certificate),
      text("mesh.key", &config::mesh_key),
      text("mesh.ca", &config::mesh_ca),
      text("auth", &config::auth),
      text("token", &config::token, true),
      number("threads", MEMBER(threads), 1, 256),
      number("shards", MEMBER(limits.shards), 1, shards_max),
      number("limits.live.per.shard", MEMBER(limits.live_per_shard), 100, 10'000'000),
      number("limits.intake.in.flight", MEMBER(limits.intake_in_flight), 10, 1'000'000),
      number("limits.slots.per.queue", MEMBER(limits.slots_per_queue), 1, 10'000'000),
      number("limits.slots.exec", MEMBER(limits.slots_per_kind["exec"]), 1, 100'000),
      number("limits.slots.http", MEMBER(limits.slots_per_kind["http"]), 1, 100'000),
      number("limits.slots.sleep", MEMBER(limits.slots_per_kind["sleep"]), 1, 10'000'000),
      number("limits.slots.noop", MEMBER(limits.slots_per_kind["noop"]), 1, 10'000'000),
      length("limits.drain", MEMBER(limits.drain_limit), 100ms, 10min),
      number("executors.exec.processes", MEMBER(processes_max), 1, 100'000),
      length("executors.exec.grace", MEMBER(process_grace), 0us, 10min),
      flag("executors.http.public", MEMBER(http_public)),
      {"executors.http.allow",
       [](config& c, const std::string& v) -> result<void> {
         c.http_allowed.clear();
         for (size_t at = 0; at < v.size();) {
           const auto end = std::min(v.find(',', at), v.size());
           if (end > at)
             c.http_allowed.push_back(v.substr(at, end - at));
           at = end + 1;
         }
         return {};
       },
       [](const config& c) {
         std::string out;
         for (const auto& host : c.http_allowed)
           out += (out.empty() ? "" : ",") + host;
         return out;
       }},
      {"logging.level",
       [](config& c, const std::string& v) -> result<void> {
         const std::map<std::string, log::level> levels = {{"debug", log::level::debug},
                                                           {"info", log::level::info},
                                                           {"warning", log::level::warning},
                                                           {"error", log::level::error},
                                                           {"off", log::level::off}};
         const auto found = levels.find(v);
         if (found == levels.end())
           return bad("must be debug, info, warning, error or off");
         c.logging.threshold = found->second;
         return {};
       },
       [](const config& c) -> std::string {
         switch (c.logging.threshold) {
           case log::level::debug: return "debug";
           case log::level::info: return "info";
           case log::level::warning: return "warning";
           case log::level::error: return "error";
           case log::level::off: return "off";
         }
         return "info";
       }},
      flag("logging.json", MEMBER(logging.json)),
      flag("logging.console", MEMBER(logging.console)),
      {"logging.file",
       [](config& c, const std::string& v) -> result<void> {
         c.logging.file = v;
         return {};
       },
       [](const config& c) { return c.logging.file; }},
  };
  return all;
}

#undef MEMBER

std::string variable_of(const std::string& key) {
  std::string name = "ORRERY_";
  for (const char c : key)
    name += c == '.' ? '_' : static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return name;
}

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

void read_file(const std::string& file, std::map<std::string, std::string>& keys,
               loaded_config& out) {
  try {
    const auto root = toml::parse_file(file);
    flatten(root, "", keys);
    read_commands(root, out);
    if (const auto* security = root["kafka"]["security"].as_table())
      for (const auto& [key, value] : *security)
        out.values.kafka_security[std::string(key.str())] = scalar_text(value);
  } catch (const toml::parse_error& error) {
    const auto& at = error.source().begin;
    out.problems.push_back(file + ":" + std::to_string(at.line) + ":" + std::to_string(at.column) +
                           ": " + std::string(error.description()));
  }
}

bool is_address(const std::string& text) {
  const auto colon = text.rfind(':');
  if (colon == std::string::npos || colon == 0)
    return false;
  uint16_t port = 0;
  const auto* end = text.data() + text.size();
  const auto [stopped, error] = std::from_chars(text.data() + colon + 1, end, port);
  return error == std::errc{} && stopped == end;
}

bool is_loopback(const std::string& address) {
  return address.starts_with("127.") || address.starts_with("localhost:") ||
         address.starts_with("[::1]:");
}

void validate(loaded_config& out) {
  const auto& c = out.values;
  auto& problems = out.problems;
  if (c.node.empty() || c.node.size() > 64)
    problems.push_back("node: must have 1 to 64 characters");
  if (!is_address(c.http))
    problems.push_back("http: must be host:port with a port from 0 to 65535, and is " + c.http);
  if (!c.mesh.empty() && !is_address(c.mesh))
    problems.push_back("mesh: must be host:port with a port from 0 to 65535, and is " + c.mesh);
  if (c.auth != "off" && c.auth != "token")
    problems.push_back("auth: must be token or off");
  if (c.auth == "off" && !is_loopback(c.http))
    problems.push_back("auth: off is allowed on a loopback address only, and http is " + c.http);
  if (!c.embedded_store() && !c.store.starts_with("postgres://") &&
      !c.store.starts_with("postgresql://"))
    problems.push_back("store: must be sqlite or postgres://…");
  if (!c.embedded_log() && !c.log.starts_with("kafka://"))
    problems.push_back("log: must be embedded or kafka://host:port,…");
  if (const auto& z = c.kafka_compression;
      z != "none" && z != "gzip" && z != "snappy" && z != "lz4" && z != "zstd")
    problems.push_back("kafka.compression: must be none, gzip, snappy, lz4 or zstd");
  if (c.embedded_log() && !c.embedded_store())
    problems.push_back("log: the embedded log lives in the SQLite file; with store " +
                       std::string("postgres use kafka://…"));
  if (!c.mesh.empty() && (c.mesh_certificate.empty() || c.mesh_key.empty() || c.mesh_ca.empty()))
    problems.push_back(
        "mesh: needs mesh.certificate, mesh.key and mesh.ca (orrery cluster init makes them)");
}

}  // namespace

loaded_config load_config(const std::string& file, const overrides& flags) {
  loaded_config out;
  std::map<std::string, std::string> from_file;
  if (!file.empty())
    read_file(file, from_file, out);
  for (const auto& rule : rules()) {
    setting shown{rule.key, {}, "default", rule.secret};
    const auto apply = [&](const std::string& value, const std::string& source) {
      shown.source = source;
      if (auto ok = rule.set(out.values, value); !ok)
        out.problems.push_back(rule.key + " (" + source + "): " + ok.error().detail);
    };
    if (const auto found = from_file.find(rule.key); found != from_file.end()) {
      apply(found->second, "file");
      from_file.erase(found);
    }
    if (const char* value = std::getenv(variable_of(rule.key).c_str()))
      apply(value, "environment");
    if (const auto found = flags.find(rule.key); found != flags.end())
      apply(found->second, "flag");
    shown.value = rule.get(out.values);
    out.settings.push_back(std::move(shown));
  }
  for (const auto& [key, value] : from_file)
    out.problems.push_back(file + ": unknown key " + key);
  for (const auto& [key, value] : flags)
    if (std::none_of(rules().begin(), rules().end(), [&](const auto& r) { return r.key == key; }))
      out.problems.push_back("flag: unknown key " + key);
  validate(out);
  return out;
}

namespace {

/// Of a database URL only the passwords are secret: `user:password@`, and those in its query.
std::string without_passwords(std::string url) {
  const auto scheme = url.find("://");
  if (scheme == std::string::npos)
    return url;
  const auto at = url.rfind('@');
  const auto colon = url.find(':', scheme + 3);
  if (at != std::string::npos && colon < at)
    url.replace(colon + 1, at - colon - 1, "***");
  for (const std::string name : {"password=", "sslpassword=", "passfile="})
    for (auto place = url.find(name); place != std::string::npos; place = url.find(name, place)) {
      place += name.size();
      url.replace(place, std::min(url.find('&', place), url.size()) - place, "***");
    }
  return url;
}

}  // namespace

std::string describe(const loaded_config& loaded) {
  std::string out;
  for (const auto& one : loaded.settings) {
    auto value = one.value;
    if (one.secret && !value.empty())
      value = one.key == "store" ? without_passwords(std::move(value)) : "***";
    out += one.key + " = \"" + value + "\"  # " + one.source + "\n";
  }
  return out;
}

}  // namespace orrery::app
