#include "app/cli/runner.hpp"

#include "app/cli/printer.hpp"
#include "base/clock.hpp"
#include "base/uuid.hpp"
#include "http/repeats.hpp"

#include <algorithm>
#include <iostream>
#include <unistd.h>

namespace orrery::cli {

namespace {

using codec::json_tree;

std::string name_of_command(const invocation& wish) {
  return std::string(wish.what->row.noun) + " " + std::string(wish.what->row.verb);
}

const http::client_request& with_key(http::client_request& request, const http::route& route) {
  const bool has = std::any_of(request.headers.begin(), request.headers.end(),
                               [](const auto& h) { return h.first == "Idempotency-Key"; });
  if ((route.submits || http::keeps_answers(route)) && !has) {
    system_random chance;
    request.headers.emplace_back(
        "Idempotency-Key",
        "cli-" +
            to_string(make_uuid_v7(system_clock().now(),
                                   static_cast<uint16_t>(chance.next() & 0xfff), chance.next())));
  }
  return request;
}

int show_request(const http::client_request& request, const std::string& server) {
  std::cout << request.verb << ' ' << server << request.target << '\n';
  for (const auto& [name, value] : request.headers)
    std::cout << name << ": " << value << '\n';
  if (!request.body.empty())
    std::cout << '\n' << request.body << '\n';
  return exit_ok;
}

/// What many are touched by is asked for once more, where somebody is there to answer.
bool confirmed(const invocation& wish) {
  const auto& r = *wish.what->route;
  const bool grave = r.verb == http::method::erase || r.name == "beginOperation" ||
                     r.name == "discardDeadLetters" || r.name == "redriveDeadLetters";
  if (!grave || wish.yes || isatty(STDIN_FILENO) == 0 || isatty(STDERR_FILENO) == 0)
    return true;
  std::cerr << name_of_command(wish) << ": " << r.description << " Go on? [y/N] " << std::flush;
  std::string line;
  std::getline(std::cin, line);
  return line == "y" || line == "Y" || line == "yes";
}

/// The pages after the first, put behind it. The answer's `next` becomes null.
result<void> fetch_rest(connection& to, http::client_request request, json_tree& answer,
                        http::client_answer& last) {
  auto base = request.target;
  for (;;) {
    const auto* next = answer.find("next");
    if (next == nullptr || next->is == json_tree::form::null)
      return {};
    const auto name = std::string(request.target.find("/api/audit") == 0 ? "before=" : "cursor=");
    request.target = base + (base.find('?') == std::string::npos ? "?" : "&") + name +
                     http::url_encode(next->scalar);
    auto got = to.call(request);
    if (!got)
      return std::move(got).error();
    last = std::move(*got);
    if (last.status != 200)
      return {};
    auto page = json_tree::read(last.body);
    if (!page)
      return std::move(page).error();
    for (auto& [key, value] : answer.members)
      if (key == "items")
        if (auto* more = const_cast<json_tree*>(page->find("items")))
          std::move(more->items.begin(), more->items.end(), std::back_inserter(value.items));
    const auto* after = page->find("next");
    answer.set("next", after == nullptr ? json_tree{} : *after);
  }
}

/// A refusal within a list that was taken item by item.
int code_of_items(const json_tree& answer) {
  const auto* items = answer.find("items");
  if (items == nullptr)
    return exit_ok;
  const bool refused =
      std::any_of(items->items.begin(), items->items.end(), [](const json_tree& one) {
        const auto* status = one.find("status");
        return status != nullptr && status->is == json_tree::form::number;
      });
  return refused ? exit_failed : exit_ok;
}

std::string id_in(const std::string& body) {
  const auto tree = json_tree::read(body);
  if (!tree)
    return {};
  for (const auto name : {"taskId", "orderId", "operationId"})
    if (const auto* id = tree->find(name))
      return id->scalar;
  return {};
}

int finish(connection& to, const invocation& wish, const http::client_request& request,
           http::client_answer answer) {
  const auto command = name_of_command(wish);
  if (answer.status < 200 || answer.status > 299)
    return complain(command, complaint_of(answer));
  if (!wish.wait.empty()) {
    const auto id = id_in(answer.body);
    return id.empty() ? complain(command, {exit_failed, "the answer names nothing to wait for"})
                      : wait_for(to, wish, wish.what->row.waits, id);
  }
  auto tree = json_tree::read(answer.body);
  if (wish.all && tree) {
    if (auto ok = fetch_rest(to, request, *tree, answer); !ok)
      return complain(command, complaint_of(ok.error(), to.server()));
    if (answer.status != 200)
      return complain(command, complaint_of(answer));
    std::string whole;
    tree->write(whole);
    print_answer(wish, whole);
    return exit_ok;
  }
  print_answer(wish, answer.body);
  const auto* next = tree ? tree->find("next") : nullptr;
  if (next != nullptr && next->is != json_tree::form::null && isatty(STDERR_FILENO) != 0 &&
      isatty(STDOUT_FILENO) != 0)
    std::cerr << "there is more: --all, or --cursor " << next->scalar << '\n';
  return tree ? code_of_items(*tree) : exit_ok;
}

}  // namespace

void print_answer(const invocation& wish, const std::string& body) {
  if (body.empty())
    return;
  const auto tree = json_tree::read(body);
  if (!tree) {  // lines of JSON, or no JSON at all
    std::cout << body << (body.ends_with('\n') ? "" : "\n");
    return;
  }
  std::cout << print(*tree, {wish.output, wish.what->row, wish.headers, system_clock().now(),
                             wish.times == "relative"});
}

int run(const invocation& wish) {
  const auto command = name_of_command(wish);
  auto request = make_request(wish);
  if (!request)
    return complain(command, complaint_of(request.error(), {}));
  auto to = connection::open(wish.to);
  if (!to)
    return complain(command, complaint_of(to.error(), {}));
  if (!wish.wait.empty())
    if (const auto limit = read_wait(wish.wait); !limit)
      return complain(command, {exit_usage, limit.error().detail});
  with_key(*request, *wish.what->route);
  if (wish.dry_run)
    return show_request(*request, to->server());
  if (wish.follow || request->target.find("follow=true") != std::string::npos) {
    watch_wish stream;
    stream.noun = wish.what->row.noun;
    stream.verb = wish.what->row.verb;
    stream.target = request->target;
    stream.output = wish.output;
    stream.to = wish.to;
    return watch(stream);
  }
  if (!confirmed(wish))
    return complain(command, {exit_failed, "not done"});
  auto answer = to->call(*request);
  if (!answer)
    return complain(command, complaint_of(answer.error(), to->server()));
  return finish(*to, wish, *request, std::move(*answer));
}

}  // namespace orrery::cli
