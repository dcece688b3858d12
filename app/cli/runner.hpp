#pragma once
/// Runs one command against the server: asks, waits where that was wanted, prints. Answers with the exit
/// status. What people read goes to standard output, what went wrong to standard error.

#include "app/cli/connection.hpp"

namespace orrery::cli {

int run(const invocation& wish);

/// `tasks wait ID`, `orders wait ID`, and `--wait` of commands. Prints what has ended.
int wait_for(connection& to, const invocation& wish, awaited what, const std::string& id);
/// How long `--wait` waits: `true` is an hour.
result<duration> read_wait(const std::string& text);
/// Prints an answer's JSON; text that is no JSON as it is.
void print_answer(const invocation& wish, const std::string& body);

/// `watch`: a stream of events, until its entity has ended, `count` were printed, or Ctrl-C; or another
/// stream, until the server says that it is complete. Goes on after
/// a lost connection, without gap or repetition, as long as the server is back within `timeout`.
struct watch_wish {
  std::string verb = "watch";
  std::string noun;  ///< orders, tasks or events
  std::string id;    ///< Empty for all.
  std::string kind;
  std::string events;
  std::string after;
  std::string target;    ///< Another stream than that of events: `tasks logs -f`.
  int64_t count = 0;     ///< 0 = no limit.
  bool forever = false;  ///< Also after the entity has ended.
  output_form output = output_form::text;
  connection_words to;
};
int watch(const watch_wish& wish);

}  // namespace orrery::cli
