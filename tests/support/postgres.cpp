#include "tests/support/postgres.hpp"

#include <pwd.h>
#include <unistd.h>
#include <algorithm>
#include <csignal>
#include <fstream>
#include <stdexcept>

#if defined(__SANITIZE_ADDRESS__)
/// libpqxx 6.4 loses the empty result (2 kB) of a call during which the connection broke: it asks for
/// the client's encoding, and throws, before anything owns the result.
extern "C" const char* __lsan_default_suppressions();
extern "C" const char* __lsan_default_suppressions() { return "leak:libpqxx"; }
#endif

namespace orrery::test {

namespace {

using std::chrono_literals::operator""s;

std::filesystem::path find_binaries() {
  auto found = run("pg_config --bindir");
  while (!found.output.empty() && found.output.back() == '\n')
    found.output.pop_back();
  for (const auto& place :
       {std::filesystem::path(found.output), std::filesystem::path("/usr/lib/postgresql/15/bin")})
    if (std::filesystem::exists(place / "initdb"))
      return place;
  throw std::runtime_error("PostgreSQL's initdb is not installed");
}

bool is_root() { return ::geteuid() == 0; }

std::string quoted(const std::string& text) {
  std::string out = "'";
  for (const char c : text)
    out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out + "'";
}

/// The server refuses to run as root, and the kernel forgets at a change of user whom to signal
/// when the parent dies; `setpriv` sets it again.
std::vector<std::string> as_server_user(std::vector<std::string> command) {
  if (!is_root())
    return command;
  std::vector<std::string> argv = {"setpriv", "--reuid=postgres", "--regid=postgres",
                                   "--init-groups", "--pdeathsig=QUIT"};
  argv.insert(argv.end(), command.begin(), command.end());
  return argv;
}

std::string shell_line(const std::vector<std::string>& argv) {
  std::string line;
  for (const auto& word : argv)
    line += quoted(word) + " ";
  return line;
}

}  // namespace

postgres_cluster& postgres_cluster::shared() {
  static postgres_cluster instance;
  return instance;
}

postgres_cluster::postgres_cluster(std::vector<std::string> settings)
    : binaries_(find_binaries()), settings_(std::move(settings)), port_(free_port()) {
  if (is_root()) {
    const auto* user = ::getpwnam("postgres");
    if (user == nullptr || ::chown(folder_.path().c_str(), user->pw_uid, user->pw_gid) != 0)
      throw std::runtime_error("there is no user postgres to run the server as");
  }
  const auto made =
      run("cd / && " +
          shell_line(as_server_user({(binaries_ / "initdb").string(), "-D",
                                     (folder_.path() / "data").string(), "-A", "trust", "-U",
                                     "postgres", "-E", "UTF8", "--locale=C", "--no-sync"})));
  if (made.status != 0)
    throw std::runtime_error("initdb: " + made.output);
  start();
}

postgres_cluster::~postgres_cluster() {
  if (running())
    stop(stop_mode::immediate);
}

void postgres_cluster::launch() {
  std::vector<std::string> command = {(binaries_ / "postgres").string(), "-D",
                                      (folder_.path() / "data").string(), "-p",
                                      std::to_string(port_)};
  // Surviving a loss of power is not what these tests ask for, so they need not wait for the disk.
  for (const auto* setting : {"listen_addresses=127.0.0.1", "unix_socket_directories=",
                              "max_prepared_transactions=20", "fsync=off"})
    command.insert(command.end(), {"-c", setting});
  for (const auto& setting : settings_)
    command.insert(command.end(), {"-c", setting});
  server_ = std::make_unique<child_process>(as_server_user(std::move(command)),
                                            folder_.path() / "server.log");
}

void postgres_cluster::start() {
  if (running())
    return;
  launch();
  const auto ask =
      quoted((binaries_ / "pg_isready").string()) + " -q -h 127.0.0.1 -p " + std::to_string(port_);
  const bool up = eventually([&] { return run(ask).status == 0 || !running(); }, 30s) && running();
  if (!up) {
    std::ifstream log(folder_.path() / "server.log");
    throw std::runtime_error("PostgreSQL does not start: " +
                             std::string(std::istreambuf_iterator<char>(log), {}));
  }
}

void postgres_cluster::stop(stop_mode mode) {
  if (!running())
    return;
  server_->signal(mode == stop_mode::fast ? SIGINT : SIGQUIT);
  if (server_->wait(30s) == -1)
    throw std::runtime_error("PostgreSQL does not stop");
  server_.reset();
}

bool postgres_cluster::running() { return server_ && server_->running(); }

std::vector<pid_t> postgres_cluster::processes() {
  std::vector<pid_t> all = {server_->pid()};
  std::ifstream children("/proc/" + std::to_string(server_->pid()) + "/task/" +
                         std::to_string(server_->pid()) + "/children");
  for (pid_t child = 0; children >> child;)
    all.push_back(child);
  return all;
}

void postgres_cluster::freeze() {
  for (const auto pid : processes())
    ::kill(pid, SIGSTOP);
}

void postgres_cluster::thaw() {
  for (const auto pid : processes())
    ::kill(pid, SIGCONT);
}

std::string postgres_cluster::create_database(const std::string& prefix) {
  const auto name = prefix + "_" + std::to_string(++databases_);
  sql("postgres", "create database \"" + name + "\"");
  return name;
}

void postgres_cluster::drop_database(const std::string& name) {
  sql("postgres", "drop database if exists \"" + name + "\" with (force)");
}

std::string postgres_cluster::url(const std::string& database) const {
  return url(database, port_);
}

std::string postgres_cluster::url(const std::string& database, uint16_t port) const {
  return "postgres://postgres@127.0.0.1:" + std::to_string(port) + "/" + database +
         "?sslmode=disable&gssencmode=disable";
}

std::string postgres_cluster::sql(const std::string& database, const std::string& statements) {
  auto r = run(quoted((binaries_ / "psql").string()) + " -X -q -A -t -v ON_ERROR_STOP=1 -d " +
               quoted(url(database)) + " -c " + quoted(statements));
  if (r.status != 0)
    throw std::runtime_error("psql: " + r.output);
  while (!r.output.empty() && r.output.back() == '\n')
    r.output.pop_back();
  return r.output;
}

}  // namespace orrery::test
