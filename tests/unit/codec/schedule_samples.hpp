#pragma once
/// A schedule with every field set, for what writes and reads them. Golden files hold its values.

#include "domain/schedule.hpp"

namespace orrery::codec {

/// All but what it starts.
inline schedule_spec full_schedule_spec(time_point start) {
  schedule_spec s;
  s.name = "nightly";
  s.description = "The report";
  s.times.expressions = {"0 30 2 * * ?", "R/2026-01-01T00:00:00Z/PT6H"};
  s.times.except = {"weekly:SAT,SUN"};
  s.times.zone = "Europe/Warsaw";
  s.times.dst = dst_policy::literal;
  s.times.start = start;
  s.times.end = start + 24h;
  s.overlap = overlap_policy::buffer_all;
  s.misfire = misfire_policy::all;
  s.misfire_after = 30s;
  s.catchup_window = 2h;
  s.jitter = 5s;
  s.limit = 7;
  s.pause_on_failure = true;
  return s;
}

inline schedule schedule_of(entity_id id, entity_id child, schedule_spec spec, time_point start) {
  schedule s;
  s.id = id;
  s.spec = std::move(spec);
  s.status = schedule_status::paused;
  s.version = 9;
  s.definition = 3;
  s.created_at = start;
  s.updated_at = start + 1s;
  s.finished_at = start + 2s;
  s.next_at = start + 3s;
  s.last_at = start - 3s;
  s.note = "maintenance";
  s.counters = {1, 2, 3, 4, 5, 6, 7};
  s.series = 4;
  s.recent = {{start, start + 5ms, start, fire_kind::catch_up, fire_outcome::failed, child, 2}};
  s.waiting = {{start + 1s, fire_kind::triggered, 4}};
  s.backfills = {{3, start - 24h, start, overlap_policy::allow}};
  return s;
}

}  // namespace orrery::codec
