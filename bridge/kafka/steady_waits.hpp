#pragma once
/// The waits of Kafka's client library, by the steady clock.

namespace orrery::kafka {

/// librdkafka waits by `cnd_timedwait`, until an instant of the wall clock. Where that is set back by an
/// hour, its threads and those that wait in it stand still for an hour: no heartbeat, no timeout, and the
/// group deals our shards to others while we go on. The program therefore defines that function itself,
/// and its waits end by CLOCK_MONOTONIC. Called once per client, so that the definition is linked in.
void wait_by_the_steady_clock();

}  // namespace orrery::kafka
