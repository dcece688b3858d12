#include "actors/meters.hpp"

#include <algorithm>

namespace orrery::actors {

/// Queue names are free text: so many of them must not become so many lines.
void depth_board::set(table all) {
  if (all.size() > rows_max) {
    std::vector<std::pair<uint64_t, std::pair<std::string, uint16_t>>> by_depth;
    for (const auto& [key, depth] : all)
      by_depth.emplace_back(depth.waiting, key);
    std::sort(by_depth.begin(), by_depth.end(), std::greater<>());
    for (size_t i = rows_max; i < by_depth.size(); ++i) {
      const auto node = all.extract(by_depth[i].second);
      auto& rest = all[{"other", node.key().second}];
      rest.waiting += node.mapped().waiting;
      rest.oldest = std::max(rest.oldest, node.mapped().oldest);
    }
  }
  const std::lock_guard lock(guard_);
  all_ = std::move(all);
}

}  // namespace orrery::actors
