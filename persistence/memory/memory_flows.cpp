#include "persistence/memory/memory_flows.hpp"

namespace orrery {

class memory_flows::session final : public flow_shelf {
public:
  explicit session(memory_flows& of) : of_(of) {}

  result<flow> put(const flow& f, time_point) override {
    const std::lock_guard lock(of_.guard_);
    auto& versions = of_.flows_[f.name];
    auto next = f;
    next.version = static_cast<uint32_t>(versions.size());
    if (!versions.empty() && versions.back() == next)
      return next;
    ++next.version;
    versions.push_back(next);
    return next;
  }
  result<std::vector<flow>> newest() override {
    const std::lock_guard lock(of_.guard_);
    std::vector<flow> list;
    for (const auto& [name, versions] : of_.flows_)
      list.push_back(versions.back());
    return list;
  }
  result<flow> get(std::string_view name, uint32_t version) override {
    const std::lock_guard lock(of_.guard_);
    const auto found = of_.flows_.find(name);
    if (found == of_.flows_.end() || version > found->second.size())
      return failure{errc::not_found, "there is no such flow"};
    return version == 0 ? found->second.back() : found->second[version - 1];
  }

private:
  memory_flows& of_;
};

std::unique_ptr<flow_shelf> memory_flows::open_flows() { return std::make_unique<session>(*this); }

}  // namespace orrery
