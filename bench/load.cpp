/// Puts load on a running node and prints what came of it as one line of JSON.
///
///     load batch  ADDRESS [tasks=100000] [items=1000] [connections=4]
///     load orders ADDRESS [seconds=5] [connections=32]
///     load paced  ADDRESS [seconds=20] [rate=100]
///     load sell   ADDRESS [orders=30000] [items=500] [connections=4] [products=1]
///     load plain  ADDRESS [orders=50000] [items=500] [connections=4]
///
/// `batch` ends when all tasks are durably SUCCEEDED, `orders` when all orders are CREATED and their
/// statuses published. `sell`: orders by batch that reserve stock (of so many products in turn), until all are
/// COMPLETED; `plain`: orders by batch without a flow, until all are CREATED. Times are in seconds, latencies in milliseconds. `bench/run` calls it.

#include "bench/http_client.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <map>
#include <memory>
#include <sys/epoll.h>
#include <thread>
#include <unistd.h>
#include <vector>

namespace orrery::bench {

namespace {

using namespace std::chrono_literals;

constexpr auto look_interval = 50ms;
/// Without any progress for so long, the measurement is given up.
constexpr auto patience = 30s;
/// After a 429 or 503.
constexpr auto again_after = 20ms;
constexpr const char* noop = R"({"kind":"noop","payload":{"customer":"c-000123","amount":42.5}})";
constexpr const char* order = R"({"product":"Laptop","quantity":1,"customer":"c-000123"})";
constexpr const char* succeeded = R"(orrery_entities{kind="task",status="SUCCEEDED"})";
constexpr const char* created = R"(orrery_entities{kind="order",status="CREATED"})";
constexpr const char* completed = R"(orrery_entities{kind="order",status="COMPLETED"})";
constexpr const char* published = "orrery_events_published_total";
constexpr const char* written = "orrery_commit_entities_total";

double seconds(steady::duration span) { return std::chrono::duration<double>(span).count(); }

double own_cpu() {
  timespec now{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

/// A node's figures.
class metrics {
public:
  explicit metrics(const std::string& address) : line_(address, true) {}

  void look() { text_ = get(line_, "/metrics"); }
  long value(const std::string& name) const {
    const auto at = text_.find("\n" + name + " ");
    if (at == std::string::npos)
      give_up("/metrics does not tell " + name);
    return std::atol(text_.c_str() + at + name.size() + 2);
  }

private:
  connection line_;
  std::string text_;
};

/// Several connections that carry the same request again and again. Each is opened when it is needed: a
/// node closes one that says nothing.
class crowd {
public:
  crowd(std::string address, size_t size)
      : epoll_(::epoll_create1(EPOLL_CLOEXEC)), address_(std::move(address)), size_(size) {}
  ~crowd() { ::close(epoll_); }
  crowd(const crowd&) = delete;
  crowd& operator=(const crowd&) = delete;

  bool has_idle() const { return !idle_.empty() || lines_.size() < size_; }
  size_t in_flight() const { return lines_.size() - idle_.size(); }

  void send(const std::string& request, steady::time_point began) {
    while (!idle_.empty() && idle_.back()->closed())
      drop(idle_.back());
    if (idle_.empty())
      open();
    auto* line = idle_.back();
    idle_.pop_back();
    line->began = began;
    line->start(request);
  }

  /// Waits until `limit` for answers; calls `answered` with each line, idle again.
  template <class Call>
  void wait(steady::time_point limit, Call answered) {
    const auto left = std::max<steady::duration>(limit - steady::now(), 0ns);
    const timespec span{std::chrono::duration_cast<std::chrono::seconds>(left).count(),
                        (left % 1s).count()};
    epoll_event seen[64];
    const int n = ::epoll_pwait2(epoll_, seen, 64, &span, nullptr);
    for (int i = 0; i < n; ++i) {
      auto* line = static_cast<connection*>(seen[i].data.ptr);
      if (!line->busy() || !line->go_on())
        continue;
      idle_.push_back(line);
      answered(*line);
    }
  }

private:
  void open() {
    lines_.push_back(std::make_unique<connection>(address_, false));
    idle_.push_back(lines_.back().get());
    epoll_event wish{EPOLLIN | EPOLLOUT | EPOLLET, {.ptr = lines_.back().get()}};
    ::epoll_ctl(epoll_, EPOLL_CTL_ADD, lines_.back()->socket(), &wish);
  }
  void drop(const connection* line) {
    std::erase(idle_, line);
    std::erase_if(lines_, [line](const auto& one) { return one.get() == line; });
  }

  int epoll_;
  std::string address_;
  size_t size_;
  std::vector<std::unique_ptr<connection>> lines_;
  std::vector<connection*> idle_;
};

/// What a client saw of its requests.
struct answers {
  size_t accepted = 0;
  size_t refused = 0;
  std::vector<float> latencies;  ///< In milliseconds, of the accepted ones.

  /// False where the same has to be asked again.
  bool take(const connection& line) {
    if (line.status() == 200) {
      ++accepted;
      latencies.push_back(static_cast<float>(seconds(steady::now() - line.began) * 1000));
      return true;
    }
    if (line.status() != 429 && line.status() != 503)
      give_up("answered " + std::to_string(line.status()));
    ++refused;
    return false;
  }

  double quantile(double q) {
    if (latencies.empty())
      give_up("nothing was accepted");
    std::sort(latencies.begin(), latencies.end());
    const auto last = static_cast<double>(latencies.size() - 1);
    return static_cast<double>(latencies[static_cast<size_t>(q * last + 0.5)]);
  }
};

/// Looks until `name` is `goal` or more; returns when that was.
steady::time_point await(metrics& node, const char* name, long goal) {
  long before = -1;
  auto moved = steady::now();
  for (;;) {
    node.look();
    const auto now = steady::now();
    const long value = node.value(name);
    if (value >= goal)
      return now;
    if (value != before)
      moved = now;
    else if (now - moved > patience)
      give_up(std::string(name) + " stays at " + std::to_string(value) + " of " +
              std::to_string(goal));
    before = value;
    std::this_thread::sleep_for(look_interval);
  }
}

using options = std::map<std::string, size_t>;

void batch(const std::string& address, const options& how) {
  const size_t items = how.at("items");
  const size_t requests = (how.at("tasks") + items - 1) / items;
  std::string body = "[";
  for (size_t i = 0; i < items; ++i)
    body.append(i == 0 ? "" : ",").append(noop);
  const auto request = post("/api/tasks/batch", body + "]");
  metrics node(address);
  node.look();
  const long tasks = static_cast<long>(items * requests);
  const long goal = node.value(succeeded) + tasks;
  const long events_before = node.value(published);
  const long written_before = node.value(written);
  crowd lines(address, how.at("connections"));
  answers seen;
  const auto begin = steady::now();
  auto next_try = begin;
  while (seen.accepted < requests) {
    while (steady::now() >= next_try && lines.has_idle() &&
           seen.accepted + lines.in_flight() < requests)
      lines.send(request, steady::now());
    lines.wait(steady::now() + look_interval, [&](const connection& line) {
      if (!seen.take(line))
        next_try = steady::now() + again_after;
    });
  }
  const auto submitted = steady::now();
  const auto end = await(node, succeeded, goal);
  // Every task has three: submitted, started, succeeded.
  const auto told = await(node, published, events_before + 3 * tasks);
  const auto rate = [&](auto until) { return static_cast<double>(tasks) / seconds(until - begin); };
  const auto writes = static_cast<double>(node.value(written) - written_before);
  std::printf(
      "{\"mode\":\"batch\",\"tasks\":%ld,\"rate\":%.0f,\"submit_rate\":%.0f,"
      "\"published_rate\":%.0f,\"seconds\":%.3f,\"p50\":%.2f,\"p99\":%.2f,"
      "\"refused\":%zu,\"writes\":%.2f,\"load_cpu\":%.3f}\n",
      tasks, rate(end), rate(submitted), rate(told), seconds(end - begin), seen.quantile(0.5),
      seen.quantile(0.99), seen.refused, writes / static_cast<double>(tasks), own_cpu());
}

void orders(const std::string& address, const options& how) {
  const auto request = post("/api/orders", order);
  metrics node(address);
  node.look();
  const long created_before = node.value(created);
  const long published_before = node.value(published);
  crowd lines(address, how.at("connections"));
  answers seen;
  const auto begin = steady::now();
  const auto limit = begin + std::chrono::seconds(how.at("seconds"));
  auto next_try = begin;
  while (steady::now() < limit || lines.in_flight() > 0) {
    while (steady::now() < limit && steady::now() >= next_try && lines.has_idle())
      lines.send(request, steady::now());
    lines.wait(steady::now() + look_interval, [&](const connection& line) {
      if (!seen.take(line))
        next_try = steady::now() + again_after;
    });
  }
  const auto submitted = steady::now();
  const auto sum = static_cast<long>(seen.accepted);
  node.look();
  const long behind = published_before + sum - node.value(published);
  const auto durable = await(node, created, created_before + sum);
  const auto told = await(node, published, published_before + sum);
  const auto rate = [&](auto until) { return static_cast<double>(sum) / seconds(until - begin); };
  std::printf(
      "{\"mode\":\"orders\",\"orders\":%ld,\"rate\":%.0f,\"p50\":%.2f,\"p99\":%.2f,"
      "\"created_rate\":%.0f,\"published_rate\":%.0f,\"behind\":%ld,"
      "\"seconds\":%.3f,\"refused\":%zu,\"load_cpu\":%.3f}\n",
      sum, rate(submitted), seen.quantile(0.5), seen.quantile(0.99), rate(durable), rate(told),
      behind, seconds(told - begin), seen.refused, own_cpu());
}

/// Makes what is not there yet; 409 = it is.
void prepare_shop(const std::string& address, size_t products) {
  connection line(address, true);
  const auto ask = [&](const std::string& path, const std::string& body) {
    const auto request = post(path, body);
    line.start(request);
    while (!line.go_on()) {
    }
    if (line.status() != 200 && line.status() != 201 && line.status() != 409)
      give_up(path + " answered " + std::to_string(line.status()));
  };
  ask("/api/flows", R"({"name":"bench-sell","steps":[{"name":"reserve","kind":"stock.reserve"}]})");
  for (size_t i = 0; i < products; ++i)
    ask("/api/products",
        R"({"product":"bench-)" + std::to_string(i) + R"(","available":1000000000})");
}

void order_batches(const std::string& address, const options& how, size_t products) {
  if (products > 0)
    prepare_shop(address, products);
  const size_t items = how.at("items");
  const size_t requests = (how.at("orders") + items - 1) / items;
  std::string body = "[";
  for (size_t i = 0; i < items; ++i) {
    body += i == 0 ? "" : ",";
    if (products == 0)
      body += order;
    else
      body += R"({"product":"bench-)" + std::to_string(i % products) + R"(","flow":"bench-sell"})";
  }
  const auto request = post("/api/orders/batch", body + "]");
  const auto* counted = products > 0 ? completed : created;
  metrics node(address);
  node.look();
  const long orders = static_cast<long>(items * requests);
  const long goal = node.value(counted) + orders;
  crowd lines(address, how.at("connections"));
  answers seen;
  const auto begin = steady::now();
  auto next_try = begin;
  while (seen.accepted < requests) {
    while (steady::now() >= next_try && lines.has_idle() &&
           seen.accepted + lines.in_flight() < requests)
      lines.send(request, steady::now());
    lines.wait(steady::now() + look_interval, [&](const connection& line) {
      if (!seen.take(line))
        next_try = steady::now() + again_after;
    });
  }
  const auto end = await(node, counted, goal);
  std::printf(
      "{\"mode\":\"%s\",\"orders\":%ld,\"products\":%zu,\"rate\":%.0f,\"seconds\":%.3f,"
      "\"p50\":%.2f,\"p99\":%.2f,\"refused\":%zu,\"load_cpu\":%.3f}\n",
      products > 0 ? "sell" : "plain", orders, products,
      static_cast<double>(orders) / seconds(end - begin), seconds(end - begin), seen.quantile(0.5),
      seen.quantile(0.99), seen.refused, own_cpu());
}

void sell(const std::string& address, const options& how) {
  order_batches(address, how, how.at("products"));
}
void plain(const std::string& address, const options& how) { order_batches(address, how, 0); }

/// Open loop: a task is due at fixed times, and its latency counts from there even where no
/// connection was free. The answer comes once the task has ended.
void paced(const std::string& address, const options& how) {
  const auto request = post("/api/tasks", noop, "Prefer: wait=5\r\n");
  const size_t total = how.at("rate") * how.at("seconds");
  const auto apart = steady::duration(1s) / static_cast<long>(how.at("rate"));
  crowd lines(address, 64);
  answers seen;
  const auto begin = steady::now();
  size_t sent = 0;
  const auto due = [&] { return begin + apart * static_cast<long>(sent); };
  while (seen.accepted < total) {
    while (sent < total && lines.has_idle() && steady::now() >= due()) {
      lines.send(request, due());
      ++sent;
    }
    const auto next = sent < total && lines.has_idle() ? due() : steady::now() + look_interval;
    lines.wait(next, [&](const connection& line) {
      if (!seen.take(line))
        give_up("refused at " + std::to_string(how.at("rate")) + "/s");
    });
  }
  std::printf(
      "{\"mode\":\"paced\",\"tasks\":%zu,\"rate\":%zu,\"p50\":%.2f,\"p99\":%.2f,"
      "\"max\":%.2f,\"seconds\":%.3f,\"load_cpu\":%.3f}\n",
      total, how.at("rate"), seen.quantile(0.5), seen.quantile(0.99), seen.quantile(1),
      seconds(steady::now() - begin), own_cpu());
}

struct mode {
  void (*run)(const std::string&, const options&);
  options defaults;
};

}  // namespace

}  // namespace orrery::bench

int main(int argc, char** argv) {
  using namespace orrery::bench;
  const std::map<std::string, mode> modes = {
      {"batch", {batch, {{"tasks", 100'000}, {"items", 1000}, {"connections", 4}}}},
      {"orders", {orders, {{"seconds", 5}, {"connections", 32}}}},
      {"paced", {paced, {{"seconds", 20}, {"rate", 100}}}},
      {"sell", {sell, {{"orders", 30'000}, {"items", 500}, {"connections", 4}, {"products", 1}}}},
      {"plain", {plain, {{"orders", 50'000}, {"items", 500}, {"connections", 4}}}}};
  const auto chosen = argc > 2 ? modes.find(argv[1]) : modes.end();
  if (chosen == modes.end())
    give_up("usage: load batch|orders|paced|sell|plain ADDRESS [option=number]…");
  auto how = chosen->second.defaults;
  for (int i = 3; i < argc; ++i) {
    const std::string text = argv[i];
    const auto equals = text.find('=');
    const auto option = how.find(text.substr(0, equals));
    const auto number = equals == std::string::npos ? 0 : std::atol(text.c_str() + equals + 1);
    if (option == how.end() || number <= 0)
      give_up("does not understand " + text);
    option->second = static_cast<size_t>(number);
  }
  chosen->second.run(argv[2], how);
}
