#include "bridge/telemetry/elastic_log.hpp"

#include "base/worker.hpp"
#include "codec/json.hpp"
#include "codec/object.hpp"

#include <charconv>

namespace orrery {

namespace {

constexpr std::string_view time_key = "{\"time\":";

/// The status of an item of the answer; 0 where it has none.
int status_of(const std::string& item) {
  static constexpr std::string_view key = "\"status\":";
  const auto at = item.find(key);
  int status = 0;
  if (at != std::string::npos) {
    const auto from = item.find_first_not_of(' ', at + key.size());
    if (from != std::string::npos)
      std::from_chars(item.data() + from, item.data() + item.size(), status);
  }
  return status;
}

/// The entries of a spool file: two lines each.
std::vector<std::string> entries_in(const std::string& text) {
  std::vector<std::string> out;
  for (size_t at = 0; at < text.size();) {
    const auto first = text.find('\n', at);
    const auto second = first == std::string::npos ? first : text.find('\n', first + 1);
    if (second == std::string::npos)
      break;
    out.push_back(text.substr(at, second + 1 - at));
    at = second + 1;
  }
  return out;
}

}  // namespace

elastic_log::elastic_log(elastic_options how, web_client& client)
    : how_(std::move(how)), client_(client), spool_(how_.spool, how_.spool_bytes) {
  spool_bytes_ = spool_.bytes();
  thread_ = std::jthread([this] {
    name_this_thread("log-ship");
    run();
  });
}

elastic_log::~elastic_log() { stop(); }

std::string elastic_log::entry_of(std::string_view line) {
  std::string out;
  out.reserve(line.size() + 96);
  codec::json_writer(out)
      .begin_object()
      .key("create")
      .begin_object()
      .field("_id", how_.node + '-' + how_.start + '-' + std::to_string(++number_))
      .end_object()
      .end_object();
  out += '\n';
  // What Kibana and data streams look for.
  if (line.starts_with(time_key))
    out.append("{\"@timestamp\":").append(line.substr(time_key.size()));
  else
    out.append(line);
  out += '\n';
  return out;
}

void elastic_log::take(log::level, std::string_view line) noexcept {
  try {
    const std::lock_guard lock(guard_);
    if (queue_.size() >= how_.queue_max) {
      dropped_.fetch_add(1, std::memory_order_relaxed);
      return;
    }
    queue_.push_back(entry_of(line));
    if (queue_.size() == how_.batch_max)
      wake_.notify_one();
  } catch (...) {
    dropped_.fetch_add(1, std::memory_order_relaxed);  // no memory
  }
}

elastic_figures elastic_log::figures() const {
  return {stored_, refused_, dropped_, failures_, spool_bytes_};
}

void elastic_log::stop() {
  {
    const std::lock_guard lock(guard_);
    stopping_ = true;
  }
  wake_.notify_one();
  if (thread_.joinable())
    thread_.join();
}

/// True: the process stops, and these are the last.
bool elastic_log::wait_for_lines(std::vector<std::string>& batch) {
  std::unique_lock lock(guard_);
  wake_.wait_for(lock, how_.pace, [this] { return stopping_ || queue_.size() >= how_.batch_max; });
  while (batch.size() < how_.batch_max && !queue_.empty()) {
    batch.push_back(std::move(queue_.front()));
    queue_.pop_front();
  }
  return stopping_ && queue_.empty();
}

void elastic_log::run() {
  for (bool last = false; !last;) {
    std::vector<std::string> batch;
    last = wait_for_lines(batch);
    const bool waits = back_off_.must_wait(std::chrono::steady_clock::now());
    // What came first is sent first.
    if (waits || !spool_.empty())
      keep(batch);
    else if (!batch.empty())
      ship(std::move(batch));
    if (!waits && !spool_.empty())
      ship_spool();
    spool_bytes_ = spool_.bytes();
  }
}

void elastic_log::keep(const std::vector<std::string>& entries) {
  const auto before = spool_.dropped_lines();
  for (const auto& one : entries)
    if (!spool_.add(one))
      dropped_.fetch_add(1);
  dropped_ += (spool_.dropped_lines() - before) / 2;
}

void elastic_log::ship(std::vector<std::string> entries) { keep(send(std::move(entries))); }

/// As many files as are taken; the first that is not stays, without what is settled.
void elastic_log::ship_spool() {
  const auto until = std::chrono::steady_clock::now() + how_.drain_limit;
  while (!spool_.empty() && std::chrono::steady_clock::now() < until) {
    const auto text = spool_.first();
    if (!text)
      return back_off_.failed(std::chrono::steady_clock::now());
    auto all = entries_in(*text);
    std::vector<std::string> left;
    for (size_t at = 0; at < all.size() && left.empty(); at += how_.batch_max) {
      const auto end = std::min(all.size(), at + how_.batch_max);
      left = send({all.begin() + static_cast<std::ptrdiff_t>(at),
                   all.begin() + static_cast<std::ptrdiff_t>(end)});
    }
    if (!left.empty())
      return;  // whole, again, later: what is there already is told by its id
    spool_.drop_first();
  }
}

std::vector<std::string> elastic_log::send(std::vector<std::string> entries) {
  std::string body;
  for (const auto& one : entries)
    body += one;
  const auto answer = client_.post({how_.url + "/" + how_.index + "/_bulk", "application/x-ndjson",
                                    body, how_.headers, how_.timeout});
  const auto now = std::chrono::steady_clock::now();
  if (answer && answer->status == 200) {
    auto left = settle(std::move(entries), answer->body);
    if (left.empty())
      back_off_.succeeded();
    else
      back_off_.failed(now);
    return left;
  }
  // Nothing is given up for an answer of the whole: a wrong password can be mended.
  ++failures_;
  back_off_.failed(now, answer ? answer->retry_after : duration{});
  return entries;
}

std::vector<std::string> elastic_log::settle(std::vector<std::string> entries,
                                             const std::string& body) {
  const auto answer = codec::json_object::read(body);
  const auto items = answer ? answer->objects("items") : std::nullopt;
  if (!items || items->size() != entries.size()) {
    ++failures_;
    return entries;  // not an answer of a bulk request
  }
  std::vector<std::string> left;
  for (size_t i = 0; i < entries.size(); ++i) {
    const auto status = status_of((*items)[i]);
    if (status / 100 == 2 || status == 409)  // 409: it is there from an earlier try
      ++stored_;
    else if (status == 429 || status >= 500 || status == 0)
      left.push_back(std::move(entries[i]));
    else
      ++refused_;
  }
  return left;
}

}  // namespace orrery
