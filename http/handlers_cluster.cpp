/// The system as this node sees it.

#include "http/handlers.hpp"

#include "codec/json.hpp"
#include "domain/ports/cluster_view.hpp"

namespace orrery::http::handlers {

namespace {

using codec::json_writer;

void write_nodes(json_writer& json, const cluster_picture& p) {
  json.key("nodes").begin_array();
  for (const auto& n : p.nodes) {
    int64_t owned = 0;
    for (const auto& s : p.shards)
      owned += s.row.owner == n.name ? 1 : 0;
    json.begin_object().field("name", n.name).field("version", n.version);
    json.field("http", n.http_address).optional_field("mesh", n.mesh_address);
    if (const auto ready = p.ready.find(n.name); ready != p.ready.end())
      json.field("ready", ready->second);
    json.field("startedAt", n.started_at).field("seenAt", n.seen_at).field("shards", owned);
    json.end_object();
  }
  json.end_array();
}

void write_shards(json_writer& json, const cluster_picture& p) {
  static constexpr std::string_view names[intakes] = {"waitingOrders", "waitingTasks"};
  json.key("shards").begin_array();
  for (const auto& s : p.shards) {
    json.begin_object().field("shard", uint32_t{s.row.shard.value}).field("owner", s.row.owner);
    json.field("epoch", static_cast<int64_t>(s.row.epoch.value));
    json.field("position", s.row.position.value).field("published", s.row.published.value);
    for (size_t i = 0; i < intakes; ++i)
      if (s.waiting[i] >= 0)
        json.field(names[i], s.waiting[i]);
    json.end_object();
  }
  json.end_array();
}

}  // namespace

void cluster(const exchange_ptr& ex) {
  if (ex->options.cluster == nullptr)
    return ex->fail({errc::not_found, "this node sees no cluster"});
  ex->options.cluster->look([ex](result<cluster_picture> seen) {
    if (!seen)
      return ex->fail(seen.error());
    response out;
    json_writer json(out.body);
    json.begin_object().field("asked", seen->asked).field("ready", seen->health.ready);
    write_nodes(json, *seen);
    write_shards(json, *seen);
    json.key("parts").begin_array();
    for (const auto& part : seen->health.parts) {
      json.begin_object().field("name", part.name).field("ready", part.ready);
      json.optional_field("detail", part.detail).end_object();
    }
    json.end_array().end_object();
    ex->finish(std::move(out));
  });
}

}  // namespace orrery::http::handlers
