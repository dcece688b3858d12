#pragma once
/// One connection of libpqxx, for reads and small writes that may be repeated. Exceptions end here.
///
/// Used by one thread at a time. Connects when first needed; where an idle connection turns out to
/// be dead, the call is made once more on a new one.

#include "base/result.hpp"
#include "persistence/postgres/watchdog.hpp"

#include <memory>
#include <optional>
#include <pqxx/pqxx>
#include <string>

namespace orrery::postgres {

/// What an exception of libpqxx means: the failure, and whether the connection can still be used.
struct explained {
  failure error;
  bool gone = false;
};
/// Within a `catch` only.
explained explain_current_exception();

class pqxx_session {
public:
  pqxx_session(std::string connection_text, std::string setup, duration call_timeout,
               std::shared_ptr<watchdog> dog);

  /// Runs `work(pqxx::transaction_base&)`, which gives a `result`, outside of any transaction
  /// block.
  template <class Work>
  auto call(Work work) -> decltype(work(std::declval<pqxx::transaction_base&>())) {
    return on_connection([&](pqxx::connection& connection) {
      pqxx::nontransaction scope(connection);
      return work(static_cast<pqxx::transaction_base&>(scope));
    });
  }

  /// As `call`, with the connection itself.
  template <class Work>
  auto on_connection(Work work) -> decltype(work(std::declval<pqxx::connection&>())) {
    if (connection_)
      if (auto answer = attempt(work))
        return std::move(*answer);
    if (auto answer = attempt(work))
      return std::move(*answer);
    return last_;
  }

private:
  /// Nothing where the connection was lost.
  template <class Work>
  auto attempt(Work& work) -> std::optional<decltype(work(std::declval<pqxx::connection&>()))> {
    try {
      open();
      const auto watched = watchdog_->watch(connection_->sock(), call_timeout_);
      return work(*connection_);
    } catch (...) {
      auto [error, gone] = explain_current_exception();
      last_ = std::move(error);
      if (!gone && connection_)
        return last_;
    }
    connection_.reset();
    return std::nullopt;
  }

  void open();

  std::string connection_text_;
  std::string setup_;
  duration call_timeout_;
  std::shared_ptr<watchdog> watchdog_;
  std::unique_ptr<pqxx::connection> connection_;
  failure last_{errc::unavailable, ""};
};

}  // namespace orrery::postgres
