#include "app/cli/exit_codes.hpp"
#include "app/cli/profiles.hpp"
#include "app/cli/tree.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <iostream>
#include <memory>
#include <set>

namespace orrery::cli {

namespace {

constexpr const char* bash_script = R"(# bash completion of orrery: source <(orrery completion bash)
_orrery() {
  local IFS=$'\n'
  mapfile -t COMPREPLY < <(orrery __complete "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
}
complete -o default -F _orrery orrery
)";

constexpr const char* zsh_script = R"(#compdef orrery
# zsh completion of orrery: source <(orrery completion zsh)
_orrery() {
  local -a found
  found=("${(@f)$(orrery __complete "${(@)words[2,CURRENT]}" 2>/dev/null)}")
  found=(${found:#})
  if (( $#found )); then compadd -a found; else _files; fi
}
compdef _orrery orrery
)";

constexpr const char* fish_script = R"(# fish completion of orrery: orrery completion fish | source
function __orrery_complete
  set -l words (commandline -opc) (commandline -ct)
  orrery __complete $words[2..-1] 2>/dev/null
end
complete -c orrery -a '(__orrery_complete)'
)";

bool hidden(const CLI::App& one) { return one.get_name().starts_with("__"); }

std::vector<std::string> long_names(const CLI::Option& option) {
  std::vector<std::string> out;
  for (const auto& name : option.get_lnames())
    out.push_back("--" + name);
  for (const auto& name : option.get_snames())
    out.push_back("-" + name);
  return out;
}

const CLI::Option* option_named(const CLI::App& at, const std::string& word) {
  for (const auto* option : at.get_options()) {
    const auto names = long_names(*option);
    if (std::find(names.begin(), names.end(), word) != names.end())
      return option;
  }
  return nullptr;
}

/// Words that may stand for a value: those a help text lists after `One of:`.
std::vector<std::string> values_of(const CLI::Option& option) {
  std::vector<std::string> out;
  if (option.check_lname("profile")) {
    if (const auto book = read_profiles(profile_file()))
      for (const auto& [name, one] : book->profiles)
        out.push_back(name);
    return out;
  }
  if (option.check_lname("output"))
    return {"text", "wide", "json", "jsonl", "yaml", "name"};
  const auto& help = option.get_description();
  const auto at = help.find("One of:");
  if (at == std::string::npos)
    return out;
  for (std::string_view rest = std::string_view(help).substr(at + 7); !rest.empty();) {
    const auto word = rest.substr(0, rest.find(' '));
    rest.remove_prefix(std::min(rest.size(), word.size() + 1));
    if (!word.empty())
      out.emplace_back(word);
  }
  return out;
}

/// What may stand where the last of `words` is begun.
std::vector<std::string> candidates(const CLI::App& root, const std::vector<std::string>& words) {
  const CLI::App* at = &root;
  const CLI::Option* open = nullptr;  // waits for its value
  for (size_t i = 0; i + 1 < words.size(); ++i) {
    if (open != nullptr) {
      open = nullptr;
      continue;
    }
    if (words[i].starts_with('-')) {
      const auto* option = option_named(*at, words[i]);
      open = option != nullptr && option->get_items_expected_min() > 0 ? option : nullptr;
      continue;
    }
    for (const auto* child : at->get_subcommands([](const CLI::App*) { return true; }))
      if (child->check_name(words[i])) {
        at = child;
        break;
      }
  }
  const auto begun = words.empty() ? std::string{} : words.back();
  std::vector<std::string> all;
  if (open != nullptr) {
    all = values_of(*open);
  } else if (begun.starts_with('-')) {
    for (const auto* option : at->get_options())
      for (auto& name : long_names(*option))
        all.push_back(std::move(name));
  } else {
    for (const auto* child : at->get_subcommands([](const CLI::App*) { return true; }))
      if (!hidden(*child))
        all.push_back(child->get_name());
  }
  std::vector<std::string> out;
  for (auto& one : all)
    if (one.starts_with(begun))
      out.push_back(std::move(one));
  return out;
}

/// Text for troff: nothing in it is a request or an escape, and all of it ASCII.
std::string roff(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0xc0) {
      const size_t more = byte >= 0xf0 ? 3 : byte >= 0xe0 ? 2 : 1;
      unsigned code = byte & (0x3fU >> more);
      for (size_t k = 0; k < more && i + 1 < text.size(); ++k)
        code = code << 6 | (static_cast<unsigned char>(text[++i]) & 0x3fU);
      char name[16];
      std::snprintf(name, sizeof name, "\\[u%04X]", code);
      out += name;
    } else if (c == '\\')
      out += "\\e";
    else if (c == '-')
      out += "\\-";
    else if ((c == '.' || c == '\'') && (out.empty() || out.back() == '\n'))
      out.append("\\&") += c;
    else
      out += c;
  }
  return out;
}

void write_options(const CLI::App& of, bool connection) {
  for (const auto* option : of.get_options()) {
    if ((option->get_group() == "Connection") != connection || option->check_lname("help"))
      continue;
    std::string names;
    for (const auto& name : long_names(*option))
      names.append(names.empty() ? "" : ", ").append(name);
    if (names.empty())
      names = option->get_name(true);
    std::cout << ".TP\n.B " << roff(names);
    if (const auto type = option->get_type_name(); !type.empty())
      std::cout << "\n.RI \" " << roff(type) << "\"";
    std::cout << '\n'
              << roff(option->get_description().empty() ? names : option->get_description())
              << '\n';
  }
}

void write_command(const CLI::App& of, const std::string& path) {
  const auto children = of.get_subcommands([](const CLI::App* a) { return !hidden(*a); });
  if (!path.empty() && children.empty()) {
    std::cout << ".SS \"" << roff(path);
    for (const auto* option : of.get_options())
      if (option->get_positional())
        std::cout << ' ' << roff(option->get_name(true));
    std::cout << "\"\n" << roff(of.get_description()) << '\n';
    for (const auto& other : of.get_aliases())
      std::cout << "Also\n.BR " << roff(other) << " .\n";
    write_options(of, false);
  }
  for (const auto* child : children)
    write_command(*child, path + (path.empty() ? "" : " ") + child->get_name());
}

int write_manual(const CLI::App& root) {
  std::cout
      << ".TH ORRERY 1 \"\" \"orrery " << roff(root.version().substr(0, 64))
      << "\" \"User Commands\"\n.SH NAME\norrery \\- orders and tasks that do not get lost\n"
         ".SH SYNOPSIS\n.B orrery\n.I noun verb\n.RI [ words \" ...] [\" options ]\n"
         ".SH DESCRIPTION\nOne program is the node (\n.B orrery serve\n) and the client of its "
         "API.\nNouns have other names:\n";
  std::string others;
  for (const auto* noun : root.get_subcommands([](const CLI::App*) { return true; }))
    for (const auto& other : noun->get_aliases())
      others.append(others.empty() ? "" : ", ").append(other).append(" for ") += noun->get_name();
  std::cout << roff(others) << ".\n.SH COMMANDS\n";
  write_command(root, {});
  std::cout << ".SH CONNECTION\nOf every command that asks a server.\n";
  for (const auto* noun :
       root.get_subcommands([](const CLI::App* a) { return a->get_name() == "tasks"; }))
    for (const auto* verb :
         noun->get_subcommands([](const CLI::App* a) { return a->get_name() == "list"; }))
      write_options(*verb, true);
  std::cout << ".SH EXIT STATUS\n";
  for (size_t code = 0; code < exit_texts.size(); ++code)
    std::cout << ".TP\n.B " << code << '\n' << roff(exit_texts[code]) << '\n';
  std::cout << ".SH ENVIRONMENT\n.TP\n.B ORRERY_SERVER, ORRERY_TOKEN, ORRERY_CA, ORRERY_PROFILE, "
               "ORRERY_OUTPUT, ORRERY_TIMEOUT\n"
               "Count where the option is not given, and before the profile.\n.TP\n"
               ".B ORRERY_CLI_CONFIG\nThe file of profiles.\n.SH FILES\n.TP\n"
               ".I ~/.config/orrery/cli.toml\nProfiles; mode 0600.\n";
  return exit_ok;
}

}  // namespace

void add_document_commands(CLI::App& app, int& status) {
  const auto shell = std::make_shared<std::string>();
  auto* completion = app.add_subcommand("completion", "A script by which a shell completes words.");
  completion->add_option("shell", *shell, "One of: bash zsh fish")
      ->required()
      ->check(CLI::IsMember({"bash", "zsh", "fish"}));
  completion->callback([shell] {
    std::cout << (*shell == "bash" ? bash_script : *shell == "zsh" ? zsh_script : fish_script);
  });

  auto* complete = app.add_subcommand("__complete", "What the scripts ask.")->group("");
  complete->prefix_command();
  complete->set_help_flag();  // `--help` is a word like others here
  complete->callback([&app, complete] {
    for (const auto& one : candidates(app, complete->remaining()))
      std::cout << one << '\n';
  });

  app.add_subcommand("man", "The manual page: orrery man > orrery.1")->callback([&app, &status] {
    status = write_manual(app);
  });
}

}  // namespace orrery::cli
