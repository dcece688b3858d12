#include "base/result.hpp"

#include "base/check.hpp"

#include <cstdio>
#include <cstdlib>

namespace orrery {

std::string_view to_string(errc code) noexcept {
  switch (code) {
    case errc::invalid: return "invalid";
    case errc::not_found: return "not_found";
    case errc::conflict: return "conflict";
    case errc::rejected: return "rejected";
    case errc::busy: return "busy";
    case errc::unavailable: return "unavailable";
    case errc::in_doubt: return "in_doubt";
    case errc::corrupt: return "corrupt";
  }
  return "unknown";
}

void check_failed(const char* condition, const char* sentence, const char* file,
                  int line) noexcept {
  std::fprintf(stderr, "CHECK failed: %s (%s) at %s:%d\n", sentence, condition, file, line);
  std::fflush(stderr);
  std::abort();
}

}  // namespace orrery
