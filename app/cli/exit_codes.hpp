#pragma once
/// What the exit status of `orrery` says; docs/cli.md has the same table.

#include <array>
#include <string_view>

namespace orrery::cli {

enum exit_code : int {
  exit_ok = 0,
  exit_failed = 1,        ///< Anything without a number of its own.
  exit_usage = 2,         ///< The command line, a file, or the request itself is wrong.
  exit_not_found = 3,     ///< There is no such thing.
  exit_conflict = 4,      ///< The present state does not allow it.
  exit_unauthorised = 5,  ///< Not signed in, or not allowed.
  exit_timed_out = 6,     ///< No answer, or no end, in time.
  exit_unavailable = 7,   ///< Nobody answers there, or not just now.
  exit_unsuccessful = 8,  ///< What was waited for has ended, but not well.
};

inline constexpr std::array<std::string_view, 9> exit_texts = {
    "It is done.",
    "Something failed that has no number of its own.",
    "The command line, a file or the request is wrong.",
    "There is no such thing.",
    "The present state does not allow it, or another request came first.",
    "Not signed in, or not allowed.",
    "No answer, or no end of what was waited for, in time.",
    "The server cannot be reached, or takes nothing just now.",
    "What was waited for has ended, but without success."};

/// Of an answer with this status.
constexpr int exit_of(int status) noexcept {
  switch (status) {
    case 400:
    case 405:
    case 413:
    case 414:
    case 415: return exit_usage;
    case 401:
    case 403: return exit_unauthorised;
    case 404: return exit_not_found;
    case 409:
    case 412:
    case 422: return exit_conflict;
    case 408:
    case 504: return exit_timed_out;
    case 429:
    case 502:
    case 503: return exit_unavailable;
    default: return status >= 200 && status < 300 ? exit_ok : exit_failed;
  }
}

}  // namespace orrery::cli
