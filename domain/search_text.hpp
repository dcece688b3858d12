#pragma once
/// How a text that somebody searches for becomes ranges and patterns of a store.

#include "domain/ids.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace orrery {

/// The least and the greatest id whose text begins so, in any case of letters; empty where none does.
std::optional<std::pair<entity_id, entity_id>> ids_beginning_with(std::string_view text);

/// `%text%` for SQL's LIKE with `\` as its escape: what it means to LIKE is taken from the text.
std::string like_pattern(std::string_view text);

}  // namespace orrery
