#pragma once
/// Golden files: what was once written. `ORRERY_WRITE_GOLDEN=1` writes the files that are missing; a file
/// that exists is never rewritten.

#include "codec/messages.hpp"
#include "codec/stored.hpp"
#include "tests/support/process.hpp"

#include <cstdlib>
#include <fstream>
#include <gtest/gtest.h>
#include <sstream>

namespace orrery::codec {

inline std::string to_hex(std::string_view bytes) {
  std::string text;
  for (size_t i = 0; i < bytes.size(); ++i) {
    text += "0123456789abcdef"[static_cast<uint8_t>(bytes[i]) >> 4];
    text += "0123456789abcdef"[static_cast<uint8_t>(bytes[i]) & 15];
    if (i % 32 == 31)
      text += '\n';
  }
  return text;
}

inline std::string from_hex(std::string_view text) {
  std::string bytes;
  std::string digits;
  for (const char c : text)
    if (c != '\n')
      digits += c;
  for (size_t i = 0; i + 1 < digits.size(); i += 2)
    bytes += static_cast<char>(std::stoi(digits.substr(i, 2), nullptr, 16));
  return bytes;
}

/// The text of a golden file, which is written first where that is wished and it is missing.
inline std::string golden(const std::string& name, const std::string& present) {
  const auto path = test::source_dir() / "tests" / "golden" / name;
  if (!std::filesystem::exists(path) && std::getenv("ORRERY_WRITE_GOLDEN") != nullptr) {
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path, std::ios::binary) << present << '\n';
  }
  std::ifstream file(path, std::ios::binary);
  EXPECT_TRUE(file) << path << " is missing; ORRERY_WRITE_GOLDEN=1 writes it";
  std::stringstream text;
  text << file.rdbuf();
  auto content = text.str();
  if (content.ends_with('\n'))
    content.pop_back();
  return content;
}

inline void same_text(const std::string& name, const std::string& present) {
  EXPECT_EQ(golden("json/" + name + ".json", present), present) << name;
}

template <class View>
std::string view_of(const View& what) {
  std::string text;
  append_view(text, what);
  return text;
}

}  // namespace orrery::codec
