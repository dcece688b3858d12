#pragma once
/// Settings in memory: for tests. Kept as long as the source or any session lives.

#include "domain/ports/settings.hpp"

#include <map>
#include <mutex>

namespace orrery {

class memory_settings final : public settings_source {
public:
  std::unique_ptr<settings_store> open_settings() override;

private:
  struct table {
    std::mutex guard;
    std::map<std::string, setting_row, std::less<>> rows;
  };
  class session;
  std::shared_ptr<table> table_ = std::make_shared<table>();
};

}  // namespace orrery
