#pragma once
/// A list's filter as SQL, and the cursor between its pages.

#include "domain/ports/store.hpp"

#include <string>
#include <vector>

namespace orrery::postgres {

/// A statement with its parameters `$1`, `$2`, …
struct list_statement {
  std::string sql;
  std::vector<std::string> parameters;
  size_t limit =
      0;  ///< Items of the page; the statement asks for one more, to know of a next page.
};

/// `invalid` where the cursor is not one of ours.
result<list_statement> make_list(const entity_query& query);

/// The cursor after `last`.
std::string cursor_after(const entity& last);

}  // namespace orrery::postgres
