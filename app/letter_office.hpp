#pragma once
/// The desk for dead letters: reads them, sends them again through the intake log, discards them.
///
/// A redrive claims the letter, appends it, and then notes where it went. When the node dies between, the
/// claim is void after a minute and the letter can be sent again; the ids make that harmless.

#include "base/clock.hpp"
#include "base/worker.hpp"
#include "domain/ports/dead_letters.hpp"
#include "domain/ports/intake_log.hpp"

namespace orrery::app {

class letter_office final : public letter_desk {
public:
  /// All outlive `stop`. `knows_kind`: whether a task kind has an executor here.
  letter_office(store& where, intake_log& log, const clock& time,
                std::function<bool(const std::string&)> knows_kind);

  void find(letter_query query, answer<letter_page> done) override;
  void get(int64_t number, answer<stored_letter> done) override;
  void apply(int64_t number, letter_wish wish, answer<stored_letter> done) override;
  void apply_all(letter_query query, letter_wish wish, answer<letter_tally> done) override;
  /// Ends what is under way. Idempotent.
  void stop() { worker_.stop(); }

private:
  template <class T>
  void work(answer<T> done, std::function<result<T>(letter_store&)> job);
  result<void> check(const dead_letter& letter) const;
  result<stored_letter> apply_one(letter_store& letters, int64_t number, const letter_wish& wish);
  result<letter_tally> apply_page(letter_store& letters, const letter_query& query,
                                  const letter_wish& wish);
  /// Claims, appends and notes; one outcome for each.
  std::vector<result<void>> redrive(letter_store& letters, const std::vector<stored_letter>& which,
                                    const letter_wish& wish);
  result<std::vector<log_place>> append(const std::vector<const stored_letter*>& which,
                                        const letter_wish& wish);
  letter_move step(int64_t number, letter_state to, const letter_wish& wish) const;

  store& where_;
  intake_log& log_;
  const clock& time_;
  const std::function<bool(const std::string&)> knows_kind_;
  std::unique_ptr<letter_store> session_;  ///< Of the worker's one thread.
  worker worker_;                          // last: joins before the session goes
};

}  // namespace orrery::app
