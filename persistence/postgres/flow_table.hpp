#pragma once
/// Flows in their table.

#include "domain/ports/flows.hpp"
#include "persistence/postgres/pqxx_session.hpp"

namespace orrery::postgres {

class flow_table final : public flow_shelf {
public:
  explicit flow_table(pqxx_session session) : session_(std::move(session)) {}

  result<flow> put(const flow& f, time_point now) override;
  result<std::vector<flow>> newest() override;
  result<flow> get(std::string_view name, uint32_t version) override;

private:
  pqxx_session session_;
};

}  // namespace orrery::postgres
