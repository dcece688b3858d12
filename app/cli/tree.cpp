#include "app/cli/tree.hpp"

#include "app/cli/printer.hpp"
#include "app/cli/runner.hpp"

#include <CLI/CLI.hpp>
#include <iostream>
#include <memory>

namespace orrery::cli {

namespace {

/// One command with what its words are kept in; lives as long as the tree that calls it.
struct leaf {
  const command* what = nullptr;
  std::vector<route_option> options;
  std::vector<std::vector<std::string>> words;
  invocation wish;
};

void add_output(CLI::App& to, connection_words& into) {
  to.add_option_function<std::string>(
        "-o,--output",
        [&into](const std::string& text) {
          if (!parse_output(text))
            throw CLI::ValidationError("--output", "must be " + std::string(output_words));
          into.output = text;
        },
        std::string(output_words))
      ->type_name("FORM");
}

/// Also where it was said by variable or profile. False: it was no form, and the user is told.
bool choose_output(const std::string& command, const connection_words& words, output_form& into,
                   int& status) {
  const auto form = output_of(words);
  if (form)
    into = *form;
  else
    status = complain(command, complaint_of(form.error(), {}));
  return form.has_value();
}

std::string help_of(const route_option& option) {
  std::string out = option.help;
  if (!option.choices.empty()) {
    out += out.empty() ? "" : " ";
    out += "One of:";
    for (const auto& choice : option.choices)
      out += " " + choice;
  }
  if (option.secret)
    out += " - reads a line of standard input, @FILE a file.";
  return out;
}

void add_route_option(CLI::App& to, const route_option& option, std::vector<std::string>& into) {
  if (option.form == option_form::flag) {
    const bool follows = option.option == "--follow";
    to.add_flag(std::string(follows ? "-f," : "") + option.option + "{true}", into,
                help_of(option));
    return;
  }
  auto* made = to.add_option(option.option, into, help_of(option));
  made->expected(1)->allow_extra_args(false);
  if (option.form == option_form::texts)
    made->take_all()->expected(1, 1000);
  else
    made->multi_option_policy(CLI::MultiOptionPolicy::Throw);
  made->type_name(option.form == option_form::number ? "NUMBER"
                  : option.form == option_form::json ? "JSON"
                                                     : "TEXT");
  if (option.place == option_place::path)
    made->required()->type_name("");
}

void add_run_options(CLI::App& to, leaf& one) {
  const auto& r = *one.what->route;
  auto& wish = one.wish;
  add_output(to, wish.to);
  to.add_flag("!--no-headers", wish.headers, "Tables without their first line");
  to.add_option("--time-format", wish.times, "Of ages in tables. One of: relative iso")
      ->check(CLI::IsMember({"relative", "iso"}))
      ->type_name("FORM");
  const bool pages = r.parameters.find("cursor") != std::string_view::npos ||
                     r.parameters.find("before") != std::string_view::npos;
  if (pages)
    to.add_flag("--all", wish.all, "Every page of the list");
  if (r.body != http::body_kind::none) {
    to.add_option("-f,--file", wish.file, "JSON of the body; - is standard input")
        ->type_name("FILE");
    if (r.body == http::body_kind::single)
      to.add_option("--set", wish.sets, "member.path=value of the body; may be repeated")
          ->take_all()
          ->allow_extra_args(false)
          ->type_name("MEMBER=VALUE");
  }
  if (r.verb != http::method::get) {
    // Where the request itself can be tried, its own `--dry-run` is meant.
    if (to.get_option_no_throw("--dry-run") == nullptr)
      to.add_flag("--dry-run", wish.dry_run, "Show the request, send nothing");
    to.add_flag("-y,--yes", wish.yes, "Ask nothing");
  }
  if (r.name == "listLogLines")
    to.add_flag("-f,--follow", wish.follow, "Lines of all nodes as they are written, until Ctrl-C");
  if (one.what->row.waits != awaited::nothing)
    to.add_flag("--wait{true}", wish.wait,
                "Wait until it has ended, as --wait=5m; an hour where no time is given");
  add_connection_options(to, wish.to);
}

void add_words(CLI::App* to, const command& what, int& status) {
  auto one = std::make_shared<leaf>();
  one->what = &what;
  one->wish.what = &what;
  one->options = options_of(*what.route);
  one->words.resize(one->options.size());
  for (size_t i = 0; i < one->options.size(); ++i)
    add_route_option(*to, one->options[i], one->words[i]);
  add_run_options(*to, *one);
  to->callback([to, one, &status] {
    if (!to->get_subcommands().empty())
      return;  // of the noun, where a verb was given
    for (size_t i = 0; i < one->options.size(); ++i)
      if (!one->words[i].empty())
        one->wish.given.emplace_back(&one->options[i], one->words[i]);
    const auto& row = one->what->row;
    if (choose_output(std::string(row.noun) + " " + std::string(row.verb), one->wish.to,
                      one->wish.output, status))
      status = run(one->wish);
  });
}

void add_leaf(CLI::App& app, const command& what, int& status) {
  auto* noun = child_of(app, std::string(what.row.noun).c_str(),
                        std::string(help_of_noun(what.row.noun)).c_str());
  auto* verb =
      noun->add_subcommand(std::string(what.row.verb), std::string(what.route->description));
  if (const auto other = other_name_of_verb(what.row.verb); !other.empty())
    verb->alias(std::string(other));
  add_words(verb, what, status);
  // `orrery logs -f`, as everywhere: the noun alone lists.
  if (what.row.operation == "listLogLines") {
    noun->require_subcommand(0, 1);
    add_words(noun, what, status);
  }
}

void add_wait(CLI::App& app, const char* noun, awaited what, int& status) {
  auto wish = std::make_shared<invocation>();
  const auto id = std::make_shared<std::string>();
  auto command = std::make_shared<cli::command>();
  command->row = {.noun = noun, .verb = "wait", .operation = {}};
  wish->what = command.get();
  auto* to = child_of(app, noun, "")
                 ->add_subcommand("wait",
                                  "Waits until it has ended: 0 where it has ended well, 8 where "
                                  "not, 6 where it has not.");
  to->add_option("id", *id, "The id, or the reference it was submitted with")->required();
  to->add_option("--for", wish->wait, "How long at most; an hour where no time is given")
      ->type_name("DURATION");
  add_output(*to, wish->to);
  add_connection_options(*to, wish->to);
  to->callback([wish, id, command, what, &status] {
    if (!choose_output(std::string(command->row.noun) + " wait", wish->to, wish->output, status))
      return;
    auto connected = connection::open(wish->to);
    status = connected ? wait_for(*connected, *wish, what, *id)
                       : complain(std::string(command->row.noun) + " wait",
                                  complaint_of(connected.error(), {}));
  });
}

void add_watch(CLI::App& app, const char* noun, int& status) {
  auto wish = std::make_shared<watch_wish>();
  wish->noun = noun;
  const bool all = wish->noun == "events";
  auto* to = child_of(app, noun, std::string(help_of_noun(noun)).c_str())
                 ->add_subcommand("watch", all ? "Shows events as they happen."
                                               : "Shows its events, then what happens, until it "
                                                 "has ended.");
  if (all) {
    to->add_option("--kind", wish->kind, "task, order or schedule");
    to->add_option("--event", wish->events, "These events only: names, separated by commas");
    to->add_option("--after", wish->after, "Go on after the event with this place");
  } else {
    to->add_option("id", wish->id,
                   wish->noun == "schedules" ? "The id or the name"
                                             : "The id, or the reference it was submitted with")
        ->required();
    to->add_flag("--forever", wish->forever, "Go on after it has ended");
  }
  to->add_option("--count", wish->count, "End after that many")->check(CLI::PositiveNumber);
  add_output(*to, wish->to);
  add_connection_options(*to, wish->to);
  to->callback([wish, &status] {
    if (choose_output(wish->noun + " watch", wish->to, wish->output, status))
      status = watch(*wish);
  });
}

/// For what no command is made for.
void add_raw(CLI::App& app, int& status) {
  struct raw_wish {
    std::string verb, path, file;
    connection_words to;
  };
  auto wish = std::make_shared<raw_wish>();
  auto* to = app.add_subcommand("api", "Any request: orrery api GET /api/tasks?limit=1");
  to->add_option("method", wish->verb, "GET, POST, PUT, PATCH or DELETE")
      ->required()
      ->check(CLI::IsMember({"GET", "POST", "PUT", "PATCH", "DELETE"}));
  to->add_option("path", wish->path, "With its query, encoded")->required();
  to->add_option("-f,--file", wish->file, "The body; - is standard input")->type_name("FILE");
  add_connection_options(*to, wish->to);
  to->callback([wish, &status] {
    auto connected = connection::open(wish->to);
    auto body = wish->file.empty() ? result<std::string>(std::string{}) : read_text(wish->file);
    if (!connected || !body) {
      status = complain("api", complaint_of(connected ? body.error() : connected.error(), {}));
      return;
    }
    const auto path = wish->path.starts_with('/') ? wish->path : "/" + wish->path;
    const auto answer = connected->call({.verb = wish->verb, .target = path, .body = *body});
    if (!answer)
      status = complain("api", complaint_of(answer.error(), connected->server()));
    else if (exit_of(answer->status) != exit_ok)
      status = complain("api", complaint_of(*answer));
    if (answer)
      std::cout << answer->body
                << (answer->body.empty() || answer->body.ends_with('\n') ? "" : "\n");
  });
}

}  // namespace

void add_connection_options(CLI::App& to, connection_words& words) {
  const auto add = [&](const char* name, std::string& into, const char* help, const char* type) {
    // `auth bootstrap --token` is a member of its body; it is sent before there are tokens.
    if (to.get_option_no_throw(name) == nullptr)
      to.add_option(name, into, help)->type_name(type)->group("Connection");
  };
  add("--server", words.server, "http://host:port or https://host:port", "ADDRESS");
  add("--token", words.token, "Token or API key; better in a profile or in ORRERY_TOKEN", "TOKEN");
  add("--ca", words.ca, "PEM file of whom to trust besides the machine's own", "FILE");
  add("--profile", words.profile, "Server and token by name: orrery profiles", "NAME");
  add("--timeout", words.timeout, "For each call with its repetitions; 30s where none is given",
      "DURATION");
}

CLI::App* child_of(CLI::App& parent, const char* name, const char* help) {
  CLI::App* found = nullptr;
  for (auto* child : parent.get_subcommands({}))
    if (child->get_name() == name)
      found = child;
  if (found == nullptr) {
    found = parent.add_subcommand(name, help);
    found->require_subcommand(1);
  }
  if (found->get_aliases().empty())  // also of those that others have made
    for (const auto& other : other_names_of_noun(name))
      found->alias(std::string(other));
  return found;
}

void add_api_commands(CLI::App& app, int& status) {
  for (const auto& one : commands())
    add_leaf(app, one, status);
  add_wait(app, "tasks", awaited::task_success, status);
  add_wait(app, "orders", awaited::order_success, status);
  add_wait(app, "operations", awaited::operation, status);
  for (const auto* noun : {"tasks", "orders", "schedules", "events"})
    add_watch(app, noun, status);
  add_raw(app, status);
}

}  // namespace orrery::cli
