#include "app/config.hpp"

#include "app/config_file.hpp"
#include "app/config_rules.hpp"
#include "app/topic_rules.hpp"

#include <algorithm>
#include <charconv>
#include <cstdlib>

namespace orrery::app {

namespace {

std::string variable_of(const std::string& key) {
  std::string name = "ORRERY_";
  for (const char c : key)
    name += c == '.' ? '_' : static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return name;
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
  for (auto& sentence : problems_of(c.access))
    problems.push_back(std::move(sentence));
  if (c.auth == "off" && !is_loopback(c.http))
    problems.push_back("auth: off is allowed on a loopback address only, and http is " + c.http);
  if (const auto& url = c.store.reveal();
      !c.embedded_store() && !url.starts_with("postgres://") && !url.starts_with("postgresql://"))
    problems.push_back("store: must be sqlite or postgres://…");
  if (!c.embedded_log() && !c.log.starts_with("kafka://"))
    problems.push_back("log: must be embedded or kafka://host:port,…");
  if (const auto& z = c.kafka_compression;
      z != "none" && z != "gzip" && z != "snappy" && z != "lz4" && z != "zstd")
    problems.push_back("kafka.compression: must be none, gzip, snappy, lz4 or zstd");
  if (c.publish != "idempotent" && c.publish != "transactional")
    problems.push_back("publish: must be idempotent or transactional");
  if (c.publish == "transactional" && c.embedded_log())
    problems.push_back("publish: transactional needs Kafka (log = \"kafka://…\")");
  for (const auto& topic : c.schedule_topics)
    if (auto ok = check_topic(c.schedule_topics, c.topic_prefix, topic); !ok)
      problems.push_back("schedule.topics: " + ok.error().detail);
  if (c.publish_resume != "refuse" && c.publish_resume != "store")
    problems.push_back("publish_resume: must be refuse or store");
  if (const auto& url = c.inventory.reveal();
      !url.empty() && !url.starts_with("postgres://") && !url.starts_with("postgresql://"))
    problems.push_back("resources.inventory: must be postgres://…");
  if (!c.inventory.empty() && c.embedded_store())
    problems.push_back(
        "resources.inventory: needs store = \"postgres://…\"; an SQLite store keeps the stock "
        "itself");
  if (c.embedded_log() && !c.embedded_store())
    problems.push_back("log: the embedded log lives in the SQLite file; with store " +
                       std::string("postgres use kafka://…"));
  const auto check_url = [&](const std::string& key, const std::string& url) {
    if (!url.empty() && !url.starts_with("http://") && !url.starts_with("https://"))
      problems.push_back(key + ": must begin with http:// or https://");
    if (url.find('@') != std::string::npos)
      problems.push_back(key + ": must hold no user or password: they have keys of their own");
  };
  check_url("logging.elastic.url", c.elastic_url);
  check_url("traces.endpoint", c.traces_endpoint);
  if (!c.elastic_password.empty() && c.elastic_user.empty())
    problems.push_back("logging.elastic.password: needs logging.elastic.user");
  if (!c.mesh.empty() && (c.mesh_certificate.empty() || c.mesh_key.empty() || c.mesh_ca.empty()))
    problems.push_back(
        "mesh: needs mesh.certificate, mesh.key and mesh.ca (orrery cluster init makes them)");
}

}  // namespace

loaded_config load_config(const std::string& file, const overrides& flags) {
  loaded_config out;
  std::map<std::string, std::string> from_file;
  if (!file.empty())
    read_config_file(file, from_file, out);
  for (const auto& rule : config_rules()) {
    setting shown{rule.key, {}, "default"};
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
    if (std::none_of(config_rules().begin(), config_rules().end(),
                     [&](const auto& r) { return r.key == key; }))
      out.problems.push_back("flag: unknown key " + key);
  validate(out);
  return out;
}

std::string describe(const loaded_config& loaded) {
  std::string out;
  for (const auto& one : loaded.settings)
    out += one.key + " = \"" + one.value + "\"  # " + one.source + "\n";
  return out;
}

}  // namespace orrery::app
