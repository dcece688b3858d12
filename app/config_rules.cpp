#include "app/config_rules.hpp"

#include <algorithm>
#include <charconv>

namespace orrery::app {

namespace {

failure bad(std::string sentence) { return {errc::invalid, std::move(sentence)}; }

key_rule text(std::string key, std::string config::*member) {
  return {std::move(key),
          [=](config& c, const std::string& v) -> result<void> {
            c.*member = v;
            return {};
          },
          [=](const config& c) { return c.*member; }};
}

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

/// A value that is shown only as far as `show` lets it.
key_rule hidden(
    std::string key, secret config::*member,
    std::string (*show)(std::string) = [](std::string value) {
      return std::string(value.empty() ? "" : "***");
    }) {
  return {std::move(key),
          [=](config& c, const std::string& v) -> result<void> {
            c.*member = secret(v);
            return {};
          },
          [=](const config& c) { return show((c.*member).reveal()); }};
}

/// From 0 to 1.
template <class Access>
key_rule part(std::string key, Access access) {
  return {std::move(key),
          [=](config& c, const std::string& v) -> result<void> {
            double n = 0;
            const auto [end, error] = std::from_chars(v.data(), v.data() + v.size(), n);
            if (error != std::errc{} || end != v.data() + v.size() || !(n >= 0 && n <= 1))
              return bad("must be a number from 0 to 1");
            access(c) = n;
            return {};
          },
          [=](const config& c) {
            char text[32];
            const auto n = access(const_cast<config&>(c));
            return std::string(text, std::to_chars(text, text + sizeof text, n).ptr);
          }};
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

/// Several, separated by commas.
template <class Access>
key_rule list(std::string key, Access access) {
  return {std::move(key),
          [=](config& c, const std::string& v) -> result<void> {
            auto& into = access(c);
            into.clear();
            for (size_t at = 0; at < v.size();) {
              const auto end = std::min(v.find(',', at), v.size());
              if (end > at)
                into.push_back(v.substr(at, end - at));
              at = end + 1;
            }
            return {};
          },
          [=](const config& c) {
            std::string out;
            for (const auto& one : access(const_cast<config&>(c)))
              out += (out.empty() ? "" : ",") + one;
            return out;
          }};
}

template <class Access>
key_rule words(std::string key, Access access) {
  return {std::move(key),
          [=](config& c, const std::string& v) -> result<void> {
            access(c) = v;
            return {};
          },
          [=](const config& c) { return access(const_cast<config&>(c)); }};
}

key_rule kept(std::string key, entity_kind kind) {
  const auto at = static_cast<size_t>(kind);
  return {std::move(key),
          [=](config& c, const std::string& v) -> result<void> {
            auto rules = retention::parse(kind, v);
            if (!rules)
              return bad(rules.error().detail);
            c.limits.kept[at] = std::move(*rules);
            return {};
          },
          [=](const config& c) { return c.limits.kept[at].text(); }};
}

#define MEMBER(path) \
  [](config & c) -> auto& { return c.path; }

}  // namespace

const std::vector<key_rule>& config_rules() {
  static const std::vector<key_rule> all = {
      text("node", &config::node),
      text("data", &config::data),
      text("http", &config::http),
      number("http.threads", MEMBER(http_threads), 1, 64),
      hidden("store", &config::store, without_passwords),
      text("publish", &config::publish),
      text("publish_resume", &config::publish_resume),
      number("store.readers", MEMBER(store_readers), 1, 64),
      length("store.commit.pace", MEMBER(writer.pace), 0us, 1s),
      text("log", &config::log),
      text("topic.prefix", &config::topic_prefix),
      text("kafka.group", &config::kafka_group),
      length("kafka.session.timeout", MEMBER(kafka_session_timeout), 1s, 5min),
      length("kafka.delivery.timeout", MEMBER(kafka_delivery_timeout), 1s, 5min),
      number("kafka.replication", MEMBER(kafka_replication), 1, 9),
      text("kafka.compression", &config::kafka_compression),
      list("schedule.topics", MEMBER(schedule_topics)),
      text("flows.folder", &config::flows_folder),
      text("flows.default", &config::default_flow),
      hidden("resources.inventory", &config::inventory, without_passwords),
      text("mesh", &config::mesh),
      text("mesh.certificate", &config::mesh_certificate),
      text("mesh.key", &config::mesh_key),
      text("mesh.ca", &config::mesh_ca),
      text("redis", &config::redis),
      text("auth", &config::auth),
      hidden("token", &config::token),
      flag("auth.register", MEMBER(access.open_registration)),
      words("auth.issuer", MEMBER(access.issuer)),
      length("auth.access.life", MEMBER(access.access_life), 10s, 24h),
      length("auth.session.life", MEMBER(access.session_life), 1min, 24h * 365),
      words("auth.oidc.issuer", MEMBER(access.oidc_issuer)),
      words("auth.oidc.audience", MEMBER(access.oidc_audience)),
      words("auth.oidc.jwks", MEMBER(access.oidc_jwks)),
      words("auth.oidc.roles", MEMBER(access.oidc_roles)),
      list("http.open", MEMBER(access.open_routes)),
      list("http.cors", MEMBER(access.cors_origins)),
      list("http.proxies", MEMBER(access.trusted_proxies)),
      words("http.tls.certificate", MEMBER(access.tls_certificate)),
      words("http.tls.key", MEMBER(access.tls_key)),
      words("http.redirect", MEMBER(access.redirect)),
      number("limits.requests.per.second", MEMBER(access.requests_per_second), 0, 10'000'000),
      number("limits.requests.burst", MEMBER(access.requests_burst), 1, 10'000'000),
      number("threads", MEMBER(threads), 1, 256),
      number("shards", MEMBER(limits.shards), 1, shards_max),
      number("limits.live.per.shard", MEMBER(limits.live_per_shard), 100, 10'000'000),
      number("limits.intake.in.flight", MEMBER(limits.intake_in_flight), 10, 1'000'000),
      number("limits.slots.per.queue", MEMBER(limits.slots_per_queue), 1, 10'000'000),
      number("limits.slots.exec", MEMBER(limits.slots_per_kind["exec"]), 0, 100'000),
      number("limits.slots.http", MEMBER(limits.slots_per_kind["http"]), 0, 100'000),
      number("limits.slots.sleep", MEMBER(limits.slots_per_kind["sleep"]), 0, 10'000'000),
      number("limits.slots.noop", MEMBER(limits.slots_per_kind["noop"]), 0, 10'000'000),
      kept("retention.tasks", entity_kind::task),
      kept("retention.orders", entity_kind::order),
      length("retention.look", MEMBER(limits.retention_look), 100ms, 24h),
      {"workers.kinds",
       [](config& c, const std::string& v) -> result<void> {
         c.limits.external_kinds.clear();
         for (size_t at = 0; at < v.size();) {
           const auto end = std::min(v.find(',', at), v.size());
           if (end > at)
             c.limits.external_kinds.insert(v.substr(at, end - at));
           at = end + 1;
         }
         return {};
       },
       [](const config& c) {
         std::string out;
         for (const auto& kind : c.limits.external_kinds)
           out += (out.empty() ? "" : ",") + kind;
         return out;
       }},
      flag("workers.accept.any.kind", MEMBER(limits.accept_any_kind)),
      length("workers.heartbeat", MEMBER(limits.worker_heartbeat), 0us, 24h),
      length("limits.drain", MEMBER(limits.drain_limit), 100ms, 10min),
      number("executors.exec.processes", MEMBER(processes_max), 1, 100'000),
      length("executors.exec.grace", MEMBER(process_grace), 0us, 10min),
      number("logs.attempt.bytes", MEMBER(logs.attempt_bytes), 64 << 10, 64 << 20),
      number("logs.node.bytes", MEMBER(logs.node_bytes), 1 << 20, uint64_t{1} << 46),
      number("logs.buffer.bytes", MEMBER(logs.buffer_bytes), 1 << 20, 1 << 30),
      number("logs.followers", MEMBER(logs.followers_max), 0, 100'000),
      flag("executors.http.public", MEMBER(http_public)),
      list("executors.http.allow", MEMBER(http_allowed)),
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
      number("logging.file.bytes", MEMBER(logging.file_bytes_max), 64 * 1024, 1024ULL << 30),
      number("logging.files", MEMBER(logging.files_kept), 1, 1000),
      text("logging.elastic.url", &config::elastic_url),
      text("logging.elastic.index", &config::elastic_index),
      text("logging.elastic.user", &config::elastic_user),
      hidden("logging.elastic.password", &config::elastic_password),
      hidden("logging.elastic.key", &config::elastic_key),
      number("logging.elastic.buffer", MEMBER(elastic_buffer), 64 * 1024, 1024ULL << 30),
      text("traces.endpoint", &config::traces_endpoint),
      part("traces.sample", MEMBER(traces_sample)),
      hidden("traces.token", &config::traces_token),
      text("telemetry.ca", &config::telemetry_ca),
  };
  return all;
}

#undef MEMBER

}  // namespace orrery::app
