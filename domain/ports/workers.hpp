#pragma once
/// External workers: programs in any language that ask for attempts, and report on them, over HTTP.

#include "domain/lease.hpp"

#include <array>
#include <string>
#include <variant>
#include <vector>

namespace orrery {

/// Who asks for work, and for which.
struct lease_wish {
  std::string worker;               ///< Its own name; what the task shows.
  std::vector<std::string> queues;  ///< Empty = any.
  std::vector<std::string> kinds;   ///< Empty = any that is external.
  std::vector<std::string> labels;  ///< What it has. A task's labels must all be among them.
  uint32_t max = 1;                 ///< Attempts, at most `leases_max`.
  duration wait{};                  ///< So long it waits where there is nothing; at most a minute.
};
inline constexpr uint32_t leases_max = 1000;
inline constexpr duration lease_wait_max = 60s;

/// An attempt that a worker may execute.
struct leased_task {
  lease_id lease;
  std::string kind;
  std::string queue;
  std::string payload;   ///< JSON text; empty = none.
  duration ttl{};        ///< Of the attempt, from its start.
  duration heartbeat{};  ///< It must speak at least so often; 0 = need not.
  time_point started_at{};
  std::string cursor;  ///< JSON text that an earlier attempt left; empty = none.
  std::string traceparent;
};

/// What the operator wants of a worker. Told with every answer to it.
struct worker_orders {
  bool quiet = false;      ///< Take no more work.
  bool terminate = false;  ///< Take no more, and end.
  friend bool operator==(const worker_orders&, const worker_orders&) = default;
};

struct lease_answer {
  std::vector<leased_task> items;
  worker_orders orders;
};

/// A worker as this node knows it.
struct worker_row {
  std::string name;
  duration silent{};  ///< Since it last asked this node for work or reported.
  worker_orders orders;
  uint64_t leased = 0;  ///< Attempts handed to it by this node.
};
/// Workers that a node remembers; those silent for longest are forgotten first.
inline constexpr size_t workers_known = 10'000;

/// What the nodes tell each other about workers.
namespace worker_notes {

/// Somebody waits here for such work.
struct want {
  std::vector<lease_wish> wishes;
};
/// Begin attempts for this worker. Answered by `claimed`, and for each attempt by `leased` or `declined`.
struct claim {
  uint64_t number = 0;
  std::array<uint8_t, 32> seed{};
  lease_wish wish;
};
struct claimed {
  uint64_t number = 0;
  uint32_t tasks = 0;
};
struct available {
  std::string queue;
  std::string kind;
  uint32_t tasks = 0;
};
struct leased {
  uint64_t number = 0;
  leased_task item;
};
struct declined {
  uint64_t number = 0;
};
/// Whether the worker was there to take it.
struct taken {
  entity_id task;
  attempt_token token;
  bool yes = false;
};
struct orders {
  std::string worker;
  worker_orders what;
};

}  // namespace worker_notes

using worker_note = std::variant<worker_notes::want, worker_notes::claim, worker_notes::claimed,
                                 worker_notes::available, worker_notes::leased,
                                 worker_notes::declined, worker_notes::taken, worker_notes::orders>;

}  // namespace orrery
