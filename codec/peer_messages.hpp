#pragma once
/// The form in which nodes speak to each other about work (domain/ports/peers.hpp): the same wire format
/// as what is stored. A field is never given another meaning; what a node does not know it skips.

#include "domain/ports/peers.hpp"

#include <string>
#include <string_view>

namespace orrery::codec {

/// What a packet may hold, so that it stays below what the mesh carries.
inline constexpr size_t peer_packet_bytes = 900 * 1024;
/// Captured output that travels with an outcome; the newest of it.
inline constexpr size_t peer_output_bytes = 256 * 1024;

/// One message by itself, for a packet that is put together from such pieces.
std::string encode(const peer_message& message);
/// `pieces` are encoded messages; `head.messages` is not looked at.
std::string encode(const peer_packet& head, const std::vector<std::string_view>& pieces);
result<peer_packet> decode_peer_packet(std::string_view bytes);

std::string encode(const peer_receipt& receipt);
result<peer_receipt> decode_peer_receipt(std::string_view bytes);

}  // namespace orrery::codec
