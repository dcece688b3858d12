#include "app/cli/connection.hpp"

#include "app/cli/printer.hpp"
#include "app/cli/profiles.hpp"
#include "codec/json_tree.hpp"

#include <algorithm>
#include <chrono>
#include <iostream>
#include <thread>

namespace orrery::cli {

namespace {

using steady = std::chrono::steady_clock;

bool may_repeat(const http::client_request& request) {
  if (request.verb != "POST" && request.verb != "PATCH")
    return true;
  return std::any_of(request.headers.begin(), request.headers.end(),
                     [](const auto& header) { return header.first == "Idempotency-Key"; });
}

}  // namespace

result<connection> connection::open(const connection_words& words) { return make(words, true); }

result<connection> connection::open_without_token(const connection_words& words) {
  return make(words, false);
}

result<connection> connection::make(const connection_words& words, bool with_token) {
  auto chosen =
      choose_profile({words.server, words.token, words.ca, {}, words.timeout}, words.profile);
  if (!chosen)
    return std::move(chosen).error();
  const auto timeout = parse_duration(chosen->timeout);
  if (!timeout || *timeout <= duration{})
    return failure{errc::invalid, "must be a duration, like 30s", "--timeout"};
  auto made = http::client::make({.server = chosen->server,
                                  .token = with_token ? chosen->token : std::string{},
                                  .ca_file = chosen->ca});
  if (!made)
    return std::move(made).error();
  return connection(std::move(*made), *timeout);
}

result<http::client_answer> connection::call(const http::client_request& request, bool patient) {
  const auto end = steady::now() + timeout_;
  const bool repeat = may_repeat(request);
  duration pause = 200ms;
  bool begun = patient;
  for (;;) {
    const auto left = std::chrono::duration_cast<duration>(end - steady::now());
    bool sent = false;
    auto answer = client_.call(request, std::max<duration>(left, 1ms), &sent);
    const bool refused = answer && (answer->status == 503 || answer->status == 429);
    if (answer && !refused)
      return answer;
    // A server that went away in the middle may come back; one that was never there is said at once.
    begun = begun || sent;
    const bool lost = !answer && answer.error().code == errc::unavailable;
    if (refused && answer->retry_after_s == 0)
      return answer;  // in doubt: the server does not ask for it again
    if (!(refused || (lost && begun)) || !repeat)
      return answer;
    const auto wait =
        refused ? std::max<duration>(pause, std::chrono::seconds{answer->retry_after_s}) : pause;
    if (steady::now() + wait >= end)
      return answer;
    std::this_thread::sleep_for(wait);
    pause = std::min<duration>(pause * 2, 2s);
  }
}

result<output_form> output_of(const connection_words& words) {
  const auto chosen = choose_profile({{}, {}, {}, words.output, {}}, words.profile);
  if (!chosen)
    return chosen.error();
  if (const auto form = parse_output(chosen->output))
    return *form;
  return failure{errc::invalid, "must be " + std::string(output_words), "--output"};
}

complaint complaint_of(const failure& why, const std::string& server) {
  complaint out;
  switch (why.code) {
    case errc::invalid: out.code = exit_usage; break;
    case errc::not_found: out.code = exit_usage; break;
    case errc::unavailable: out.code = exit_unavailable; break;
    case errc::in_doubt: out.code = exit_timed_out; break;
    default: out.code = exit_failed;
  }
  out.text = (why.field.empty() ? "" : why.field + " ") + why.detail;
  if (!server.empty())
    out.text += " (" + server + ")";
  return out;
}

complaint complaint_of(const http::client_answer& answer) {
  complaint out{exit_of(answer.status), {}};
  std::string about = "status " + std::to_string(answer.status);
  if (!answer.request_id.empty())
    about += ", request " + answer.request_id;
  const auto problem = codec::json_tree::read(answer.body);
  const auto* detail = problem ? problem->find("detail") : nullptr;
  const auto* title = problem ? problem->find("title") : nullptr;
  const auto* text = detail != nullptr ? detail : title;
  out.text = text != nullptr ? text->scalar : "the server refused";
  const auto* errors = problem ? problem->find("errors") : nullptr;
  if (errors != nullptr && errors->items.size() == 1)
    if (const auto* field = errors->items.front().find("field"))
      out.text = field->scalar + " " + out.text;
  out.text += " (" + about + ")";
  if (errors != nullptr && errors->items.size() > 1)
    for (const auto& one : errors->items) {
      const auto* field = one.find("field");
      const auto* message = one.find("message");
      out.text += "\n  " + (field != nullptr ? field->scalar : std::string{}) + " " +
                  (message != nullptr ? message->scalar : std::string{});
    }
  return out;
}

int complain(const std::string& command, const complaint& what) {
  std::string text;
  for (const char c : what.text)
    text += static_cast<unsigned char>(c) < 0x20 && c != '\n' ? ' ' : c;
  std::cerr << "orrery" << (command.empty() ? "" : " " + command) << ": " << text << '\n';
  return what.code;
}

}  // namespace orrery::cli
