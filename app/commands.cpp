#include "app/commands.hpp"

#include "actors/status_replay.hpp"
#include "app/topic_rules.hpp"
#include "app/wiring.hpp"
#include "base/log.hpp"
#include "cluster/pki.hpp"
#include "codec/messages.hpp"
#include "persistence/postgres/postgres_store.hpp"
#include "persistence/sqlite/sqlite_store.hpp"

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <iostream>
#include <thread>

namespace orrery::app {

namespace {

int complain(const failure& why) {
  std::cerr << "orrery: " << (why.field.empty() ? "" : why.field + " ") << why.detail << '\n';
  return 1;
}

/// Opens the store of a configuration for reading.
result<std::unique_ptr<store>> open_store(const config& how, const clock& time) {
  if (how.embedded_store()) {
    const auto file = std::filesystem::path(how.data) / "orrery.db";
    if (!std::filesystem::exists(file))
      return failure{errc::not_found, "there is no store at " + file.string()};
    return std::unique_ptr<store>(std::make_unique<sqlite_store>(file, time));
  }
  auto opened = postgres_store::open(how.store.reveal());
  if (!opened)
    return std::move(opened).error();
  return std::unique_ptr<store>(std::move(*opened));
}

constexpr size_t page = 1000;

}  // namespace

int report_problems(const loaded_config& loaded) {
  for (const auto& problem : loaded.problems)
    std::cerr << "orrery: " << problem << '\n';
  return loaded.problems.empty() ? 0 : 2;
}

int serve(const loaded_config& loaded,
          const std::function<result<void>(const running_node&)>& begun) {
  if (const int status = report_problems(loaded); status != 0)
    return status;
  // Signals are for this thread alone: blocked before any other thread is made.
  sigset_t wanted;
  sigemptyset(&wanted);
  sigaddset(&wanted, SIGTERM);
  sigaddset(&wanted, SIGINT);
  pthread_sigmask(SIG_BLOCK, &wanted, nullptr);
  std::signal(SIGPIPE, SIG_IGN);

  auto logging = loaded.values.logging;
  logging.node = loaded.values.node;
  if (logging.file == "none") {
    logging.file.clear();
  } else if (logging.file.empty()) {
    std::error_code ignored;  // a folder that cannot be made is named when the store is opened
    std::filesystem::create_directories(loaded.values.data, ignored);
    if (std::filesystem::is_directory(loaded.values.data, ignored))
      logging.file = (std::filesystem::path(loaded.values.data) / "orrery.log.jsonl").string();
  }
  log::start(logging);
  auto values = loaded.values;
  values.logging = logging;
  auto node = running_node::start(values);
  if (!node) {
    log::error("node.start_failed", {{"detail", node.error().detail}});
    const int status = complain(node.error());
    log::stop();
    return node.error().code == errc::invalid || node.error().code == errc::conflict ? 2 : status;
  }
  if (const auto ok = begun ? begun(**node) : result<void>{}; !ok) {
    const int status = complain(ok.error());
    (*node)->stop();
    node->reset();
    log::stop();
    return status;
  }
  if (const auto& link = (*node)->first_account_link(); !begun && !link.empty())
    std::fprintf(stderr, "orrery: no accounts yet; make the first one (once, within a day): %s\n",
                 link.c_str());
  std::printf("ready http=%s node=%s\n", (*node)->http_address().c_str(),
              loaded.values.node.c_str());
  std::fflush(stdout);

  const timespec look = {0, 200'000'000};
  while (!(*node)->failed() && sigtimedwait(&wanted, nullptr, &look) < 0 &&
         (errno == EAGAIN || errno == EINTR)) {
  }
  const bool failed = (*node)->failed();
  (*node)->stop();
  node->reset();
  log::stop();
  return failed ? 1 : 0;
}

int cluster_init(const std::string& folder, const std::vector<std::string>& nodes) {
  if (auto ok = init_authority(folder); !ok)
    return complain(ok.error());
  std::cout << "made an authority in " << folder << '\n';
  return nodes.empty() ? 0 : cluster_issue(folder, nodes);
}

int cluster_issue(const std::string& folder, const std::vector<std::string>& nodes) {
  for (const auto& node : nodes) {
    const auto files = issue_node(folder, node);
    if (!files)
      return complain(files.error());
    std::cout << "made " << files->certificate.string() << '\n';
  }
  return 0;
}

int print_journal(const loaded_config& loaded, uint32_t shard, int64_t from) {
  if (const int status = report_problems(loaded); status != 0)
    return status;
  const system_clock time;
  auto truth = open_store(loaded.values, time);
  if (!truth)
    return complain(truth.error());
  const auto reader = (*truth)->open_reader();
  for (position_t next{from};;) {
    const auto events = reader->journal(shard_id{static_cast<uint16_t>(shard)}, next, page);
    if (!events)
      return complain(events.error());
    if (events->empty())
      return 0;
    for (const auto& event : *events) {
      std::string line;
      codec::append_view(line, event);
      std::cout << to_string(event.id) << ' ' << line << '\n';
    }
    next = position_t{events->back().position.value + 1};
  }
}

void print_status(const std::string& topic, const status_event& event) {
  if (const auto* message = std::get_if<scheduled_message>(&event)) {
    if (message->record.topic == topic)
      std::cout << message->record.value << '\n';
  } else if (const auto* of_schedule = std::get_if<schedule_status_event>(&event)) {
    if (topic == "schedule_status_topic")
      std::cout << codec::write(*of_schedule) << '\n';
  } else if (const auto* of_task = std::get_if<task_status_event>(&event)) {
    if (topic == "task_status_topic")
      std::cout << codec::write(*of_task) << '\n';
  } else if (topic == "order_status_topic") {
    std::cout << codec::write(std::get<order_status_event>(event)) << '\n';
  }
}

int print_statuses(const loaded_config& loaded, const std::string& topic) {
  if (const int status = report_problems(loaded); status != 0)
    return status;
  const auto& writable = loaded.values.schedule_topics;
  if (topic != "order_status_topic" && topic != "task_status_topic" &&
      topic != "schedule_status_topic" && !is_among(writable, topic))
    return complain(
        {errc::invalid,
         "must be order_status_topic, task_status_topic, schedule_status_topic or one of "
         "schedule.topics",
         "topic"});
  const system_clock time;
  auto truth = open_store(loaded.values, time);
  if (!truth)
    return complain(truth.error());
  const auto reader = (*truth)->open_reader();
  const auto rows = reader->shards();
  if (!rows)
    return complain(rows.error());
  for (const auto& row : *rows) {
    for (position_t next{1}; next <= row.position;) {
      const auto events = actors::replay_status_events(*reader, row.shard, next, page);
      if (!events)
        return complain(events.error());
      for (const auto& event : events->events)
        print_status(topic, event);
      if (events->scanned < next)
        break;
      next = position_t{events->scanned.value + 1};
    }
  }
  return 0;
}

}  // namespace orrery::app
