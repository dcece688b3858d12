#pragma once
/// `CHECK(condition, "sentence")`: what our own code promised. On in every build; prints and aborts.
/// Never used on input: what comes from outside is verified and answered with a `failure`.

namespace orrery {

[[noreturn]] void check_failed(const char* condition, const char* sentence, const char* file,
                               int line) noexcept;

}  // namespace orrery

#define CHECK(condition, sentence)                                      \
  do {                                                                  \
    if (!(condition)) [[unlikely]]                                      \
      ::orrery::check_failed(#condition, sentence, __FILE__, __LINE__); \
  } while (false)
