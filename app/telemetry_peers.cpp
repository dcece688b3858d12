#include "app/telemetry_peers.hpp"

#include "app/door.hpp"

namespace orrery::app {

namespace {

using namespace std::chrono_literals;

/// How long another node may take to read its log.
constexpr duration logs_patience = 4s;
constexpr duration news_patience = 2s;
constexpr duration ready_patience = 2s;

}  // namespace

void tell_log_to_peer(node_log_office& logs, const mesh_request& question,
                      std::function<void(mesh_reply)> done) {
  if (question.verb == verb_log_news)
    return done({0, logs.tell_news(question.body)});
  logs.answer_peer(question.body, [done = std::move(done)](result<std::string> told) {
    done(told ? mesh_reply{0, std::move(*told)} : mesh_reply{1, told.error().detail});
  });
}

void reach_logs_of_others(node_log_office& logs, const std::string& self, membership& members,
                          mesh& peers) {
  const auto ask = [&peers](uint8_t verb, duration patience) {
    return [&peers, verb, patience](const std::string& other, std::string question, auto done) {
      peers.ask(other, {.verb = verb, .body = std::move(question)}, patience,
                [done](result<mesh_reply> told) {
                  if (!told)
                    return done(std::move(told).error());
                  if (told->code != 0)
                    return done(failure{errc::unavailable, std::move(told->body)});
                  done(std::move(told->body));
                });
    };
  };
  logs.reach(
      [&members, self] {
        std::vector<std::string> names;
        for (const auto& one : members.nodes())
          if (one.name != self)
            names.push_back(one.name);
        return names;
      },
      ask(verb_logs, logs_patience), ask(verb_log_news, news_patience));
}

void ask_whether_ready(mesh* peers, const std::string& other,
                       std::function<void(result<bool>)> done) {
  if (peers == nullptr)
    return done(failure{errc::unavailable, "there is no mesh"});
  peers->ask(other, {.verb = verb_ready}, ready_patience, [done](result<mesh_reply> told) {
    if (!told)
      return done(std::move(told).error());
    done(told->code == 0 && told->body == "1");
  });
}

}  // namespace orrery::app
