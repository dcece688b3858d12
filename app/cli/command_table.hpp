#pragma once
/// The commands that are calls of the API, as data. Path, options and help of a command come from the
/// route's own row and schemas (http/table_*.cpp, http/api/*.json); here stands what only a command line
/// needs. Help, completion and the manual page are made from the same tree.

#include "http/routes.hpp"

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace orrery::cli {

/// What `--wait` of a command waits for.
enum class awaited : uint8_t {
  nothing,
  task_success,
  task_end,
  order_success,
  order_end,
  operation
};

struct command_row {
  std::string_view noun;
  std::string_view verb;
  std::string_view operation;  ///< The route's name.
  /// Columns of `-o text`, as `NAME:path`, separated by spaces; `NAME:path~` is shown as an age. Empty: an
  /// object is shown member by member.
  std::string_view columns = {};
  std::string_view wide = {};  ///< Further columns of `-o wide`.
  awaited waits = awaited::nothing;
  std::string_view items = "items";  ///< Where the list is in the answer.
};

struct noun_row {
  std::string_view name;
  std::string_view help;
  std::string_view others = {};  ///< By which it may be called as well, separated by spaces.
};

struct command {
  command_row row;
  const http::route* route = nullptr;
};

/// All of them: the table's rows whose route exists, then one for every route that has no row, named after
/// its group and itself.
const std::vector<command>& commands();
std::span<const noun_row> nouns() noexcept;
std::string_view help_of_noun(std::string_view noun) noexcept;
/// Names that people bring from elsewhere: `task`, `dlq`; `describe` for `get`. Empty where there is none.
std::vector<std::string_view> other_names_of_noun(std::string_view noun);
std::string_view other_name_of_verb(std::string_view verb) noexcept;
/// Where the words stand for no command: null.
const command* find_command(std::string_view noun, std::string_view verb);
/// `createdFrom` as `created-from`.
std::string kebab(std::string_view name);

}  // namespace orrery::cli
