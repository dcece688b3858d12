#pragma once
/// Nodes with certificates of one authority, each with its own actor system, talking over loopback.

#include "cluster/mesh.hpp"
#include "cluster/pki.hpp"
#include "tests/support/process.hpp"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>
#include <atomic>
#include <caf/all.hpp>
#include <mutex>
#include <optional>

namespace orrery::test {

inline constexpr std::chrono::seconds long_enough{30};

inline mesh_reply echo_of(const mesh_request& request) {
  return {.code = static_cast<uint8_t>(request.verb + 1), .body = "echo " + request.body};
}

/// What `ask` answered, and how often.
class asked {
public:
  std::function<void(result<mesh_reply>)> callback() {
    return [state = state_](result<mesh_reply> answer) {
      const std::lock_guard lock(state->guard);
      ++state->count;
      state->answer = std::move(answer);
    };
  }
  size_t count() const {
    const std::lock_guard lock(state_->guard);
    return state_->count;
  }
  result<mesh_reply> wait() const {
    EXPECT_TRUE(eventually([&] { return count() > 0; }, long_enough));
    const std::lock_guard lock(state_->guard);
    return state_->answer.value_or(failure{errc::in_doubt, "never answered"});
  }

private:
  struct shared {
    mutable std::mutex guard;
    size_t count = 0;
    std::optional<result<mesh_reply>> answer;
  };
  std::shared_ptr<shared> state_ = std::make_shared<shared>();
};

/// One node: actor system and mesh; ends with its destruction.
class test_node {
public:
  test_node(mesh::options how, mesh::handler answer)
      : config_(how), system_(config_.caf), mesh_(system_, how, std::move(answer)) {
    auto started = mesh_.start();
    EXPECT_TRUE(started) << (started ? "" : started.error().detail);
    row_.name = how.node;
    row_.mesh_address = started.value_or("");
  }

  mesh& net() { return mesh_; }
  const node_row& row() const { return row_; }
  uint16_t port() const {
    return static_cast<uint16_t>(
        std::stoul(row_.mesh_address.substr(row_.mesh_address.rfind(':') + 1)));
  }
  void see(const std::vector<const test_node*>& others) {
    std::vector<node_row> rows{row_};
    for (const auto* other : others)
      rows.push_back(other->row());
    mesh_.peers(rows);
  }
  bool reaches(const std::string& name) {
    const auto names = mesh_.connected();
    return std::find(names.begin(), names.end(), name) != names.end();
  }
  result<mesh_reply> ask(const std::string& node, mesh_request request) {
    asked answer;
    mesh_.ask(node, std::move(request), 10s, answer.callback());
    return answer.wait();
  }

private:
  struct configured {
    explicit configured(const mesh::options& how) {
      caf.set("scheduler.policy", caf::atom("sharing"));
      caf.set("scheduler.max-threads", size_t{2});
      caf.set("logger.file-verbosity", caf::atom("quiet"));
      const auto done = configure(caf, how);
      EXPECT_TRUE(done) << (done ? "" : done.error().detail);
    }
    caf::actor_system_config caf;
  };
  configured config_;
  caf::actor_system system_;
  mesh mesh_;
  node_row row_;
};

class mesh_test : public ::testing::Test {
protected:
  void SetUp() override { ASSERT_TRUE(init_authority(dir_.path())); }

  mesh::options options_of(const std::string& name) { return options_of(name, dir_.path()); }
  mesh::options options_of(const std::string& name, const std::filesystem::path& authority) {
    mesh::options how;
    how.node = name;
    how.bind_host = "127.0.0.1";
    how.verb_max = 9;
    how.certificate = (authority / (name + ".pem")).string();
    how.key = (authority / (name + ".key")).string();
    how.ca = (authority / "ca.pem").string();
    if (!std::filesystem::exists(how.certificate)) {
      auto files = issue_node(authority, name);
      EXPECT_TRUE(files);
    }
    return how;
  }

  /// A node that answers at once.
  std::unique_ptr<test_node> node(const std::string& name, uint16_t port = 0) {
    auto how = options_of(name);
    how.port = port;
    return node(how, [](mesh_request request, auto reply) { reply(echo_of(request)); });
  }
  std::unique_ptr<test_node> node(mesh::options how, mesh::handler answer) {
    return std::make_unique<test_node>(std::move(how), std::move(answer));
  }

  temp_dir dir_;
};

/// A plain TCP connection to loopback; -1 where refused.
inline int plain_connection(uint16_t port) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0)
    return fd;
  ::close(fd);
  return -1;
}

}  // namespace orrery::test
