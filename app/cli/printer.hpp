#pragma once
/// Answers in the form that was asked for. Pure: text in, text out.

#include "app/cli/invocation.hpp"
#include "base/time.hpp"
#include "codec/json_tree.hpp"

#include <optional>
#include <string>

namespace orrery::cli {

struct print_wish {
  output_form form = output_form::text;
  command_row row = {};
  bool headers = true;
  time_point now{};  ///< What ages are counted from.
  bool ages = true;  ///< False: tables show the times themselves.
};

inline constexpr std::string_view output_words = "text, wide, json, jsonl, yaml or name";

/// `answer` in the form wanted, with its line end. `json` is the API's own JSON, indented; `jsonl` one line
/// for each item; `name` what each is called by. Control characters in text never reach the terminal.
std::string print(const codec::json_tree& answer, const print_wish& wish);

/// On one line and harmless to a terminal: an id or a reason may hold what somebody else wrote.
std::string harmless(std::string_view text);
/// One block of YAML 1.2.
std::string to_yaml(const codec::json_tree& value);
/// `5s`, `3m`, `7h`, `2d`; `<none>` for what is no time.
std::string age_of(std::string_view rfc3339, time_point now);
/// Id, name or number of an object: what a command about it would be given. Empty where it has none.
std::string name_of(const codec::json_tree& item, std::string_view noun = {});
std::optional<output_form> parse_output(std::string_view text);

}  // namespace orrery::cli
