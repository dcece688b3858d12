#pragma once
/// Real Apache Kafka brokers on loopback for tests: own processes, free ports, a folder of their own.

#include "tests/support/process.hpp"

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

namespace orrery::test {

/// One to three brokers. Starting takes some seconds; a test binary shares one cluster, and each test
/// takes a topic prefix of its own. Not thread-safe.
class kafka_cluster {
public:
  /// Who keeps the metadata: the brokers themselves, or a ZooKeeper beside them.
  enum class metadata { kraft, zookeeper };

  /// Throws where the brokers do not come up; their logs are then kept.
  explicit kafka_cluster(size_t brokers = 1, metadata how = metadata::kraft);
  ~kafka_cluster();
  kafka_cluster(const kafka_cluster&) = delete;
  kafka_cluster& operator=(const kafka_cluster&) = delete;

  /// The one broker that all tests of this binary share; started by the first who asks.
  static kafka_cluster& shared();

  /// `127.0.0.1:port,…`, the same for the life of the cluster.
  std::string bootstrap() const;
  size_t brokers() const noexcept { return nodes_.size(); }
  /// A topic prefix that nobody had before: `t7-`.
  std::string fresh_prefix();

  void kill(size_t broker);   ///< At once, as a power cut of the process.
  void stop(size_t broker);   ///< In order (SIGTERM).
  void start(size_t broker);  ///< After `kill` or `stop`; returns when it serves.
  void pause(size_t broker);  ///< It hangs: connections stay, nothing answers.
  void resume(size_t broker);

private:
  struct node {
    uint16_t port = 0;
    uint16_t controller_port = 0;
    size_t starts = 0;
    std::filesystem::path log;
    std::unique_ptr<child_process> process;
  };

  std::filesystem::path properties_of(size_t broker) const;
  std::vector<std::string> java(const std::string& heap) const;
  void write_properties(size_t broker) const;
  void format(size_t broker) const;
  void start_zookeeper();
  void launch(size_t broker);
  void await(size_t broker);

  temp_dir dir_;
  const metadata how_;
  std::string jars_;
  uint16_t zookeeper_port_ = 0;
  std::unique_ptr<child_process> zookeeper_;
  std::vector<node> nodes_;
  size_t prefixes_ = 0;
};

}  // namespace orrery::test
