/// Copies of dead letters to their topics: from the store, page by page, until all are there.

#include "actors/outbox.hpp"
#include "base/log.hpp"

namespace orrery::actors {

namespace {

constexpr auto copy_retry_after = std::chrono::seconds{1};

}  // namespace

outbox::channel* outbox::channel_of(shard_id shard, epoch_t epoch) {
  const auto found = channels_.find(shard);
  return found != channels_.end() && found->second.epoch == epoch ? &found->second : nullptr;
}

void outbox::copy(shard_id shard, channel& one) {
  if (one.copying || !one.letters_due)
    return;
  one.copying = true;
  one.letters_due = false;
  const auto self = caf::actor_cast<caf::actor>(this);
  const auto epoch = one.epoch;
  context_.reads.run(
      [=, after = one.letter, page = one.letter_page](entity_store& store) {
        caf::anon_send(self,
                       letters_loaded{shard, epoch, store.letters_to_copy(shard, after, page)});
      },
      [=] {
        caf::anon_send(self,
                       letters_loaded{shard, epoch, failure{errc::busy, "too many reads wait"}});
      });
}

void outbox::copy(const letters_loaded& news) {
  auto* one = channel_of(news.shard, news.epoch);
  if (one == nullptr)
    return;
  if (!news.letters) {
    log::warning("outbox.letters_unread",
                 {{"shard", news.shard.value}, {"detail", news.letters.error().detail}});
    return copy_again_later(news.shard, news.epoch);
  }
  if (news.letters->empty()) {
    one->copying = false;
    return copy(news.shard, *one);
  }
  letters_copied told{news.shard, news.epoch, {}, {}};
  std::vector<dead_letter> letters;
  for (const auto& [number, letter] : *news.letters) {
    told.numbers.push_back(number);
    letters.push_back(letter);
  }
  context_.sink.publish_dead_letters(
      std::move(letters),
      [told, self = caf::actor_cast<caf::actor>(this)](result<void> outcome) mutable {
        if (!outcome)
          told.error = outcome.error();
        caf::anon_send(self, std::move(told));
      });
}

void outbox::copied(const letters_copied& news) {
  auto* one = channel_of(news.shard, news.epoch);
  if (one == nullptr)
    return;
  if (!news.error) {
    context_.commits.mark_copied(news.shard, news.numbers);
    one->letter = news.numbers.back();
    one->letters_due = true;
    one->copying = false;
    return copy(news.shard, *one);
  }
  log::warning("outbox.dead_letters_failed",
               {{"shard", news.shard.value}, {"detail", news.error->detail}});
  if (news.error->code == errc::invalid) {
    // One of them is what Kafka will never take. Alone it holds up nobody else; the table has it.
    if (std::exchange(one->letter_page, 1) == 1)
      one->letter = news.numbers.back();
  }
  copy_again_later(news.shard, news.epoch);
}

void outbox::copy_again_later(shard_id shard, epoch_t epoch) {
  if (auto* one = channel_of(shard, epoch))
    one->letters_due = true;  // and copying, until then
  delayed_send(this, copy_retry_after, copy_letters{shard, epoch});
}

}  // namespace orrery::actors
