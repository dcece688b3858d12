#include "bridge/redis/redis_mirror.hpp"

#include "base/log.hpp"
#include "base/worker.hpp"
#include "codec/json.hpp"

#include <hiredis/hiredis.h>

#include <algorithm>
#include <array>
#include <set>

namespace orrery {

namespace {

constexpr size_t page = 500;

timeval timeval_of(duration length) {
  return {static_cast<time_t>(length.count() / 1'000'000),
          static_cast<suseconds_t>(length.count() % 1'000'000)};
}

struct free_context {
  void operator()(redisContext* c) const { redisFree(c); }
};
struct free_reply {
  void operator()(redisReply* r) const { freeReplyObject(r); }
};

bool begins_or_ends(const status_event& event, entity_id& id) {
  const auto* of_task = std::get_if<task_status_event>(&event);
  if (of_task == nullptr)
    return false;
  id = of_task->task_id;
  return of_task->status == task_status::running || of_task->previous == task_status::running;
}

std::string value_of(const task& t) {
  std::string text;
  codec::json_writer out(text);
  out.begin_object().field("taskId", t.id.value).field("kind", t.spec->kind);
  out.field("queue", t.spec->queue).field("run", t.run).field("attempt", t.attempt);
  out.field("worker", t.worker).field("startedAt", t.started_at);
  out.field("endsAt", t.attempt_ends(t.started_at).at).end_object();
  return text;
}

}  // namespace

/// One connection, made at need. False from a verb: it is lost.
class redis_mirror::connection {
public:
  explicit connection(const redis_options& options) : options_(options) {}

  bool is_open() const noexcept { return context_ != nullptr; }
  bool open() {
    const auto colon = options_.address.rfind(':');
    const auto host = options_.address.substr(0, colon);
    const int port = std::atoi(options_.address.c_str() + colon + 1);
    context_.reset(redisConnectWithTimeout(host.c_str(), port, timeval_of(options_.patience)));
    if (!context_ || context_->err != 0 ||
        redisSetTimeout(context_.get(), timeval_of(options_.patience)) != REDIS_OK)
      context_.reset();
    return is_open();
  }
  bool set(const std::string& key, const std::string& value, duration expires) {
    const auto length = std::to_string(
        std::max<int64_t>(1, std::chrono::ceil<std::chrono::milliseconds>(expires).count()));
    return call({"SET", key, value, "PX", length});
  }
  bool remove(const std::string& key) { return call({"DEL", key}); }

private:
  bool call(const std::vector<std::string>& words) {
    std::vector<const char*> texts;
    std::vector<size_t> sizes;
    for (const auto& word : words) {
      texts.push_back(word.data());
      sizes.push_back(word.size());
    }
    const std::unique_ptr<redisReply, free_reply> reply(static_cast<redisReply*>(redisCommandArgv(
        context_.get(), static_cast<int>(words.size()), texts.data(), sizes.data())));
    if (!reply) {
      context_.reset();
      return false;
    }
    if (reply->type == REDIS_REPLY_ERROR)
      log::warning("redis.refused", {{"detail", std::string(reply->str, reply->len)}});
    return true;
  }

  const redis_options& options_;
  std::unique_ptr<redisContext, free_context> context_;
};

redis_mirror::redis_mirror(std::unique_ptr<event_sink> inner, store& where, const clock& time,
                           redis_options options)
    : inner_(std::move(inner)), where_(where), time_(time), options_(std::move(options)) {
  runner_ = std::jthread([this](const std::stop_token& stopped) {
    name_this_thread("redis");
    run(stopped);
  });
}

redis_mirror::~redis_mirror() = default;

void redis_mirror::publish(shard_id shard, std::vector<status_event> events,
                           std::function<void(result<void>)> done) {
  {
    const std::lock_guard lock(guard_);
    for (const auto& event : events)
      if (entity_id id; begins_or_ends(event, id))
        notes_.push_back(id);
    while (notes_.size() > options_.notes_max)
      notes_.pop_front();
  }
  wake_.notify_one();
  inner_->publish(shard, std::move(events), std::move(done));
}

result<event_sink::tails> redis_mirror::last_published(shard_id shard,
                                                       const publishing_state& known,
                                                       duration timeout) {
  return inner_->last_published(shard, known, timeout);
}

void redis_mirror::publish_dead_letters(std::vector<dead_letter> letters,
                                        std::function<void(result<void>)> done) {
  inner_->publish_dead_letters(std::move(letters), std::move(done));
}

/// Each task once: what is shown is what the store says when it is looked at.
std::vector<entity_id> redis_mirror::take_notes(const std::stop_token& stopped) {
  std::unique_lock lock(guard_);
  wake_.wait_for(lock, stopped, 1s, [this] { return !notes_.empty(); });
  std::set<entity_id> ids;
  while (!notes_.empty() && ids.size() < page) {
    ids.insert(notes_.front());
    notes_.pop_front();
  }
  return {ids.begin(), ids.end()};
}

void redis_mirror::run(const std::stop_token& stopped) {
  connection redis(options_);
  const auto store = where_.open_reader();
  bool told = false;
  while (!stopped.stop_requested()) {
    if (!redis.is_open()) {
      if (!redis.open()) {
        if (!std::exchange(told, true))
          log::warning("redis.away", {{"address", options_.address}});
        std::unique_lock lock(guard_);
        wake_.wait_for(lock, stopped, options_.retry_after, [] { return false; });
        continue;
      }
      told = false;
      log::info("redis.connected", {{"address", options_.address}});
      if (!write_all_running(redis, *store, stopped))
        continue;
    }
    const auto ids = take_notes(stopped);
    if (ids.empty())
      continue;
    const auto found = store->load(ids);
    if (!found)
      continue;  // shown again at its next status, or gone at its end
    for (const auto& one : *found)
      if (!show(redis, one))
        break;
  }
}

bool redis_mirror::show(connection& redis, const entity& state) {
  const auto& t = std::get<task>(state);
  const auto key = options_.prefix + to_string(t.id);
  const auto left = t.attempt_ends(t.started_at).at - time_.now();
  if (t.status != task_status::running || left <= 0us)
    return redis.remove(key);
  return redis.set(key, value_of(t), left);
}

/// After Redis was away: what it missed.
bool redis_mirror::write_all_running(connection& redis, entity_store& store,
                                     const std::stop_token& stopped) {
  entity_query query;
  query.statuses = {static_cast<uint8_t>(task_status::running)};
  query.limit = page;
  while (!stopped.stop_requested()) {
    const auto found = store.list(query);
    if (!found)
      return redis.is_open();
    for (const auto& one : found->items)
      if (!show(redis, one))
        return false;
    if (found->next.empty())
      return true;
    query.cursor = found->next;
  }
  return redis.is_open();
}

}  // namespace orrery
