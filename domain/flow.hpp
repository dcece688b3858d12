#pragma once
/// A flow: the steps that fulfil an order, each a task, with its compensation. Fixed once it is stored;
/// a change is a new version. An order keeps the version it began with.

#include "domain/task.hpp"

namespace orrery {

/// One step. Steps without `depends_on` follow the one before them in the list where the flow says
/// `sequence`; the reader of the JSON form has resolved that into indices.
struct flow_step {
  std::string name;
  std::string description;
  std::vector<uint32_t> depends_on;    ///< Indices into the flow's steps, rising.
  shared_value<task_spec> task;        ///< `payload` is a template (`fill_template`).
  shared_value<task_spec> compensate;  ///< `kind` empty = the step has none.

  bool has_compensation() const noexcept { return !compensate->kind.empty(); }
  friend bool operator==(const flow_step&, const flow_step&) = default;
};

struct flow {
  std::string name;
  uint32_t version = 0;  ///< From 1; given by the store.
  std::string description;
  duration expires_in{};  ///< Of orders that name no time of their own; 0 = none.
  std::vector<flow_step> steps;

  friend bool operator==(const flow&, const flow&) = default;
};

/// Kinds of the steps that are built in: they take from and give back to the stock, and their success
/// is one decision with the order's own journal. See docs/flows.md.
inline constexpr std::string_view kind_stock_reserve = "stock.reserve";
inline constexpr std::string_view kind_stock_release = "stock.release";
/// The error code of a reservation that finds too little.
inline constexpr std::string_view code_no_stock = "no-stock";

/// Whether a kind is one of these. Nobody but an order may start such a task.
inline bool is_stock_kind(std::string_view kind) noexcept {
  return kind == kind_stock_reserve || kind == kind_stock_release;
}

/// Names, limits, no cycle, only known steps. The failure's field is the place, as `steps[2].dependsOn`.
result<void> validate(const flow& f);

}  // namespace orrery
