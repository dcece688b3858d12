#include "codec/peer_messages.hpp"

#include "codec/detail/wire.hpp"

namespace orrery::codec {

namespace detail {

// Not in an unnamed namespace: the templates of the wire format find these by their first argument.

template <class T, class Plain>
concept form_of_peer = std::same_as<std::remove_const_t<T>, Plain>;

template <class Archive, form_of_peer<kind_load> T>
void fields(Archive& a, T& x) {
  a.text(1, x.kind);
  a.number(2, x.slots);
  a.number(3, x.used);
  a.number(4, x.lent);
  a.number(5, x.waiting);
  a.span(6, x.oldest);
}
template <class Archive, form_of_peer<queue_load> T>
void fields(Archive& a, T& x) {
  a.text(1, x.queue);
  a.text(2, x.kind);
  a.number(3, x.waiting);
  a.span(4, x.oldest);
}
template <class Archive, form_of_peer<work_item> T>
void fields(Archive& a, T& x) {
  a.id(1, x.task);
  a.number(2, x.token.run);
  a.number(3, x.token.attempt);
  a.number(4, x.epoch.value);
  a.text(5, x.kind);
  a.text(6, x.payload);
  a.span(7, x.ttl);
  a.text(8, x.traceparent);
  a.text(9, x.cursor);
}
template <class Archive, form_of_peer<work_outcome> T>
void fields(Archive& a, T& x) {
  a.choice(1, x.succeeded, true, false);
  a.text(2, x.result);
  a.text(3, x.error);
  a.text(4, x.error_code);
  a.choice(5, x.retryable, true, true);
  a.span(6, x.retry_after);
  a.text(7, x.output);
}

/// Elements of a list come one field each.
template <class Element>
void list(codec::detail::wire_writer& a, uint32_t field, const std::vector<Element>& all) {
  for (const auto& one : all)
    a.message(field, one);
}
template <class Element>
void list(codec::detail::field_reader& a, uint32_t field, std::vector<Element>& all) {
  Element one;
  const auto before = one;
  a.message(field, one);
  if (!(one == before))
    all.push_back(std::move(one));
}

template <class Archive, form_of_peer<peer::load> T>
void fields(Archive& a, T& x) {
  list(a, 1, x.of.kinds);
  list(a, 2, x.of.queues);
}
template <class Archive, class T>
  requires(form_of_peer<T, peer::borrow> || form_of_peer<T, peer::lend> ||
           form_of_peer<T, peer::give_back> || form_of_peer<T, peer::recall>)
void fields(Archive& a, T& x) {
  a.text(1, x.kind);
  a.number(2, x.slots);
}
template <class Archive, form_of_peer<peer::start> T>
void fields(Archive& a, T& x) {
  a.message(1, x.item);
}
template <class Archive, form_of_peer<peer::stop> T>
void fields(Archive& a, T& x) {
  a.id(1, x.task);
  a.number(2, x.token.run);
  a.number(3, x.token.attempt);
  a.choice(4, x.mode, stop_mode::now, stop_mode::graceful);
  a.number(5, x.epoch.value);
}
template <class Archive, form_of_peer<peer::note> T>
void fields(Archive& a, T& x) {
  a.number(1, x.what);
  a.text(2, x.body);
}
template <class Archive, form_of_peer<peer::ended> T>
void fields(Archive& a, T& x) {
  a.id(1, x.task);
  a.number(2, x.token.run);
  a.number(3, x.token.attempt);
  a.message(4, x.outcome);
  a.choice(5, x.interrupted, true, false);
  a.number(6, x.epoch.value);
}

}  // namespace detail

namespace {

using namespace detail;

constexpr uint64_t packet_version = 1;

// Fields of a packet; the messages follow under `first_message` + their number in the variant.
constexpr uint32_t field_version = 1;
constexpr uint32_t field_from = 2;
constexpr uint32_t field_session = 3;
constexpr uint32_t field_of = 4;
constexpr uint32_t field_number = 5;
constexpr uint32_t first_message = 16;

template <size_t I>
bool read_as(const wire_field& field, std::vector<peer_message>& into) {
  if (field.number != first_message + I)
    return true;
  std::variant_alternative_t<I, peer_message> one;
  if (field.type != wire_type::bytes || !read_message(field.bytes, one))
    return false;
  into.emplace_back(std::move(one));
  return true;
}

bool read_peer_message(const wire_field& field, std::vector<peer_message>& into) {
  return [&]<size_t... I>(std::index_sequence<I...>) { return (read_as<I>(field, into) && ...); }
  (std::make_index_sequence<std::variant_size_v<peer_message>>{});
}

failure corrupt() { return {errc::corrupt, "the packet cannot be read"}; }

}  // namespace

std::string encode(const peer_message& message) {
  std::string bytes;
  wire_writer out(bytes);
  std::visit(
      [&](const auto& one) {
        out.message(first_message + static_cast<uint32_t>(message.index()), one);
      },
      message);
  return bytes;
}

std::string encode(const peer_packet& head, const std::vector<std::string_view>& pieces) {
  size_t room = 64 + head.from.size();
  for (const auto& piece : pieces)
    room += piece.size();
  std::string bytes;
  bytes.reserve(room);
  wire_writer out(bytes);
  out.scalar(field_version, packet_version);
  out.text(field_from, head.from);
  out.scalar(field_session, head.session);
  out.number(field_of, head.of);
  out.scalar(field_number, head.number);
  for (const auto& piece : pieces)
    bytes += piece;
  return bytes;
}

result<peer_packet> decode_peer_packet(std::string_view bytes) {
  peer_packet packet;
  uint64_t version = 0;
  wire_reader reader(bytes);
  wire_field field;
  while (reader.next(field)) {
    field_reader taker(field);
    taker.number(field_version, version);
    taker.text(field_from, packet.from);
    taker.number(field_session, packet.session);
    taker.number(field_of, packet.of);
    taker.number(field_number, packet.number);
    if (taker.bad() || !read_peer_message(field, packet.messages))
      return corrupt();
  }
  if (reader.broken() || version == 0 || packet.from.empty() || packet.session == 0)
    return corrupt();
  return packet;
}

std::string encode(const peer_receipt& receipt) {
  std::string bytes;
  wire_writer out(bytes);
  out.scalar(1, receipt.session);
  out.number(2, receipt.taken ? 1 : 0);
  return bytes;
}

result<peer_receipt> decode_peer_receipt(std::string_view bytes) {
  peer_receipt receipt;
  int taken = 0;
  wire_reader reader(bytes);
  wire_field field;
  while (reader.next(field)) {
    field_reader taker(field);
    taker.number(1, receipt.session);
    taker.number(2, taken);
    if (taker.bad())
      return corrupt();
  }
  if (reader.broken() || receipt.session == 0)
    return corrupt();
  receipt.taken = taken == 1;
  return receipt;
}

}  // namespace orrery::codec
