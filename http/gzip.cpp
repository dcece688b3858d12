#include "http/gzip.hpp"

#include "http/target.hpp"

#include <boost/beast/zlib/deflate_stream.hpp>
#include <boost/crc.hpp>

#include <cstdint>

namespace orrery::http {

namespace zlib = boost::beast::zlib;

bool accepts_gzip(std::string_view field) noexcept {
  while (!field.empty()) {
    const auto comma = field.find(',');
    auto item = trimmed(field.substr(0, comma));
    field.remove_prefix(comma == std::string_view::npos ? field.size() : comma + 1);
    const auto semicolon = item.find(';');
    const auto name = trimmed(item.substr(0, semicolon));
    if (!equal_ignoring_case(name, "gzip") && name != "*")
      continue;
    if (semicolon == std::string_view::npos)
      return true;
    const auto weight = trimmed(item.substr(semicolon + 1));
    return weight.find_first_of("123456789") != std::string_view::npos;
  }
  return false;
}

std::optional<std::string> gzip(std::string_view bytes) {
  static constexpr char header[] = {'\x1f', '\x8b', 8, 0, 0, 0, 0, 0, 0, '\xff'};
  static constexpr size_t around = sizeof header + 8;
  if (bytes.size() <= around)
    return std::nullopt;
  std::string out(header, sizeof header);
  out.resize(bytes.size());
  zlib::deflate_stream stream;
  stream.reset(4, 15, 8, zlib::Strategy::normal);
  zlib::z_params state;
  state.next_in = bytes.data();
  state.avail_in = bytes.size();
  state.next_out = out.data() + sizeof header;
  state.avail_out = out.size() - around;
  boost::beast::error_code error;
  stream.write(state, zlib::Flush::finish, error);
  if (error != zlib::error::end_of_stream)
    return std::nullopt;
  out.resize(sizeof header + state.total_out);
  boost::crc_32_type crc;
  crc.process_bytes(bytes.data(), bytes.size());
  for (const uint32_t number :
       {static_cast<uint32_t>(crc.checksum()), static_cast<uint32_t>(bytes.size())})
    for (int shift = 0; shift < 32; shift += 8)
      out += static_cast<char>(number >> shift & 0xff);
  return out;
}

}  // namespace orrery::http
