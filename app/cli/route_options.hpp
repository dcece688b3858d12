#pragma once
/// The words that a route's command takes: its path's parts, its query and header parameters, and the
/// members of its body, read from the schemas of the API.

#include "http/routes.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace orrery::cli {

enum class option_place : uint8_t { path, query, header, body };
/// How the word becomes JSON.
enum class option_form : uint8_t { text, number, flag, texts, json };

struct route_option {
  option_place place = option_place::query;
  option_form form = option_form::text;
  std::string name;  ///< As the API writes it.
  std::string
      option;  ///< As the command line does: `--created-from`, or `id` where it has a place.
  std::string help;
  std::vector<std::string> choices;
  bool fields = false;  ///< Of the query: words `KEY=VALUE`, each a parameter of its own.
  bool required = false;
  bool secret = false;  ///< Not to be typed where others can see it.
};

/// In the order in which they are shown.
std::vector<route_option> options_of(const http::route& route);

}  // namespace orrery::cli
