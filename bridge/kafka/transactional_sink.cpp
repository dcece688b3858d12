#include "bridge/kafka/transactional_sink.hpp"

#include "base/log.hpp"
#include "bridge/kafka/refused_messages.hpp"
#include "bridge/kafka/shard_publisher.hpp"
#include "bridge/kafka/watermarks.hpp"

#include <algorithm>

namespace orrery {

namespace {

constexpr size_t waiting_max = 10'000;
constexpr auto refresh_look = std::chrono::seconds{60};
constexpr duration begin_limit = 10s;

/// After this much the events of no topic are missing; before that, each topic has its own tail.
struct resumption {
  position_t after;
  position_t floor;
};

resumption resumption_of(const event_sink::tails& tails) {
  resumption out;
  for (const auto& tail : tails)
    out.floor = std::max(out.floor, tail.value_or(position_t{}));
  out.after = out.floor;
  for (const auto& tail : tails)
    out.after = std::min(out.after, tail.value_or(position_t{}));
  return out;
}

}  // namespace

transactional_sink::transactional_sink(kafka_options options, transactional_options how)
    : options_(std::move(options)),
      how_(std::move(how)),
      refusals_(std::make_unique<kafka::refused_messages>(options_)),
      marks_(std::make_unique<kafka::watermarks>(options_, kafka::watermarks::pending::awaited)),
      worker_("publish", waiting_max, how_.threads) {}

result<std::unique_ptr<transactional_sink>> transactional_sink::make(kafka_options options,
                                                                     transactional_options how) {
  auto plain = kafka_sink::make(options);
  if (!plain)
    return std::move(plain).error();
  std::unique_ptr<transactional_sink> made(
      new transactional_sink(std::move(options), std::move(how)));
  made->plain_ = std::move(*plain);
  made->refresher_ = std::thread([self = made.get()] { self->refresh_idle(); });
  return made;
}

transactional_sink::~transactional_sink() {
  {
    const std::lock_guard lock(guard_);
    stopping_ = true;
  }
  wake_.notify_all();
  if (refresher_.joinable())
    refresher_.join();
  worker_.stop();
}

std::shared_ptr<kafka::shard_publisher> transactional_sink::publisher_of(shard_id shard) {
  const std::lock_guard lock(guard_);
  auto& one = publishers_[shard];
  if (!one)
    one = std::make_shared<kafka::shard_publisher>(options_, how_.store_identity,
                                                   how_.transaction_limit, shard, *refusals_);
  return one;
}

bool transactional_sink::stopping() {
  const std::lock_guard lock(guard_);
  return stopping_;
}

void transactional_sink::publish(shard_id shard, std::vector<status_event> events,
                                 std::function<void(result<void>)> done) {
  auto shared = std::make_shared<std::vector<status_event>>(std::move(events));
  const bool taken = worker_.submit([this, shard, shared, done] {
    if (stopping())
      return done(failure{errc::unavailable, "the sink is closing"});
    if (shared->empty())
      return done({});
    const auto one = publisher_of(shard);
    // A shard of which nothing was ever committed begins without being asked where it stands.
    if (!one->opened())
      if (auto begun = last_published(shard, {}, begin_limit); !begun)
        return done(std::move(begun).error());
    done(one->publish(*shared, how_.transaction_limit));
  });
  if (!taken)
    done(failure{errc::busy, "too many batches wait to be published"});
}

result<event_sink::tails> transactional_sink::last_published(shard_id shard,
                                                             const publishing_state& known,
                                                             duration timeout) {
  const kafka::deadline until(timeout);
  const auto one = publisher_of(shard);
  if (auto opened = one->open(until.left()); !opened)
    return std::move(opened).error();
  auto mark = marks_->read(shard, until.left());
  if (!mark)
    return std::move(mark).error();
  auto ends = plain_->last_published(shard, known, until.left());
  if (!ends)
    return ends;
  auto after = kafka::resume_after({shard, known, *mark, *ends}, how_.store_identity);
  if (!after && how_.trust_store && after.error().code == errc::conflict) {
    log::warning("publish.store_trusted", {{"shard", shard.value},
                                           {"after", known.published.value},
                                           {"detail", after.error().detail}});
    tails by_store;
    by_store.fill(known.published);
    after = by_store;
  }
  if (!after) {
    one->close();
    return after;
  }
  const auto [from, floor] = resumption_of(*after);
  one->begin_after(from, floor);
  return after;
}

void transactional_sink::publish_dead_letters(std::vector<dead_letter> letters,
                                              std::function<void(result<void>)> done) {
  plain_->publish_dead_letters(std::move(letters), std::move(done));
}

result<void> transactional_sink::check(
    uint32_t shards, const std::function<result<std::vector<shard_row>>()>& rows) {
  // A node that was killed may have left a transaction open: it is not waited for.
  kafka::watermarks committed(options_, kafka::watermarks::pending::ignored);
  // The marks first: what others publish meanwhile is in the store before it is in a mark.
  std::map<shard_id, kafka::watermark> marks;
  for (uint32_t n = 0; n < shards; ++n) {
    const shard_id shard{static_cast<uint16_t>(n)};
    auto mark = committed.read(shard, begin_limit);
    if (!mark)
      return std::move(mark).error();
    if (*mark)
      marks[shard] = **mark;
  }
  auto stored = rows();
  if (!stored)
    return std::move(stored).error();
  for (const auto& [shard, mark] : marks) {
    kafka::publishing_facts facts{shard, {}, mark, {}};
    for (const auto& row : *stored)
      if (row.shard == shard)
        facts.known = {row.position, row.published};
    auto after = kafka::resume_after(facts, how_.store_identity);
    if (!after && !how_.trust_store)
      return std::move(after).error();
  }
  return {};
}

void transactional_sink::refresh_idle() {
  name_this_thread("publish-keep");
  std::unique_lock lock(guard_);
  while (!wake_.wait_for(lock, std::min<duration>(refresh_look, how_.refresh),
                         [this] { return stopping_; })) {
    const auto all = publishers_;
    lock.unlock();
    const auto since = std::chrono::steady_clock::now() - how_.refresh;
    for (const auto& [shard, one] : all)
      if (auto ok = one->refresh(since, begin_limit); !ok)
        log::info("publish.not_refreshed", {{"shard", shard.value}, {"detail", ok.error().detail}});
    lock.lock();
  }
}

}  // namespace orrery
