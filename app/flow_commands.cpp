#include "app/flow_commands.hpp"

#include "codec/flows.hpp"

#include <fstream>
#include <iostream>
#include <memory>
#include <sstream>

namespace orrery::app {

namespace {

result<flow> read_file(const std::string& path) {
  std::ifstream file;
  if (path != "-") {
    file.open(path, std::ios::binary);
    if (!file)
      return failure{errc::not_found, "cannot read " + path};
  }
  std::stringstream text;
  text << (path == "-" ? std::cin.rdbuf() : file.rdbuf());
  return codec::read_flow(text.str());
}

int complain_of_flow(const failure& why) {
  std::cerr << "orrery: " << (why.field.empty() ? "" : why.field + ": ") << why.detail << '\n';
  return 2;
}

}  // namespace

void add_flow_commands(CLI::App& app, int& status) {
  auto* flows = app.add_subcommand("flows", "Flows: how orders are fulfilled");
  flows->require_subcommand(1);
  const auto path = std::make_shared<std::string>();

  auto* check = flows->add_subcommand("check", "Says whether a file is a flow, and what is wrong");
  check->add_option("file", *path, "JSON; - reads standard input")->required();
  check->callback([path, &status] {
    const auto f = read_file(*path);
    if (!f) {
      status = complain_of_flow(f.error());
      return;
    }
    std::cout << f->name << ": " << f->steps.size() << " steps\n";
  });

  auto* draw = flows->add_subcommand("bpmn", "Draws a flow as BPMN 2.0 XML");
  draw->add_option("file", *path, "JSON; - reads standard input")->required();
  draw->callback([path, &status] {
    const auto f = read_file(*path);
    if (!f)
      status = complain_of_flow(f.error());
    else
      std::cout << codec::flow_as_bpmn(*f);
  });

  auto* process = app.add_subcommand("process", "The life of an order or a task as BPMN 2.0 XML");
  const auto what = std::make_shared<std::string>();
  process->add_option("what", *what, "order or task")
      ->required()
      ->check(CLI::IsMember({"order", "task"}));
  process->callback([what] {
    std::cout << codec::life_as_bpmn(*what == "order" ? entity_kind::order : entity_kind::task);
  });
}

}  // namespace orrery::app
