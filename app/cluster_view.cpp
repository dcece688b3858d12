#include "app/cluster_view.hpp"

#include <algorithm>
#include <chrono>
#include <mutex>

namespace orrery::app {

namespace {

/// A node that was not heard of for longer is gone.
constexpr duration window = 15s;
constexpr auto ends_limit = std::chrono::seconds{1};

}  // namespace

result<cluster_picture> store_view::read(entity_store& from) {
  cluster_picture out;
  out.asked = parts_.self.name;
  auto rows = from.shards();
  if (!rows)
    return std::move(rows).error();
  auto nodes = parts_.where.open_registry()->nodes(window);
  if (!nodes)
    return std::move(nodes).error();
  out.nodes = std::move(*nodes);
  // A node alone announces itself to nobody.
  if (std::none_of(out.nodes.begin(), out.nodes.end(),
                   [&](const auto& n) { return n.name == parts_.self.name; })) {
    out.nodes.push_back(parts_.self);
    out.nodes.back().seen_at = parts_.time.now();
  }
  const auto until = std::chrono::steady_clock::now() + ends_limit;
  for (auto& row : *rows) {
    cluster_picture::shard one{std::move(row), {-1, -1}};
    if (std::chrono::steady_clock::now() < until)
      if (const auto end = parts_.log.consumer().end(one.row.shard, 200ms))
        for (size_t i = 0; i < intakes; ++i)
          one.waiting[i] = std::max<int64_t>(0, (*end)[i] - one.row.next[i]);
    out.shards.push_back(std::move(one));
  }
  return out;
}

/// Who is known by the store only may have stopped a moment ago: each is asked itself.
void store_view::ask_others(cluster_picture picture,
                            std::shared_ptr<answer<cluster_picture>> told) {
  struct gathering {
    std::mutex guard;
    cluster_picture picture;
    size_t left = 1;
  };
  auto all = std::make_shared<gathering>();
  all->picture = std::move(picture);
  const auto settle = [all, told](const std::string& name, result<bool> ready) {
    {
      const std::lock_guard lock(all->guard);
      if (ready)
        all->picture.ready[name] = *ready;
      if (--all->left > 0)
        return;
    }
    (*told)(std::move(all->picture));
  };
  std::vector<std::string> others;
  if (parts_.ask_ready)
    for (const auto& one : all->picture.nodes)
      if (one.name != parts_.self.name)
        others.push_back(one.name);
  all->left += others.size();
  for (const auto& name : others)
    parts_.ask_ready(name, [settle, name](result<bool> ready) { settle(name, std::move(ready)); });
  settle(parts_.self.name, all->picture.health.ready);
}

void store_view::look(answer<cluster_picture> done) {
  auto told = std::make_shared<answer<cluster_picture>>(std::move(done));
  parts_.door.check_readiness([this, told](result<readiness> health) {
    auto state = health ? std::move(*health) : readiness{};
    parts_.reads.run(
        [this, told, state](entity_store& from) {
          auto picture = read(from);
          if (!picture)
            return (*told)(std::move(picture));
          picture->health = state;
          picture->ready[parts_.self.name] = state.ready;
          ask_others(std::move(*picture), told);
        },
        [told] {
          (*told)(failure{errc::busy, "too many reads are waiting"});
        });
  });
}

}  // namespace orrery::app
