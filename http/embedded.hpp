#pragma once
/// Files that are part of the program (cmake/OrreryEmbed.cmake): `api/*.json` and `docs/*`.

#include <span>
#include <string_view>

namespace orrery::http {

struct embedded_file {
  std::string_view name;  ///< `api/tasks.json`
  std::string_view bytes;
};

std::span<const embedded_file> embedded_files() noexcept;

}  // namespace orrery::http
