#include "app/answer_office.hpp"

#include "base/log.hpp"
#include "base/sha256.hpp"
#include "codec/json.hpp"
#include "codec/object.hpp"

namespace orrery::app {

namespace {

constexpr size_t queue_max = 10'000;
/// After it, whoever began is taken for dead: longer than any request lasts.
constexpr duration running_max = 90s;
constexpr auto answers_table = identity_table::answers;

std::string hex_of(std::string_view bytes) {
  static constexpr char digits[] = "0123456789abcdef";
  std::string out;
  for (const uint8_t byte : sha256(bytes)) {
    out += digits[byte >> 4];
    out += digits[byte & 15];
  }
  return out;
}

/// The key itself is not kept: it may be guessed from, or be, something that is nobody's business.
std::string name_of_key(const keyed_request& what) {
  return hex_of(what.principal + '\0' + what.key);
}

identity_record record_of(const keyed_request& what, time_point now, const kept_answer* answer) {
  identity_record out{name_of_key(what), what.principal, {}, what.version, now + answer_kept};
  codec::json_writer json(out.body);
  json.begin_object().field("content", hex_of(what.content)).field("at", micros(now));
  if (answer != nullptr) {
    json.field("status", static_cast<int64_t>(answer->status));
    json.field("withheld", answer->withheld).field("version", answer->version);
    json.field("location", answer->location).field("body", answer->body);
  }
  json.end_object();
  return out;
}

}  // namespace

answer_office::answer_office(identity_source& where, const clock& time)
    : time_(time), store_(where.open_identity()), thread_("answers", queue_max) {}

answer_office::~answer_office() { stop(); }

void answer_office::stop() { thread_.stop(); }

void answer_office::begin(keyed_request what, std::function<void(result<key_standing>)> done) {
  if (!thread_.submit([this, what = std::move(what), done] { done(note(what)); }))
    done(failure{errc::busy, "too many requests with an Idempotency-Key wait"});
}

void answer_office::keep(keyed_request what, kept_answer answer, std::function<void()> done) {
  const bool queued =
      thread_.submit([this, what = std::move(what), answer = std::move(answer), done]() mutable {
        if (answer.body.size() > answer_bytes_max) {
          answer.body.clear();
          answer.withheld = true;
        }
        const auto kept = store_->put(answers_table, record_of(what, time_.now(), &answer));
        if (!kept)
          log::warning("answers.not_kept", {{"detail", kept.error().detail}});
        done();
      });
  if (!queued)
    done();
}

void answer_office::forget(keyed_request what, std::function<void()> done) {
  const bool queued = thread_.submit([this, what = std::move(what), done] {
    // Only our own note: where another has taken the key since, its version is another.
    const auto name = name_of_key(what);
    const auto found = store_->find(answers_table, name);
    if (found && *found && (*found)->version == what.version)
      (void)store_->remove(answers_table, name);
    done();
  });
  if (!queued)
    done();
}

result<key_standing> answer_office::note(const keyed_request& what) {
  purge_sometimes();
  const auto now = time_.now();
  auto made = store_->put(answers_table, record_of(what, now, nullptr));
  for (int tries = 0; !made && made.error().code == errc::conflict && tries < 3; ++tries) {
    const auto found = store_->find(answers_table, name_of_key(what));
    if (!found)
      return found.error();
    if (*found && (*found)->expires_at > now)
      return look(what, **found);
    auto again = what;
    again.version = *found ? (*found)->version : 0;
    made = store_->put(answers_table, record_of(again, now, nullptr));
  }
  if (!made)
    return failure{made.error().code == errc::conflict ? errc::unavailable : made.error().code,
                   made.error().detail};
  return key_standing{.is = key_standing::state::fresh, .version = *made};
}

result<key_standing> answer_office::look(const keyed_request& what, const identity_record& found) {
  const auto read = codec::json_object::read(found.body);
  if (!read)
    return failure{errc::corrupt, "a kept answer cannot be read"};
  key_standing out;
  if (read->text("content") != hex_of(what.content)) {
    out.is = key_standing::state::other;
  } else if (const auto status = read->whole("status")) {
    out.is = key_standing::state::done;
    out.answer = {static_cast<int>(*status), read->text("body").value_or(""),
                  read->text("location").value_or(""),
                  static_cast<uint64_t>(read->whole("version").value_or(0)),
                  read->flag("withheld").value_or(false)};
  } else {
    const auto begun = from_micros(read->whole("at").value_or(0));
    out.is = time_.now() - begun < running_max ? key_standing::state::running
                                               : key_standing::state::lost;
  }
  return out;
}

/// Also where nobody signs in, and so no sign-in purges.
void answer_office::purge_sometimes() {
  if (time_.now() - purged_at_ < 10min)
    return;
  purged_at_ = time_.now();
  (void)store_->purge(purged_at_);
}

}  // namespace orrery::app
