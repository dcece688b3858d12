/// The routes of dead letters.

#include "http/handlers.hpp"
#include "http/routes.hpp"

#include <array>

namespace orrery::http {

namespace {

using enum method;

constexpr route settle(std::string_view pattern, std::string_view name, bool many,
                       std::string_view body, std::string_view description) {
  return {.verb = post,
          .pattern = pattern,
          .handle = many ? handlers::settle_letters : handlers::settle_letter,
          .needs = permission::operate,
          .name = name,
          .group = "dead-letters",
          .description = description,
          .body = body_kind::single,
          .request = body,
          .answer = many ? "LetterTally" : "DeadLetter",
          .parameters = many ? "" : "letterId",
          .errors = many ? "" : "409"};
}

constexpr std::array letter_table{
    route{.pattern = "/api/dead-letters",
          .handle = handlers::letters,
          .name = "listDeadLetters",
          .group = "dead-letters",
          .description = "Records that could not be read or applied, by time, newest first.",
          .answer = "DeadLetterList",
          .parameters =
              "letterTopic letterState letterReason letterFrom letterTo order cursor limit"},
    route{.pattern = "/api/dead-letters/{id}",
          .handle = handlers::letter,
          .name = "getDeadLetter",
          .group = "dead-letters",
          .description = "One dead letter, whole, with the producer's headers.",
          .answer = "DeadLetter",
          .parameters = "letterId"},
    settle("/api/dead-letters/redrive", "redriveDeadLetters", true, "LettersRedrive",
           "Sends the open letters of a filter again, the oldest first."),
    settle("/api/dead-letters/discard", "discardDeadLetters", true, "LettersDiscard",
           "Discards the open letters of a filter."),
    settle("/api/dead-letters/{id}/redrive", "redriveDeadLetter", false, "LetterRedrive",
           "Sends a letter again, to the partition it came from, with its key and headers; with "
           "another value where one is given."),
    settle("/api/dead-letters/{id}/discard", "discardDeadLetter", false, "LetterDiscard",
           "Discards a letter; it stays readable."),
};

}  // namespace

std::span<const route> letter_routes() noexcept { return letter_table; }

}  // namespace orrery::http
