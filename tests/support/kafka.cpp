#include "tests/support/kafka.hpp"

#include <algorithm>
#include <csignal>
#include <fstream>
#include <sstream>
#include <stdexcept>

namespace orrery::test {

namespace {

using namespace std::chrono_literals;

// Any 16 bytes in Kafka's base64 form will do.
constexpr const char* cluster_id = "b3JyZXJ5LXRlc3Qta2Fma2";

std::string content_of(const std::filesystem::path& file) {
  std::ifstream in(file);
  std::stringstream all;
  all << in.rdbuf();
  return all.str();
}

/// The folder with Kafka's jars, fetched where it is missing: the last line of the script's output.
std::string jars_folder() {
  const auto outcome = run("'" + (source_dir() / "cluster" / "services").string() + "' jars");
  auto text = outcome.output;
  while (!text.empty() && text.back() == '\n')
    text.pop_back();
  if (outcome.status != 0 || text.empty())
    throw std::runtime_error("no Kafka jars: " + text);
  return text.substr(text.rfind('\n') + 1);
}

}  // namespace

kafka_cluster::kafka_cluster(size_t brokers, metadata how)
    : how_(how), jars_(jars_folder()), nodes_(brokers) {
  for (auto& n : nodes_) {
    n.port = free_port();
    n.controller_port = free_port();
  }
  if (how_ == metadata::zookeeper)
    start_zookeeper();
  for (size_t i = 0; i < nodes_.size(); ++i) {
    write_properties(i);
    if (how_ == metadata::kraft)
      format(i);
  }
  // All at once: a KRaft broker is not up before a majority of the controllers is.
  for (size_t i = 0; i < nodes_.size(); ++i)
    launch(i);
  for (size_t i = 0; i < nodes_.size(); ++i)
    await(i);
}

kafka_cluster::~kafka_cluster() {
  for (auto& n : nodes_)
    n.process.reset();
}

kafka_cluster& kafka_cluster::shared() {
  static kafka_cluster instance;
  return instance;
}

std::string kafka_cluster::bootstrap() const {
  std::string all;
  for (const auto& n : nodes_)
    all += (all.empty() ? "127.0.0.1:" : ",127.0.0.1:") + std::to_string(n.port);
  return all;
}

std::string kafka_cluster::fresh_prefix() { return "t" + std::to_string(++prefixes_) + "-"; }

void kafka_cluster::kill(size_t broker) { nodes_.at(broker).process.reset(); }

void kafka_cluster::stop(size_t broker) {
  auto& n = nodes_.at(broker);
  n.process->signal(SIGTERM);
  n.process->wait(20s);
  n.process.reset();
}

void kafka_cluster::start(size_t broker) {
  launch(broker);
  await(broker);
}

void kafka_cluster::pause(size_t broker) { nodes_.at(broker).process->signal(SIGSTOP); }

void kafka_cluster::resume(size_t broker) { nodes_.at(broker).process->signal(SIGCONT); }

std::filesystem::path kafka_cluster::properties_of(size_t broker) const {
  return dir_.path() / ("broker" + std::to_string(broker) + ".properties");
}

std::vector<std::string> kafka_cluster::java(const std::string& heap) const {
  // The first compiler tier and the serial collector halve the time to start on small machines.
  return {"java",
          heap,
          "-XX:TieredStopAtLevel=1",
          "-XX:+UseSerialGC",
          "-Djava.awt.headless=true",
          "-Dorg.slf4j.simpleLogger.defaultLogLevel=info",
          "-Djava.io.tmpdir=" + dir_.path().string(),
          "-cp",
          jars_ + "/*"};
}

void kafka_cluster::write_properties(size_t broker) const {
  const auto& n = nodes_[broker];
  const auto copies = std::to_string(nodes_.size());
  const auto address = "PLAINTEXT://127.0.0.1:" + std::to_string(n.port);
  std::ofstream out(properties_of(broker));
  if (how_ == metadata::kraft) {
    std::string voters;
    for (size_t i = 0; i < nodes_.size(); ++i)
      voters += (i == 0 ? "" : ",") + std::to_string(i) +
                "@127.0.0.1:" + std::to_string(nodes_[i].controller_port);
    out << "process.roles=broker,controller\nnode.id=" << broker
        << "\ncontroller.quorum.voters=" << voters << "\nlisteners=" << address
        << ",CONTROLLER://127.0.0.1:" << n.controller_port
        << "\ncontroller.listener.names=CONTROLLER\n"
           "listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT\n"
           "broker.session.timeout.ms=3000\nbroker.heartbeat.interval.ms=500\n";
  } else {
    out << "broker.id=" << broker << "\nzookeeper.connect=127.0.0.1:" << zookeeper_port_
        << "\nzookeeper.session.timeout.ms=3000\nlisteners=" << address << '\n';
  }
  out << "advertised.listeners=" << address
      << "\nlog.dirs=" << (dir_.path() / ("data" + std::to_string(broker))).string()
      << "\noffsets.topic.num.partitions=4\ntransaction.state.log.num.partitions=2"
      << "\noffsets.topic.replication.factor=" << copies
      << "\ntransaction.state.log.replication.factor=" << copies
      << "\ntransaction.state.log.min.isr=" << (nodes_.size() > 2 ? 2 : 1)
      << "\ndefault.replication.factor=" << copies
      << "\ngroup.min.session.timeout.ms=1000"
         "\ngroup.initial.rebalance.delay.ms=0\nnum.network.threads=2\nnum.io.threads=4"
         "\nlog.retention.check.interval.ms=1000\nfile.delete.delay.ms=1000"
         "\nlog.cleaner.dedupe.buffer.size=8000000\ncontrolled.shutdown.max.retries=1\n";
}

void kafka_cluster::format(size_t broker) const {
  auto command = java("-Xmx128m");
  for (const auto& part :
       {std::string("kafka.tools.StorageTool"), std::string("format"), std::string("-t"),
        std::string(cluster_id), std::string("-c"), properties_of(broker).string()})
    command.push_back(part);
  const auto log = dir_.path() / "format.log";
  child_process tool(command, log);
  if (tool.wait(60s) != 0)
    throw std::runtime_error("formatting Kafka's storage failed: " + content_of(log));
}

void kafka_cluster::start_zookeeper() {
  zookeeper_port_ = free_port();
  const auto config = dir_.path() / "zoo.cfg";
  std::ofstream(config) << "dataDir=" << (dir_.path() / "zookeeper").string()
                        << "\nclientPort=" << zookeeper_port_
                        << "\nclientPortAddress=127.0.0.1\nadmin.enableServer=false\n";
  auto command = java("-Xmx128m");
  command.emplace_back("org.apache.zookeeper.server.quorum.QuorumPeerMain");
  command.push_back(config.string());
  zookeeper_ = std::make_unique<child_process>(command, dir_.path() / "zookeeper.log");
}

void kafka_cluster::launch(size_t broker) {
  auto& n = nodes_.at(broker);
  n.log =
      dir_.path() / ("broker" + std::to_string(broker) + "-" + std::to_string(++n.starts) + ".log");
  auto command = java("-Xmx256m");
  command.emplace_back("kafka.Kafka");
  command.push_back(properties_of(broker).string());
  n.process = std::make_unique<child_process>(command, n.log);
}

void kafka_cluster::await(size_t broker) {
  // The socket listens long before requests are served, so we wait for the broker's own word.
  auto& n = nodes_[broker];
  const bool up = eventually(
      [&] {
        const auto log = content_of(n.log);
        return !n.process->running() || log.find("Kafka Server started") != std::string::npos ||
               log.find("] started (kafka.server.KafkaServer)") != std::string::npos ||
               log.find("KafkaServer - [KafkaServer id=" + std::to_string(broker) + "] started") !=
                   std::string::npos;
      },
      90s);
  if (!up || !n.process->running()) {
    const auto log = content_of(n.log);
    throw std::runtime_error("broker " + std::to_string(broker) + " did not come up: " +
                             log.substr(log.size() - std::min<size_t>(log.size(), 2000)));
  }
}

}  // namespace orrery::test
