#pragma once
/// The stock of products, wherever it is kept: a database of its own, or the store's file.
///
/// Holding is a transaction of the stock alone. What the success of a step moves (`stock_movement`) goes
/// with `shard_batch::stock` to the journal, whose commit makes it true in both, or in neither.

#include "base/result.hpp"
#include "domain/stock.hpp"

#include <functional>
#include <memory>

namespace orrery {

struct stock_change {
  std::string product;
  int64_t by = 0;
  std::string reason;
  std::string who;
  std::string key;  ///< The same key again changes nothing; empty = none.
};

struct stock_page {
  std::vector<product_stock> items;
  std::string next;  ///< The product after which it goes on; empty = the end.
};

/// What is left over when nothing fails: an order of tasks that was never committed, or a release.
struct stale_hold {
  entity_id task;
  time_point at{};
};

/// What has come to an end in the stock: taken, or given back.
struct settled_hold {
  entity_id task;
  entity_id order;
  bool taken = false;
};

/// One session. All calls block; used by one thread at a time.
class stock_shelf {
public:
  virtual ~stock_shelf() = default;

  /// A new product. `conflict` where it exists.
  virtual result<product_stock> create(const stock_change& first, time_point now) = 0;
  /// `rejected` where it would leave less than nothing, `not_found` where there is no such product.
  virtual result<product_stock> adjust(const stock_change& change, time_point now) = 0;
  virtual result<product_stock> get(std::string_view product) = 0;
  /// By name, after `after`.
  virtual result<stock_page> list(std::string_view after, size_t limit) = 0;

  /// Sets aside, many at once: one outcome per wish. Durable. Done again for the same task it changes
  /// nothing.
  virtual result<std::vector<hold_outcome>> hold(std::span<const stock_hold> wishes,
                                                 time_point now) = 0;
  /// What is released becomes available. Answers how many reservations; 0 = nothing is left.
  virtual result<size_t> settle(size_t limit) = 0;
  /// Holds made before `before`, the oldest first.
  virtual result<std::vector<stale_hold>> stale(time_point before, size_t limit) = 0;
  /// Gives back those that are still held, and not under way to be taken.
  virtual result<void> let_go(std::span<const entity_id> tasks) = 0;
  /// Reservations that are taken or counted back, made before `before`, in the order of (order, task),
  /// after `after` (nil order = from the start).
  virtual result<std::vector<settled_hold>> settled(const settled_hold& after, time_point before,
                                                    size_t limit) = 0;
  /// Drops those of them that are still what they were; the sums of a product stay the same. Answers how
  /// many.
  virtual result<size_t> forget(std::span<const entity_id> tasks) = 0;
};

/// Thread-safe.
class stock_source {
public:
  virtual ~stock_source() = default;
  virtual std::unique_ptr<stock_shelf> open_stock() = 0;
};

/// What the faces of a node may ask. Thread-safe; calls return at once, and `done` runs exactly once, on
/// any thread.
class stock_desk {
public:
  virtual ~stock_desk() = default;
  using answer = std::function<void(result<product_stock>)>;
  virtual void create(stock_change first, answer done) = 0;
  virtual void adjust(stock_change change, answer done) = 0;
  virtual void get(std::string product, answer done) = 0;
  virtual void list(std::string after, size_t limit,
                    std::function<void(result<stock_page>)> done) = 0;
};

/// A door that also knows stock is one of these. Valid as long as it.
class stock_hall {
public:
  virtual ~stock_hall() = default;
  /// Null where the node keeps none.
  virtual stock_desk* stock() = 0;
};

}  // namespace orrery
