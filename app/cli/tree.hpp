#pragma once
/// The commands of the API client, put into the program's tree of commands.

namespace CLI {
class App;
}

namespace orrery::cli {

struct connection_words;

/// Adds all of them. `status` becomes the exit status of the one that runs.
void add_api_commands(CLI::App& app, int& status);
/// login, logout and profiles.
void add_account_commands(CLI::App& app, int& status);
/// completion and man, made from the tree as it then is: added last.
void add_document_commands(CLI::App& app, int& status);

/// `--server`, `--token` and the like.
void add_connection_options(CLI::App& to, connection_words& words);
/// The child of that name; made where there is none.
CLI::App* child_of(CLI::App& parent, const char* name, const char* help);

}  // namespace orrery::cli
