/// One program for each target: CMake says which (ORRERY_FUZZ_TARGET).

#include "tests/fuzz/targets.hpp"

#include <cstddef>
#include <cstdint>

// The name is libFuzzer's.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  orrery::fuzz::ORRERY_FUZZ_TARGET({reinterpret_cast<const char*>(data), size});
  return 0;
}
