#include "app/dev_command.hpp"

#include "app/cli/tree.hpp"
#include "app/commands.hpp"
#include "app/wiring.hpp"
#include "base/clock.hpp"
#include "codec/json.hpp"
#include "http/client.hpp"

#include <CLI/CLI.hpp>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <iostream>
#include <memory>

namespace orrery::app {

namespace {

constexpr const char* dev_user = "admin";

struct dev_wish {
  std::string file;
  std::string data;
  std::string http = "127.0.0.1:8080";
  std::string log_level = "warning";
};

/// Removed with all it holds.
class passing_folder {
public:
  static result<passing_folder> make() {
    auto name = (std::filesystem::temp_directory_path() / "orrery-dev-XXXXXX").string();
    if (mkdtemp(name.data()) == nullptr)
      return failure{errc::unavailable, name + ": " + std::strerror(errno)};
    return passing_folder(name);
  }
  passing_folder(passing_folder&& other) noexcept : path_(std::exchange(other.path_, {})) {}
  ~passing_folder() {
    std::error_code ignored;
    if (!path_.empty())
      std::filesystem::remove_all(path_, ignored);
  }
  const std::string& path() const noexcept { return path_; }

private:
  explicit passing_folder(std::string path) : path_(std::move(path)) {}
  std::string path_;
};

std::string new_password() {
  static constexpr std::string_view letters = "abcdefghijkmnpqrstuvwxyz23456789";  // 32, none alike
  system_random chance;
  std::string out;
  for (auto bits = chance.next(); out.size() < 12; bits >>= 5)
    out += letters[bits & 31];
  return out;
}

/// The first account, by the link of the first start. The password; empty where there are accounts.
result<std::string> make_account(const running_node& node, const std::string& ca_file) {
  const auto& link = node.first_account_link();
  if (link.empty())
    return std::string{};
  const auto password = new_password();
  auto to = http::client::make(
      {.server = link.substr(0, link.find("/start#")), .ca_file = ca_file, .agent = "orrery dev"});
  if (!to)
    return std::move(to).error();
  http::client_request request{.verb = "POST", .target = "/api/auth/bootstrap"};
  codec::json_writer(request.body)
      .begin_object()
      .field("token", link.substr(link.find('#') + 1))
      .field("name", dev_user)
      .field("password", password)
      .end_object();
  const auto answer = to->call(request, 30s);
  if (!answer)
    return answer.error();
  if (answer->status > 299)
    return failure{errc::rejected, "the first account: " + answer->body};
  return password;
}

void greet(const running_node& node, const config& how, const std::string& password, bool passing) {
  const auto server =
      (how.access.tls_certificate.empty() ? "http://" : "https://") + node.http_address();
  std::cout << "\n  A node to try things with: SQLite, no Kafka, no other nodes. Not for work.\n\n"
            << "  API      " << server << "   its pages: " << server << "/docs\n"
            << "  account  " << dev_user << "  "
            << (password.empty() ? "as it was made here before" : "password " + password) << '\n'
            << "  data     " << how.data << (passing ? "   (removed at the end)" : "") << "\n\n"
            << "  For the command line in another terminal:\n\n"
            << "    export ORRERY_SERVER=" << server << " ORRERY_TOKEN=" << node.token() << '\n'
            << "    orrery tasks submit --kind noop --wait\n\n"
            << std::flush;
}

int serve_for_development(const dev_wish& wish) {
  std::unique_ptr<passing_folder> passing;
  auto data = wish.data;
  if (data.empty()) {
    auto made = passing_folder::make();
    if (!made) {
      std::cerr << "orrery server dev: " << made.error().detail << '\n';
      return 1;
    }
    data = made->path();
    passing = std::make_unique<passing_folder>(std::move(*made));
  }
  // What makes it a node for work comes neither from a file nor from the environment.
  const overrides flags = {{"data", data},
                           {"http", wish.http},
                           {"store", "sqlite"},
                           {"log", "embedded"},
                           {"mesh", ""},
                           {"auth", "token"},
                           {"resources.inventory", ""},
                           {"logging.level", wish.log_level}};
  const auto loaded = load_config(wish.file, flags);
  return serve(loaded, [&](const running_node& node) -> result<void> {
    const auto password = make_account(node, loaded.values.access.tls_certificate);
    if (!password)
      return password.error();
    greet(node, loaded.values, *password, passing != nullptr);
    return {};
  });
}

}  // namespace

void add_dev_command(CLI::App& app, int& status) {
  const auto wish = std::make_shared<dev_wish>();
  auto* to = cli::child_of(app, "server", "The node that is asked")
                 ->add_subcommand("dev",
                                  "Runs a node to try things with: SQLite, no Kafka, one "
                                  "account; what it kept is removed at its end.");
  to->add_option("--http", wish->http, "Address of the HTTP API, host:port; 127.0.0.1:8080");
  to->add_option("--data", wish->data, "Keep its data in this folder");
  to->add_option("--config", wish->file, "Further settings (TOML), as commands of the kind exec");
  to->add_option("--log-level", wish->log_level, "One of: debug info warning error off");
  to->callback([wish, &status] { status = serve_for_development(*wish); });
}

}  // namespace orrery::app
