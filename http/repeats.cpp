#include "http/repeats.hpp"

#include "http/problem.hpp"
#include "http/routes.hpp"

#include "base/log.hpp"

namespace orrery::http {

namespace {

keyed_request request_of(const request& in) {
  std::string content(to_string(in.verb));
  content.append(" ").append(in.target).append("\n");
  if (in.if_match)
    content.append(std::to_string(*in.if_match)).append("\n");
  content += in.body;
  return {in.principal, *in.idempotency_key, std::move(content)};
}

/// Whether the server asks for the same request once more: then nothing was carried out.
bool asks_again(const response& answer) {
  return (answer.status == 429 || answer.status == 503) && answer.retry_after_s > 0;
}

void carry_out(const exchange_ptr& ex, keyed_request what) {
  auto& book = *ex->options.answers;
  const bool secret = ex->matched->secret_answer;
  ex->keep_with([&book, what = std::move(what), secret](const response& answer,
                                                        std::function<void()> then) mutable {
    if (asks_again(answer))
      return book.forget(std::move(what), std::move(then));
    kept_answer kept{answer.status, secret ? std::string{} : answer.body, answer.location,
                     answer.version, secret};
    book.keep(std::move(what), std::move(kept), std::move(then));
  });
  try {
    ex->matched->handle(ex);
  } catch (const std::exception& e) {
    log::error("http.route_failed", {{"route", ex->matched->pattern}, {"what", e.what()}});
    ex->finish(plain_problem(500, "the request could not be handled", ex->in.target));
  }
}

void answer_again(const exchange_ptr& ex, kept_answer kept) {
  if (kept.withheld)
    return ex->fail({errc::conflict,
                     "this was done under the same Idempotency-Key; its answer is not kept",
                     "Idempotency-Key"});
  response out{.status = kept.status, .body = std::move(kept.body)};
  out.type = out.status == 204 ? media::none : out.status >= 400 ? media::problem : media::json;
  out.location = std::move(kept.location);
  out.version = kept.version;
  ex->finish(std::move(out));
}

}  // namespace

bool keeps_answers(const route& r) noexcept {
  return r.verb == method::post && !r.submits && r.needs != permission::open &&
         !r.pattern.starts_with("/api/auth/");
}

void handle_once(const exchange_ptr& ex) {
  auto what = request_of(ex->in);
  auto& book = *ex->options.answers;
  book.begin(what, [ex, what](result<key_standing> found) mutable {
    if (!found)
      return ex->fail(found.error());
    using enum key_standing::state;
    switch (found->is) {
      case fresh: {
        what.version = found->version;
        if (ex->open())
          return carry_out(ex, std::move(what));
        return ex->options.answers->forget(std::move(what), [] {});
      }
      case done: return answer_again(ex, std::move(found->answer));
      case running:
        return ex->fail({errc::unavailable,
                         "the first request with this Idempotency-Key is still being carried out",
                         "Idempotency-Key"});
      case lost:
        return ex->fail(
            {errc::conflict,
             "the first request with this Idempotency-Key was interrupted, and whether it "
             "was carried out is not known: look, then use another key",
             "Idempotency-Key"});
      case other:
        return ex->finish(plain_problem(
            422, "this Idempotency-Key was used before with another request", ex->in.target));
    }
  });
}

}  // namespace orrery::http
