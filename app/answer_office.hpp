#pragma once
/// The answers to requests with an `Idempotency-Key`, in the store's table `answers`.

#include "base/clock.hpp"
#include "base/worker.hpp"
#include "domain/ports/answer_book.hpp"
#include "domain/ports/identity_store.hpp"

#include <memory>

namespace orrery::app {

/// Has a thread and a session of the store of its own; at most 10,000 calls wait, then `busy`.
class answer_office final : public answer_book {
public:
  answer_office(identity_source& where, const clock& time);
  ~answer_office() override;

  void begin(keyed_request what, std::function<void(result<key_standing>)> done) override;
  void keep(keyed_request what, kept_answer answer, std::function<void()> done) override;
  void forget(keyed_request what, std::function<void()> done) override;
  /// Carries out what is queued, joins. Later calls are refused. Idempotent.
  void stop();

private:
  result<key_standing> note(const keyed_request& what);
  result<key_standing> look(const keyed_request& what, const identity_record& found);
  void purge_sometimes();

  const clock& time_;
  std::unique_ptr<identity_store> store_;
  time_point purged_at_{};
  worker thread_;  // last: its jobs use the others
};

}  // namespace orrery::app
