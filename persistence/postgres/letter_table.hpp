#pragma once
/// Dead letters in their table: what operators ask of them. Written by the journal (commit_rows.cpp).

#include "domain/ports/dead_letters.hpp"
#include "persistence/postgres/pqxx_session.hpp"

namespace orrery::postgres {

class letter_table final : public letter_store {
public:
  explicit letter_table(pqxx_session session) : session_(std::move(session)) {}

  result<letter_page> find(const letter_query& query) override;
  result<stored_letter> get(int64_t number) override;
  result<std::vector<result<void>>> move(const std::vector<letter_move>& steps) override;

private:
  pqxx_session session_;
};

}  // namespace orrery::postgres
