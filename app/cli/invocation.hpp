#pragma once
/// One command as it was typed, and the request that it becomes.

#include "app/cli/command_table.hpp"
#include "app/cli/route_options.hpp"
#include "http/client.hpp"

#include <string>
#include <utility>
#include <vector>

namespace orrery::cli {

enum class output_form : uint8_t { text, wide, json, jsonl, yaml, name };

/// Where to, and how; the same for every command.
struct connection_words {
  std::string server;
  std::string token;
  std::string ca;
  std::string profile;
  std::string timeout;  ///< Empty = by variable or profile, else 30 seconds.
  std::string output;   ///< The same, else `text`.
};

struct invocation {
  const command* what = nullptr;
  std::vector<std::pair<const route_option*, std::vector<std::string>>> given;
  std::vector<std::string> sets;  ///< `member.path=value`, of `--set`.
  std::string file;               ///< Of the body; `-` is standard input.
  connection_words to;
  output_form output = output_form::text;
  bool headers = true;
  std::string times = "relative";  ///< How tables show when: `relative` or `iso`.
  bool all = false;                ///< Every page of a list.
  bool dry_run = false;            ///< Only shows the request.
  bool yes = false;                ///< Asks nothing.
  bool follow = false;             ///< Not what is there, but what comes: `logs -f`.
  std::string wait;                ///< Empty, or how long; `true` = an hour.
};

/// The file, or standard input where it is `-`. At most 64 MiB.
result<std::string> read_text(const std::string& path);

/// What must not be typed where others can see it: `-` (or nothing) is a line of standard input, asked for
/// without echo on a terminal, `@FILE` a file. `invalid` for anything else.
result<std::string> read_secret(const std::string& option, const std::string& word);

/// `invalid` names the option. A body is the file's, with what the options say put over it. A value
/// `@FILE` is the file's text; a secret must come from a file or standard input.
result<http::client_request> make_request(const invocation& wish);

}  // namespace orrery::cli
