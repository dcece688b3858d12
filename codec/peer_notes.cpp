#include "codec/peer_notes.hpp"

#include "codec/detail/wire.hpp"

namespace orrery::codec {

namespace detail {

// Not in an unnamed namespace: the templates of the wire format find these by their first argument.

template <class T, class Plain>
concept form_of_note = std::same_as<std::remove_const_t<T>, Plain>;

template <class Archive, form_of_note<lease_wish> T>
void fields(Archive& a, T& x) {
  a.text(1, x.worker);
  a.list(2, x.queues);
  a.list(3, x.kinds);
  a.list(4, x.labels);
  a.number(5, x.max);
  a.span(6, x.wait);
}
template <class Archive, form_of_note<lease_id> T>
void fields(Archive& a, T& x) {
  a.id(1, x.task);
  a.number(2, x.token.run);
  a.number(3, x.token.attempt);
  a.number(4, x.epoch.value);
  a.text(5, x.secret);
}
template <class Archive, form_of_note<leased_task> T>
void fields(Archive& a, T& x) {
  a.message(1, x.lease);
  a.text(2, x.kind);
  a.text(3, x.queue);
  a.text(4, x.payload);
  a.span(5, x.ttl);
  a.span(6, x.heartbeat);
  a.time(7, x.started_at);
  a.text(8, x.cursor);
  a.text(9, x.traceparent);
}

inline void wishes(wire_writer& a, uint32_t field, const std::vector<lease_wish>& all) {
  for (const auto& one : all)
    a.message(field, one);
}
inline void wishes(field_reader& a, uint32_t field, std::vector<lease_wish>& all) {
  lease_wish one;
  one.max = 0;  // no wish has none, so it shows whether one was read
  a.message(field, one);
  if (one.max > 0)
    all.push_back(std::move(one));
}
inline void seed(wire_writer& a, uint32_t field, const std::array<uint8_t, 32>& bytes) {
  a.bytes(field, {reinterpret_cast<const char*>(bytes.data()), bytes.size()});
}
inline void seed(field_reader& a, uint32_t field, std::array<uint8_t, 32>& bytes) {
  std::string text;
  a.text(field, text);
  if (text.size() == bytes.size())
    std::copy(text.begin(), text.end(), reinterpret_cast<char*>(bytes.data()));
}

template <class Archive, form_of_note<worker_notes::want> T>
void fields(Archive& a, T& x) {
  wishes(a, 1, x.wishes);
}
template <class Archive, form_of_note<worker_notes::claim> T>
void fields(Archive& a, T& x) {
  a.number(1, x.number);
  seed(a, 2, x.seed);
  a.message(3, x.wish);
}
template <class Archive, form_of_note<worker_notes::claimed> T>
void fields(Archive& a, T& x) {
  a.number(1, x.number);
  a.number(2, x.tasks);
}
template <class Archive, form_of_note<worker_notes::available> T>
void fields(Archive& a, T& x) {
  a.text(1, x.queue);
  a.text(2, x.kind);
  a.number(3, x.tasks);
}
template <class Archive, form_of_note<worker_notes::leased> T>
void fields(Archive& a, T& x) {
  a.number(1, x.number);
  a.message(2, x.item);
}
template <class Archive, form_of_note<worker_notes::declined> T>
void fields(Archive& a, T& x) {
  a.number(1, x.number);
}
template <class Archive, form_of_note<worker_notes::taken> T>
void fields(Archive& a, T& x) {
  a.id(1, x.task);
  a.number(2, x.token.run);
  a.number(3, x.token.attempt);
  a.choice(4, x.yes, true, false);
}
template <class Archive, form_of_note<worker_notes::orders> T>
void fields(Archive& a, T& x) {
  a.text(1, x.worker);
  a.choice(2, x.what.quiet, true, false);
  a.choice(3, x.what.terminate, true, false);
}

template <class Archive, form_of_note<quota_note> T>
void fields(Archive& a, T& x) {
  a.text(1, x.queue);
  a.choice(2, x.answer, true, false);
  a.number(3, x.number);
  a.number(4, x.holds);
  a.number(5, x.wants);
  a.number(6, x.slots);
  a.number(7, x.starts);
}

template <class Archive, form_of_note<attempt_note> T>
void fields(Archive& a, T& x) {
  a.id(1, x.task);
  a.number(2, x.token.run);
  a.number(3, x.token.attempt);
  a.number(4, x.epoch.value);
  a.span(5, x.left);
  a.choice(6, x.expired, true, false);
}

}  // namespace detail

namespace {

constexpr uint32_t first_worker_note = 1;
constexpr uint32_t number_of_quota_note = 32;
constexpr uint32_t number_of_attempt_note = 33;

template <size_t I>
bool read_as(const peer::note& note, std::optional<worker_note>& into) {
  if (note.what != first_worker_note + I)
    return false;
  std::variant_alternative_t<I, worker_note> one;
  if (detail::read_message(note.body, one))
    into = std::move(one);
  return true;
}

}  // namespace

peer::note encode_note(const worker_note& note) {
  peer::note out;
  out.what = first_worker_note + static_cast<uint32_t>(note.index());
  detail::wire_writer writer(out.body);
  std::visit([&](const auto& one) { fields(writer, one); }, note);
  return out;
}

result<worker_note> decode_worker_note(const peer::note& note) {
  std::optional<worker_note> out;
  const bool known = [&]<size_t... I>(std::index_sequence<I...>) {
    return (read_as<I>(note, out) || ...);
  }
  (std::make_index_sequence<std::variant_size_v<worker_note>>{});
  if (!known)
    return failure{errc::not_found, "no note about workers"};
  if (!out)
    return failure{errc::corrupt, "the note cannot be read"};
  return *std::move(out);
}

peer::note encode_note(const quota_note& note) {
  peer::note out;
  out.what = number_of_quota_note;
  detail::wire_writer writer(out.body);
  fields(writer, note);
  return out;
}

result<quota_note> decode_quota_note(const peer::note& note) {
  quota_note out;
  if (note.what != number_of_quota_note)
    return failure{errc::not_found, "no note about a quota"};
  if (!detail::read_message(note.body, out))
    return failure{errc::corrupt, "the note cannot be read"};
  return out;
}

peer::note encode_note(const attempt_note& note) {
  peer::note out;
  out.what = number_of_attempt_note;
  detail::wire_writer writer(out.body);
  fields(writer, note);
  return out;
}

result<attempt_note> decode_attempt_note(const peer::note& note) {
  attempt_note out;
  if (note.what != number_of_attempt_note)
    return failure{errc::not_found, "no note about an attempt"};
  if (!detail::read_message(note.body, out))
    return failure{errc::corrupt, "the note cannot be read"};
  return out;
}

}  // namespace orrery::codec
