#pragma once
/// A PostgreSQL server of the tests' own, and a proxy that cuts its connections.

#include "tests/support/process.hpp"

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace orrery::test {

/// A cluster in a temporary folder, on a free port of loopback, without passwords. Runs as the user
/// `postgres` where the tests run as root. Stopped and removed at destruction; should the test
/// crash, the kernel stops the server.
class postgres_cluster {
public:
  /// One for all tests of a binary, made when first asked for.
  static postgres_cluster& shared();

  /// `settings` as `name=value`, beyond the fixture's own.
  explicit postgres_cluster(std::vector<std::string> settings = {});
  ~postgres_cluster();
  postgres_cluster(const postgres_cluster&) = delete;
  postgres_cluster& operator=(const postgres_cluster&) = delete;

  enum class stop_mode {
    fast,       ///< Sessions are ended, then a clean shutdown.
    immediate,  ///< As after a crash: recovery at the next start.
  };
  void stop(stop_mode mode = stop_mode::fast);
  /// Returns when it takes connections.
  void start();
  bool running();
  /// SIGSTOP and SIGCONT to the server and all its sessions.
  void freeze();
  void thaw();

  /// A fresh, empty database; its name begins with `prefix`.
  std::string create_database(const std::string& prefix = "test");
  void drop_database(const std::string& name);
  std::string url(const std::string& database) const;
  /// As above, but through a proxy's port.
  std::string url(const std::string& database, uint16_t port) const;
  uint16_t port() const noexcept { return port_; }
  /// Runs SQL by psql and gives its output (tuples only, fields by `|`), trimmed. Throws on an
  /// error.
  std::string sql(const std::string& database, const std::string& statements);

private:
  void launch();
  std::vector<pid_t> processes();

  temp_dir folder_;
  std::filesystem::path binaries_;
  std::vector<std::string> settings_;
  uint16_t port_ = 0;
  std::atomic<int> databases_ = 0;
  std::unique_ptr<child_process> server_;
};

/// Stands between a client and a PostgreSQL server on loopback, reads the client's messages one by
/// one, and cuts the connection where it is told to. Connections without TLS only.
class postgres_proxy {
public:
  enum class action {
    pass,
    cut,           ///< The message does not reach the server; both sides are closed.
    pass_and_cut,  ///< It reaches the server and is carried out; its answer never reaches the
                   ///< client.
  };
  /// Sees every message of the client (type letter, body); type 0 is the greeting.
  using judge = std::function<action(char type, std::string_view body)>;

  explicit postgres_proxy(uint16_t server_port);
  ~postgres_proxy();
  postgres_proxy(const postgres_proxy&) = delete;
  postgres_proxy& operator=(const postgres_proxy&) = delete;

  uint16_t port() const noexcept { return port_; }
  /// From now on, for all connections. Empty = all pass.
  void on_message(judge decide);

private:
  void accept_all(const std::stop_token& stop);
  void serve(int client, const std::stop_token& stop);
  action ask(char type, std::string_view body);

  uint16_t server_port_;
  uint16_t port_ = 0;
  int listener_ = -1;
  std::mutex guard_;
  judge judge_;
  std::vector<std::jthread> sessions_;
  std::jthread acceptor_;
};

}  // namespace orrery::test
