/// Strangers at the port.

#include "tests/unit/cluster/mesh_fixture.hpp"

#include <csignal>

namespace orrery::test {

namespace {

void send_and_hang_up(uint16_t port, std::string_view bytes) {
  const int fd = plain_connection(port);
  ASSERT_GE(fd, 0);
  ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
  ::shutdown(fd, SHUT_WR);
  // Until the other side has had enough of it, but not for ever.
  timeval limit{.tv_sec = 2, .tv_usec = 0};
  ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  char buffer[256];
  while (::recv(fd, buffer, sizeof buffer, 0) > 0) {
  }
  ::close(fd);
}

}  // namespace

TEST_F(mesh_test, is_not_hurt_by_bytes_that_are_no_tls) {
  auto a = node("a");
  auto b = node("b");
  std::string basp_client_handshake(32, '\0');
  basp_client_handshake[0] = 1;
  std::string huge_basp_header = basp_client_handshake;
  huge_basp_header[4] = '\x20';
  std::string tls_garbage = "\x16\x03\x01\x02\x05";
  tls_garbage += std::string(4000, '\xee');
  for (const auto& bytes :
       {std::string("GET / HTTP/1.1\r\nHost: x\r\n\r\n"), basp_client_handshake, huge_basp_header,
        tls_garbage, std::string(100'000, '\xab'), std::string()})
    send_and_hang_up(b->port(), bytes);
  a->see({b.get()});
  EXPECT_TRUE(eventually([&] { return a->reaches("b"); }, long_enough));
  EXPECT_TRUE(a->ask("b", {}));
}

TEST_F(mesh_test, lets_others_in_while_strangers_hold_silent_connections) {
  auto a = node("a");
  auto b = node("b");
  std::vector<int> silent;
  for (int i = 0; i < 50; ++i)
    silent.push_back(plain_connection(b->port()));
  a->see({b.get()});
  EXPECT_TRUE(eventually([&] { return a->reaches("b"); }, long_enough));
  EXPECT_TRUE(a->ask("b", {}));
  for (const int fd : silent)
    ::close(fd);
}

TEST_F(mesh_test, refuses_a_node_of_another_authority) {
  const temp_dir other;
  ASSERT_TRUE(init_authority(other.path()));
  std::atomic<int> questions{0};
  const auto count = [&](mesh_request, auto reply) {
    ++questions;
    reply({});
  };
  // Of two nodes the one with the smaller name connects: one stranger calls, one is called.
  auto calls = node(options_of("a", other.path()), count);
  auto is_called = node(options_of("z", other.path()), count);
  auto ours = node(options_of("m"), count);
  auto witness = node("n");
  calls->see({ours.get()});
  ours->see({calls.get(), is_called.get(), witness.get()});
  is_called->see({ours.get()});
  ASSERT_TRUE(eventually([&] { return ours->reaches("n"); }, long_enough));
  EXPECT_EQ(calls->ask("m", {}).error().code, errc::unavailable);
  EXPECT_EQ(ours->ask("z", {}).error().code, errc::unavailable);
  EXPECT_EQ(ours->ask("a", {}).error().code, errc::unavailable);
  EXPECT_EQ(ours->net().connected(), std::vector<std::string>{"n"});
  EXPECT_TRUE(calls->net().connected().empty());
  EXPECT_TRUE(is_called->net().connected().empty());
  EXPECT_EQ(questions, 0);
}

TEST_F(mesh_test, does_not_begin_without_complete_tls) {
  const auto good = options_of("a");
  options_of("b");
  const temp_dir other;
  ASSERT_TRUE(init_authority(other.path()));
  std::vector<mesh::options> bad(6, good);
  bad[0].certificate.clear();
  bad[1].key.clear();
  bad[2].ca.clear();
  bad[3].key = (dir_.path() / "b.key").string();
  bad[4].ca = (other.path() / "ca.pem").string();
  bad[5].certificate = (dir_.path() / "missing.pem").string();
  for (const auto& how : bad) {
    caf::actor_system_config config;
    EXPECT_FALSE(configure(config, how));
    // Also not on a system that nobody prepared.
    caf::actor_system system{config};
    mesh net(system, how, [](mesh_request, auto) {});
    EXPECT_FALSE(net.start());
  }
}

TEST_F(mesh_test, does_not_begin_on_a_system_with_other_certificates) {
  const auto good = options_of("a");
  caf::actor_system_config config;
  ASSERT_TRUE(configure(config, options_of("b")));
  caf::actor_system system{config};
  mesh net(system, good, [](mesh_request, auto) {});
  const auto started = net.start();
  ASSERT_FALSE(started);
  EXPECT_EQ(started.error().code, errc::invalid);
}

TEST_F(mesh_test, tells_when_its_port_is_taken) {
  auto a = node("a");
  auto how = options_of("b");
  how.port = a->port();
  caf::actor_system_config config;
  ASSERT_TRUE(configure(config, how));
  caf::actor_system system{config};
  mesh net(system, how, [](mesh_request, auto) {});
  const auto started = net.start();
  ASSERT_FALSE(started);
  EXPECT_EQ(started.error().code, errc::unavailable);
}

}  // namespace orrery::test
