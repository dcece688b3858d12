#include "persistence/memory/memory_settings.hpp"

namespace orrery {

class memory_settings::session final : public settings_store {
public:
  explicit session(std::shared_ptr<table> where) : where_(std::move(where)) {}

  result<std::vector<setting_row>> all(std::string_view prefix) override {
    const std::lock_guard lock(where_->guard);
    std::vector<setting_row> rows;
    for (const auto& [name, row] : where_->rows)
      if (name.starts_with(prefix))
        rows.push_back(row);
    return rows;
  }

  result<uint64_t> put(std::string_view name, std::string_view value, uint64_t expected) override {
    const std::lock_guard lock(where_->guard);
    const auto found = where_->rows.find(name);
    const auto present = found == where_->rows.end() ? 0 : found->second.version;
    if (present != expected)
      return failure{errc::conflict, "somebody else has changed it: version " +
                                         std::to_string(present) + ", not " +
                                         std::to_string(expected)};
    where_->rows.insert_or_assign(std::string(name),
                                  setting_row{std::string(name), std::string(value), expected + 1});
    return expected + 1;
  }

private:
  std::shared_ptr<table> where_;
};

std::unique_ptr<settings_store> memory_settings::open_settings() {
  return std::make_unique<session>(table_);
}

}  // namespace orrery
