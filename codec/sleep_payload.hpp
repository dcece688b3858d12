#pragma once
/// The payload of kind `sleep`: `{"duration":"PT2S"}` or `{"seconds":0.25}`, and `"fail":"text"` to end
/// as a failed attempt after that time. Empty = no time at all.

#include "base/result.hpp"
#include "base/time.hpp"

#include <string>
#include <string_view>

namespace orrery::codec {

struct sleep_payload {
  duration length{};
  std::string error;  ///< Not empty: the attempt fails with this.
};

result<sleep_payload> read_sleep_payload(std::string_view text);

}  // namespace orrery::codec
