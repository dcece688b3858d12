#include "app/cli/connection.hpp"
#include "app/cli/printer.hpp"
#include "app/cli/profiles.hpp"
#include "app/cli/tree.hpp"
#include "codec/json_tree.hpp"

#include <CLI/CLI.hpp>
#include <iostream>
#include <memory>
#include <unistd.h>

namespace orrery::cli {

namespace {

using codec::json_tree;

struct account_wish {
  connection_words to;
  std::string user;
  std::string password;
  std::string expires = "P30D";
  profile values;
  std::string name;
};

/// An answer with status `wanted` as a tree, or why not.
result<json_tree> ask(connection& to, const http::client_request& request, complaint& why) {
  auto answer = to.call(request);
  if (!answer)
    why = complaint_of(answer.error(), to.server());
  else if (answer->status > 299)
    why = complaint_of(*answer);
  else if (answer->body.empty())
    return json_tree{};
  else
    return json_tree::read(answer->body);
  return failure{errc::rejected, why.text};
}

std::string text_at(const json_tree& tree, std::string_view path) {
  const auto* found = tree.find(path);
  return found == nullptr ? std::string{} : found->scalar;
}

http::client_request with_token(http::client_request request, const std::string& token) {
  request.headers.emplace_back("Authorization", "Bearer " + token);
  return request;
}

std::string key_name() {
  char host[128] = "unknown";
  gethostname(host, sizeof host - 1);
  return std::string("command line at ") + host;
}

/// Password to session, session to API key, and the session's end: what the profile holds can be listed
/// and revoked by name, and two commands at once do not fight for one refresh token.
result<std::string> make_key(connection& to, const account_wish& wish, const std::string& password,
                             complaint& why) {
  auto body = json_tree::of_object();
  body.set("name", json_tree::of_text(wish.user));
  body.set("password", json_tree::of_text(password));
  std::string text;
  body.write(text);
  const auto tokens = ask(to, {.verb = "POST", .target = "/api/auth/login", .body = text}, why);
  if (!tokens)
    return tokens.error();
  const auto access = text_at(*tokens, "accessToken");
  const auto me = ask(to, with_token({.target = "/api/auth/me"}, access), why);
  if (!me)
    return me.error();
  auto wanted = json_tree::of_object();
  wanted.set("name", json_tree::of_text(key_name()));
  wanted.set("expiresIn", json_tree::of_text(wish.expires));
  auto scopes = json_tree::of_list();
  if (const auto* all = me->find("permissions"))
    for (const auto& one : all->items)
      if (one.scalar != "open")
        scopes.items.push_back(one);
  wanted.set("scopes", std::move(scopes));
  text.clear();
  wanted.write(text);
  const auto key =
      ask(to, with_token({.verb = "POST", .target = "/api/keys", .body = text}, access), why);
  complaint ignored;
  (void)ask(to, with_token({.verb = "POST", .target = "/api/auth/logout", .body = "{}"}, access),
            ignored);
  if (!key)
    return key.error();
  return text_at(*key, "key");
}

std::string profile_name(const account_wish& wish, const profile_book& book) {
  return !wish.to.profile.empty() ? wish.to.profile
         : !book.current.empty()  ? book.current
                                  : "default";
}

int login(account_wish& wish) {
  const auto password = read_secret("--password", wish.password);
  if (!password)
    return complain("login", complaint_of(password.error(), {}));
  auto book = read_profiles(profile_file());
  if (!book)
    return complain("login", complaint_of(book.error(), {}));
  const auto name = profile_name(wish, *book);
  auto& mine = book->profiles[name];
  auto words = wish.to;
  words.profile.clear();  // it may not be there yet
  if (words.server.empty())
    words.server = mine.server;
  if (words.ca.empty())
    words.ca = mine.ca;
  auto to = connection::open_without_token(words);
  if (!to)
    return complain("login", complaint_of(to.error(), {}));
  complaint why;
  auto key = make_key(*to, wish, *password, why);
  if (!key)
    return complain("login", why);
  mine.server = to->server();
  mine.token = *key;
  mine.ca = words.ca;
  if (book->current.empty())
    book->current = name;
  if (auto ok = write_profiles(profile_file(), *book); !ok)
    return complain("login", complaint_of(ok.error(), {}));
  std::cout << "signed in at " << to->server() << " as " << wish.user << " (profile " << name
            << ")\n";
  return exit_ok;
}

int log_out(account_wish& wish) {
  auto book = read_profiles(profile_file());
  if (!book)
    return complain("logout", complaint_of(book.error(), {}));
  const auto found = book->profiles.find(profile_name(wish, *book));
  if (found == book->profiles.end() || found->second.token.empty())
    return complain("logout", {exit_unauthorised, "there is no token in the profile"});
  auto words = wish.to;
  words.token = found->second.token;
  words.server = found->second.server;
  words.ca = found->second.ca;
  words.profile.clear();
  auto to = connection::open(words);
  if (!to)
    return complain("logout", complaint_of(to.error(), {}));
  // The key first: while it counts it is kept, so that a second try finds it.
  complaint why;
  const auto me = ask(*to, {.target = "/api/auth/me"}, why);
  if (!me && why.code != exit_unauthorised)
    return complain("logout", why);
  if (me) {
    const auto id = text_at(*me, "key");
    if (!id.empty() &&
        !ask(*to, {.verb = "DELETE", .target = "/api/keys/" + http::url_encode(id)}, why))
      return complain("logout", why);
  }
  found->second.token.clear();
  if (auto ok = write_profiles(profile_file(), *book); !ok)
    return complain("logout", complaint_of(ok.error(), {}));
  std::cout << "signed out\n";
  return exit_ok;
}

int list_profiles() {
  const auto book = read_profiles(profile_file());
  if (!book)
    return complain("profiles list", complaint_of(book.error(), {}));
  for (const auto& [name, one] : book->profiles)
    std::cout << (name == book->current ? "* " : "  ") << name << "  " << one.server
              << (one.token.empty() ? "" : "  (token)") << '\n';
  return exit_ok;
}

/// All but the token, of which it says that there is one.
int show_profile(const std::string& name) {
  const auto book = read_profiles(profile_file());
  if (!book)
    return complain("profiles get", complaint_of(book.error(), {}));
  const auto found = book->profiles.find(name);
  if (found == book->profiles.end())
    return complain("profiles get", {exit_not_found, "there is no profile " + name});
  const auto& one = found->second;
  for (const auto& [key, value] :
       {std::pair{"server", one.server}, std::pair{"ca", one.ca}, std::pair{"output", one.output},
        std::pair{"timeout", one.timeout},
        std::pair{"token", std::string(one.token.empty() ? "" : "***")}})
    if (!value.empty())
      std::cout << key << std::string(10 - std::string_view(key).size(), ' ') << value << '\n';
  return exit_ok;
}

int change_profiles(const std::string& command, const account_wish& wish) {
  auto book = read_profiles(profile_file());
  if (!book)
    return complain(command, complaint_of(book.error(), {}));
  const bool known = book->profiles.count(wish.name) > 0;
  if (command == "profiles set") {
    auto& one = book->profiles[wish.name];
    if (!wish.values.token.empty()) {
      const auto token = read_secret("--token", wish.values.token);
      if (!token)
        return complain(command, complaint_of(token.error(), {}));
      one.token = *token;
    }
    if (!wish.values.server.empty())
      one.server = wish.values.server;
    if (!wish.values.ca.empty())
      one.ca = std::filesystem::absolute(wish.values.ca);
    if (!wish.values.output.empty())
      one.output = wish.values.output;
    if (!wish.values.timeout.empty())
      one.timeout = wish.values.timeout;
    if (book->current.empty())
      book->current = wish.name;
  } else if (!known) {
    return complain(command, {exit_not_found, "there is no profile " + wish.name});
  } else if (command == "profiles use") {
    book->current = wish.name;
  } else {
    book->profiles.erase(wish.name);
    if (book->current == wish.name)
      book->current.clear();
  }
  if (auto ok = write_profiles(profile_file(), *book); !ok)
    return complain(command, complaint_of(ok.error(), {}));
  return exit_ok;
}

}  // namespace

void add_account_commands(CLI::App& app, int& status) {
  const auto wish = std::make_shared<account_wish>();
  auto* in = app.add_subcommand("login", "Signs in, and keeps an API key in the profile.");
  in->add_option("--user", wish->user, "Name of the user")->required();
  in->add_option("--password", wish->password,
                 "- reads a line of standard input, @FILE a file; asked for where not given")
      ->default_str("-");
  in->add_option("--expires-in", wish->expires, "How long the key counts; 30 days")
      ->type_name("DURATION");
  add_connection_options(*in, wish->to);
  in->callback([wish, &status] { status = login(*wish); });
  auto* out = app.add_subcommand("logout", "Revokes the profile's API key and forgets it.");
  add_connection_options(*out, wish->to);
  out->callback([wish, &status] { status = log_out(*wish); });

  auto* noun = child_of(app, "profiles", "Servers and tokens by name, in a file of yours");
  noun->add_subcommand("list", "The profiles; * is the one in use.")->callback([&status] {
    status = list_profiles();
  });
  noun->add_subcommand("path", "Where the file is.")->callback([] {
    std::cout << profile_file().string() << '\n';
  });
  auto* get = noun->add_subcommand("get", "A profile, its token not shown.");
  get->add_option("name", wish->name, "Name of the profile")->required();
  get->callback([wish, &status] { status = show_profile(wish->name); });
  for (const auto& [verb, help] : {std::pair{"set", "Makes or changes a profile."},
                                   std::pair{"use", "Makes a profile the one in use."},
                                   std::pair{"delete", "Forgets a profile."}}) {
    auto* one = noun->add_subcommand(verb, help);
    one->add_option("name", wish->name, "Name of the profile")->required();
    if (std::string_view(verb) == "set") {
      one->add_option("--server", wish->values.server, "http://host:port or https://host:port");
      one->add_option("--token", wish->values.token,
                      "- reads a line of standard input, @FILE a file");
      one->add_option("--ca", wish->values.ca, "PEM file of whom to trust")->type_name("FILE");
      one->add_option("--output", wish->values.output, "What `-o` is where it is not given")
          ->check([](const std::string& text) {
            return parse_output(text) ? std::string{} : "must be " + std::string(output_words);
          })
          ->type_name("FORM");
      one->add_option("--timeout", wish->values.timeout, "The same of `--timeout`")
          ->check([](const std::string& text) {
            return parse_duration(text) ? std::string{} : "must be a duration, like 30s";
          })
          ->type_name("DURATION");
    }
    one->callback([wish, command = std::string("profiles ") + verb, &status] {
      status = change_profiles(command, *wish);
    });
  }
}

}  // namespace orrery::cli
