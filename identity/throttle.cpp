#include "identity/throttle.hpp"

#include "codec/json.hpp"
#include "codec/object.hpp"

#include <algorithm>
#include <functional>

namespace orrery::identity {

namespace {

struct counter {
  uint32_t failures = 0;
  time_point until;
};

failure wait(duration length) {
  const auto seconds = std::max<int64_t>(
      1, std::chrono::duration_cast<std::chrono::seconds>(length + 999ms).count());
  return {errc::busy, "too many attempts; wait", std::to_string(seconds)};
}

/// Changes one counter; of several who change it at once each sees the others' change.
result<void> change(identity_store& in, const std::string& key, time_point now, duration kept,
                    const std::function<result<void>(counter&)>& step) {
  for (int round = 0; round < 10; ++round) {
    const auto found = in.find(identity_table::throttles, key);
    if (!found)
      return found.error();
    counter c;
    identity_record r{key, {}, {}, 0, now + kept};
    if (*found) {
      r.version = (*found)->version;
      if (const auto body = codec::json_object::read((*found)->body);
          body && (*found)->expires_at > now) {
        c.failures = static_cast<uint32_t>(body->whole("failures").value_or(0));
        c.until = from_micros(body->whole("until").value_or(0));
      }
    }
    if (auto ok = step(c); !ok)
      return ok;
    codec::json_writer(r.body)
        .begin_object()
        .field("failures", c.failures)
        .field("until", micros(c.until))
        .end_object();
    const auto put = in.put(identity_table::throttles, r);
    if (put)
      return {};
    if (put.error().code != errc::conflict)
      return put.error();
  }
  return wait(1s);
}

}  // namespace

result<void> throttle::take_turn() {
  const std::lock_guard lock(guard_);
  const auto now = time_.now();
  const double passed = std::max(0.0, std::chrono::duration<double>(now - turns_at_).count());
  turns_ = std::min(2 * limits_.checks_per_second, turns_ + passed * limits_.checks_per_second);
  turns_at_ = now;
  if (turns_ < 1)
    return wait(1s);
  turns_ -= 1;
  return {};
}

result<void> throttle::count(identity_store& in, const std::string& key, uint32_t free,
                             duration delay_max) {
  const auto now = time_.now();
  return change(in, key, now, 24h, [&](counter& c) -> result<void> {
    if (c.until > now)
      return wait(c.until - now);
    if (++c.failures >= free) {
      const auto doubled = std::min<uint32_t>(c.failures - free, 20);
      c.until = now + std::min<duration>(1s * (int64_t{1} << doubled), delay_max);
    }
    return {};
  });
}

result<void> throttle::count_minute(identity_store& in, const std::string& key, uint32_t most) {
  const auto now = time_.now();
  return change(in, key, now, 2min, [&](counter& c) -> result<void> {
    if (c.until <= now)
      c = {0, now + 1min};
    if (c.failures >= most)
      return wait(c.until - now);
    ++c.failures;
    return {};
  });
}

result<void> throttle::begin(identity_store& in, const std::string& name,
                             const std::string& address) {
  if (auto ok = take_turn(); !ok)
    return ok;
  // What is refused here costs the address nothing: who waits in vain must not use up its minute.
  if (auto ok =
          count(in, "pair:" + name + "|" + address, limits_.pair_free, limits_.pair_delay_max);
      !ok)
    return ok;
  if (auto ok = count_minute(in, "address:" + address, limits_.address_per_minute); !ok)
    return ok;
  return count(in, "account:" + name, limits_.account_free, limits_.account_delay_max);
}

void throttle::succeeded(identity_store& in, const std::string& name, const std::string& address) {
  // Left over where the store is away: then the next failures count a little earlier.
  (void)in.remove(identity_table::throttles, "pair:" + name + "|" + address);
  (void)in.remove(identity_table::throttles, "account:" + name);
}

}  // namespace orrery::identity
