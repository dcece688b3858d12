#include "app/cli/invocation.hpp"
#include "codec/json.hpp"
#include "codec/json_tree.hpp"

#include <cstdio>
#include <fstream>
#include <iostream>
#include <termios.h>
#include <unistd.h>

namespace orrery::cli {

namespace {

using codec::json_tree;

constexpr size_t file_bytes_max = 64 * 1024 * 1024;

/// A line without showing it.
result<std::string> ask_secret(const std::string& name) {
  std::string line;
  termios before{};
  const bool terminal = isatty(STDIN_FILENO) != 0 && tcgetattr(STDIN_FILENO, &before) == 0;
  if (terminal) {
    std::cerr << name << ": " << std::flush;
    auto silent = before;
    silent.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent);
  }
  std::getline(std::cin, line);
  if (terminal) {
    tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
    std::cerr << '\n';
  }
  if (line.ends_with('\r'))
    line.pop_back();
  if (line.empty())
    return failure{errc::invalid, "wants a line of standard input", name};
  return line;
}

result<std::string> value_of(const route_option& option, const std::string& word) {
  if (option.secret)
    return read_secret(option.option, word);
  if (word.starts_with('@')) {
    auto text = read_text(word.substr(1));
    if (!text)
      return failure{errc::invalid, text.error().detail, option.option};
    while (option.form != option_form::json && (text->ends_with('\n') || text->ends_with('\r')))
      text->pop_back();
    return text;
  }
  return word;
}

bool is_number(const std::string& text) {
  return !text.empty() && text.find_first_not_of("0123456789+-.eE") == std::string::npos &&
         codec::check_json(text).has_value();
}

/// What is JSON is meant as such, anything else is text.
json_tree json_or_text(const std::string& text) {
  auto tree = json_tree::read(text);
  return tree ? std::move(*tree) : json_tree::of_text(text);
}

result<json_tree> body_value(const route_option& option, const std::vector<std::string>& words) {
  auto list = json_tree::of_list();
  for (const auto& word : words) {
    const auto text = value_of(option, word);
    if (!text)
      return text.error();
    switch (option.form) {
      case option_form::text: return json_tree::of_text(*text);
      case option_form::texts: list.items.push_back(json_tree::of_text(*text)); break;
      case option_form::json: return json_or_text(*text);
      case option_form::number:
        if (!is_number(*text))
          return failure{errc::invalid, "must be a number, not '" + *text + "'", option.option};
        return json_tree{.is = json_tree::form::number, .scalar = *text};
      case option_form::flag:
        if (*text != "true" && *text != "false")
          return failure{errc::invalid, "must be true or false", option.option};
        return json_tree{.is = json_tree::form::boolean, .scalar = *text};
    }
  }
  return list;
}

/// Lines of JSON, and not one value over several lines.
bool is_lines(const std::string& text) {
  const auto first = text.substr(0, text.find('\n'));
  return text.find_first_not_of(" \t\r\n", first.size()) != std::string::npos &&
         codec::check_json(first).has_value();
}

result<void> add_body(const invocation& wish, http::client_request& out) {
  std::string text;
  if (!wish.file.empty()) {
    auto read = read_text(wish.file);
    if (!read)
      return failure{errc::invalid, read.error().detail, "--file"};
    text = std::move(*read);
  }
  if (wish.what->route->body == http::body_kind::batch) {
    if (wish.file.empty())
      return failure{errc::invalid, "is needed: a list of JSON, or one object per line", "--file"};
    if (is_lines(text))
      out.type = "application/x-ndjson";
    out.body = std::move(text);
    return {};
  }
  auto body = json_tree::of_object();
  if (!text.empty()) {
    auto tree = json_tree::read(text);
    if (!tree)
      return failure{errc::invalid, wish.file + " " + tree.error().detail, "--file"};
    if (tree->is != json_tree::form::object)
      return failure{errc::invalid, wish.file + " must hold an object", "--file"};
    body = std::move(*tree);
  }
  for (const auto& [option, words] : wish.given) {
    if (option->place != option_place::body)
      continue;
    auto value = body_value(*option, words);
    if (!value)
      return std::move(value).error();
    body.set(option->name, std::move(*value));
  }
  for (const auto& set : wish.sets) {
    const auto equals = set.find('=');
    if (equals == std::string::npos || equals == 0)
      return failure{errc::invalid, "wants member=value, not '" + set + "'", "--set"};
    body.set(set.substr(0, equals), json_or_text(set.substr(equals + 1)));
  }
  body.write(out.body);
  return {};
}

result<void> add_fields(const route_option& option, const std::vector<std::string>& words,
                        std::string& query) {
  for (const auto& word : words) {
    const auto equals = word.find('=');
    if (equals == std::string::npos || equals == 0)
      return failure{errc::invalid, "wants KEY=VALUE, not '" + word + "'", option.option};
    query.append(query.empty() ? "?" : "&").append(option.name).append(".");
    query.append(http::url_encode(word.substr(0, equals))).append("=");
    query += http::url_encode(word.substr(equals + 1));
  }
  return {};
}

}  // namespace

result<std::string> read_secret(const std::string& option, const std::string& word) {
  if (word.empty() || word == "-")
    return ask_secret(option);
  if (!word.starts_with('@'))
    return failure{errc::invalid,
                   "can be seen by others on a command line: give - (a line of standard input) or "
                   "@FILE",
                   option};
  auto text = read_text(word.substr(1));
  while (text && (text->ends_with('\n') || text->ends_with('\r')))
    text->pop_back();
  return text ? text : failure{errc::invalid, text.error().detail, option};
}

result<std::string> read_text(const std::string& path) {
  std::ifstream file;
  if (path != "-") {
    file.open(path, std::ios::binary);
    if (!file)
      return failure{errc::not_found, "cannot read " + path};
  }
  auto& from = path == "-" ? std::cin : file;
  std::string text;
  char piece[16 * 1024];
  while (from.read(piece, sizeof piece) || from.gcount() > 0) {
    text.append(piece, static_cast<size_t>(from.gcount()));
    if (text.size() > file_bytes_max)
      return failure{errc::invalid, path + " is longer than 64 MiB"};
  }
  if (from.bad())
    return failure{errc::not_found, "cannot read " + path};
  return text;
}

result<http::client_request> make_request(const invocation& wish) {
  const auto& route = *wish.what->route;
  http::client_request out;
  out.verb = http::to_string(route.verb);
  std::string path(route.pattern);
  std::string query;
  for (const auto& [option, words] : wish.given) {
    if (option->place == option_place::body)
      continue;
    if (option->fields) {
      if (auto ok = add_fields(*option, words, query); !ok)
        return std::move(ok).error();
      continue;
    }
    std::string text;
    for (const auto& word : words)
      text.append(text.empty() ? "" : ",").append(word);
    if (option->place == option_place::path) {
      const auto open = path.find('{');
      const auto close = path.find('}');
      if (text.empty())
        return failure{errc::invalid, "must not be empty", option->option};
      path.replace(open, close - open + 1, http::url_encode(text));
    } else if (option->place == option_place::header) {
      out.headers.emplace_back(option->name, text);
    } else {
      query.append(query.empty() ? "?" : "&").append(option->name).append("=");
      query += http::url_encode(text);
    }
  }
  out.target = path + query;
  if (route.body != http::body_kind::none)
    if (auto ok = add_body(wish, out); !ok)
      return std::move(ok).error();
  return out;
}

}  // namespace orrery::cli
