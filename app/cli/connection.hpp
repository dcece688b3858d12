#pragma once
/// Calls to the server with their patience: what may safely be sent again is.

#include "app/cli/exit_codes.hpp"
#include "app/cli/invocation.hpp"

namespace orrery::cli {

/// Why a command ended early: what is written to standard error, and the exit status.
struct complaint {
  int code = exit_failed;
  std::string text;
};

class connection {
public:
  /// Finds the server; `where` is what the user typed.
  static result<connection> open(const connection_words& words);
  /// For who has no token yet.
  static result<connection> open_without_token(const connection_words& words);

  /// An answer of any status, within `timeout` for all tries together. Sent again after 429 and 503 (when
  /// the server says so) and after a lost connection, where the request only reads, sets, or carries an
  /// `Idempotency-Key`. `patient`: also while nobody listens there.
  result<http::client_answer> call(const http::client_request& request, bool patient = false);
  http::client& raw() noexcept { return client_; }
  duration timeout() const noexcept { return timeout_; }
  const std::string& server() const noexcept { return client_.server(); }

private:
  static result<connection> make(const connection_words& words, bool with_token);
  connection(http::client client, duration timeout)
      : client_(std::move(client)), timeout_(timeout) {}

  http::client client_;
  duration timeout_;
};

/// The form of answers that was asked for: by option, variable or profile.
result<output_form> output_of(const connection_words& words);

/// Of a call that had no answer.
complaint complaint_of(const failure& why, const std::string& server);
/// Of an answer that is a refusal: its sentence, the members it names, status and request.
complaint complaint_of(const http::client_answer& answer);
/// Writes it, and gives its status.
int complain(const std::string& command, const complaint& what);

}  // namespace orrery::cli
