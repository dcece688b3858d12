#include "actors/executors/command.hpp"

#include "codec/payload.hpp"

#include <set>

namespace orrery {

namespace {

using arguments = std::map<std::string, std::string, std::less<>>;

bool is_first(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
bool is_next(char c) { return is_first(c) || (c >= '0' && c <= '9') || c == '-'; }

/// The name of the placeholder that begins at `at` (an opening brace); empty = it is plain text.
std::string_view placeholder(std::string_view text, size_t at) {
  size_t end = at + 1;
  if (end >= text.size() || !is_first(text[end]))
    return {};
  while (end < text.size() && is_next(text[end]))
    ++end;
  return end < text.size() && text[end] == '}' ? text.substr(at + 1, end - at - 1)
                                               : std::string_view{};
}

result<std::string> fill(std::string_view element, const arguments& args,
                         std::set<std::string, std::less<>>& used) {
  std::string out;
  for (size_t i = 0; i < element.size(); ++i) {
    if (element[i] != '{') {
      out += element[i];
    } else if (i + 1 < element.size() && element[i + 1] == '{') {
      out += '{';
      ++i;
    } else if (const auto name = placeholder(element, i); name.empty()) {
      out += '{';
    } else {
      const auto found = args.find(name);
      if (found == args.end())
        return failure{errc::invalid, "the command needs this argument",
                       "args." + std::string(name)};
      used.emplace(name);
      out += found->second;
      i += name.size() + 1;
    }
  }
  return out;
}

failure bad_command(const std::string& name, std::string detail) {
  return failure{errc::invalid, "command " + name + ": " + std::move(detail), "commands." + name};
}

bool holds_nul(std::string_view text) { return text.find('\0') != std::string_view::npos; }

result<void> check_command(const std::string& name, const command_template& command) {
  if (command.argv.empty() || !command.argv.front().starts_with('/'))
    return bad_command(name, "argv must begin with the absolute path of a program");
  const auto& program = command.argv.front();
  for (size_t i = 0; i < program.size(); ++i)
    if (program[i] == '{' && !placeholder(program, i).empty())
      return bad_command(name, "the program itself must not hold a placeholder");
  for (const auto& element : command.argv)
    if (holds_nul(element))
      return bad_command(name, "argv must not hold a NUL character");
  if (!command.directory.starts_with('/') || holds_nul(command.directory))
    return bad_command(name, "the working directory must be an absolute path");
  for (const auto& [key, value] : command.environment)
    if (key.empty() || key.find('=') != std::string::npos || holds_nul(key) || holds_nul(value) ||
        key.starts_with("ORRERY_"))
      return bad_command(name, "the variable " + key + " cannot be set");
  return {};
}

}  // namespace

result<void> check_commands(const command_table& commands) {
  for (const auto& [name, command] : commands)
    if (auto fine = check_command(name, command); !fine)
      return fine;
  return {};
}

result<command_line> fill_command(const command_table& commands, const std::string& payload) {
  auto read = codec::read_exec_payload(payload);
  if (!read)
    return std::move(read).error();
  const auto found = commands.find(read->command);
  if (found == commands.end())
    return failure{errc::invalid, "no such command is configured: " + read->command, "command"};
  if (auto fine = check_command(found->first, found->second); !fine)
    return std::move(fine).error();

  const arguments args(read->args.begin(), read->args.end());
  std::set<std::string, std::less<>> used;
  command_line line{.command = &found->second,
                    .argv = {found->second.argv.front()},
                    .stdin_text = std::move(read->stdin_text)};
  for (size_t i = 1; i < found->second.argv.size(); ++i) {
    auto element = fill(found->second.argv[i], args, used);
    if (!element)
      return std::move(element).error();
    line.argv.push_back(*std::move(element));
  }
  for (const auto& [name, value] : args)
    if (!used.contains(name))
      return failure{errc::invalid, "the command knows no such argument", "args." + name};
  return line;
}

}  // namespace orrery
