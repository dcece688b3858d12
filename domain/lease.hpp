#pragma once
/// A lease: an external worker's right to one attempt. Its text is the fence: it names task, run, attempt
/// and epoch, and ends with a secret that only whoever got the lease knows.

#include "domain/ids.hpp"

#include <array>
#include <optional>
#include <string>
#include <string_view>

namespace orrery {

struct lease_id {
  entity_id task;
  attempt_token token;
  epoch_t epoch;       ///< Of the shard's owner when the attempt began.
  std::string secret;  ///< 32 hexadecimal digits.

  friend bool operator==(const lease_id&, const lease_id&) = default;
};

/// 97 letters and digits.
std::string to_string(const lease_id& lease);
std::optional<lease_id> parse_lease(std::string_view text);

/// The secret of the lease on one attempt, from a seed that is as good as random and told to nobody.
std::string secret_of_lease(const std::array<uint8_t, 32>& seed, entity_id task,
                            attempt_token token);

}  // namespace orrery
