#include "app/live_feed.hpp"

#include "app/feed_reader.hpp"
#include "base/log.hpp"

namespace orrery::app {

namespace {

constexpr size_t reads_queue_max = 20'000;

}  // namespace

journal_feed::journal_feed(store& where, const feed_options& how)
    : how_(how),
      where_(where),
      hub_(std::make_shared<feed_hub>(how)),
      reads_(std::make_shared<read_pool>(where, 1, reads_queue_max)),
      thread_([this] { follow(); }) {}

journal_feed::~journal_feed() { stop(); }

void journal_feed::open(feed_wish wish, std::function<void()> wake,
                        std::function<void(result<std::shared_ptr<feed_stream>>)> done) {
  if (wish.id && wish.id->shard().value >= how_.shards)
    return done(failure{errc::not_found, "there is no such entity"});
  if (!wish.after.empty()) {
    if (wish.id) {
      if (const auto place = read_feed_position(wish.after); !place)
        return done(place.error());
    } else if (const auto place = read_feed_cursor(wish.after, how_.shards); !place) {
      return done(place.error());
    }
  }
  auto reader = std::make_shared<feed_reader>(hub_, reads_, std::move(wish), std::move(wake));
  reader->begin([reader, done = std::move(done)](result<void> begun) {
    if (!begun)
      return done(begun.error());
    done(std::shared_ptr<feed_stream>(reader));
  });
}

void journal_feed::follow() {
  name_this_thread("feed");
  auto reader = where_.open_reader();
  bool well = true;
  while (hub_->wait()) {
    const bool looked = look(*reader);
    if (looked != well)
      log::warning(looked ? "feed.recovered" : "feed.store_away");
    well = looked;
  }
}

/// False where the store cannot be read now; the next look goes on from the same place.
bool journal_feed::look(entity_store& reader) {
  const auto head = hub_->head();
  if (!head)
    return true;
  const auto rows = reader.shards();
  if (!rows)
    return false;
  feed_batch batch;
  batch.after = head->seen;
  for (const auto& row : *rows) {
    const auto shard = row.shard.value;
    if (shard >= batch.after.size() || row.position.value <= batch.after[shard])
      continue;
    const auto from = position_t{batch.after[shard] + 1};
    const auto events = reader.journal(row.shard, from, how_.page_events);
    if (!events)
      return false;
    for (const auto& record : *events) {
      auto item = make_feed_item(record, batch.after);
      append_feed_frame(batch.text, item.place, item);
      batch.items.push_back(std::move(item));
    }
  }
  if (!batch.items.empty())
    hub_->push(std::move(batch));
  return true;
}

void journal_feed::stop() {
  hub_->stop();
  if (thread_.joinable())
    thread_.join();
  reads_->stop();
}

feed_figures journal_feed::figures() const { return hub_->figures(); }

}  // namespace orrery::app
