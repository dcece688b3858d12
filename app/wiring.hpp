#pragma once
/// Builds a whole node on one page: constructors in order, destroyed in reverse.

#include "app/config.hpp"

#include <memory>
#include <string>

namespace orrery::app {

/// A running node.
class running_node {
public:
  /// Starts everything: store (migrated), log (topics made), actors, mesh, HTTP. Failures say which part
  /// and why; what was started is stopped again.
  static result<std::unique_ptr<running_node>> start(const config& how);
  ~running_node();

  /// The address that HTTP really has.
  const std::string& http_address() const noexcept;
  /// Where the first account is made; empty but at the first start of a system.
  const std::string& first_account_link() const noexcept;
  /// The bearer token; empty where auth is off.
  const std::string& token() const noexcept;
  /// Drains and stops, in order. Idempotent.
  void stop();
  /// Set once the node cannot go on; the process should then stop it and exit with a failure.
  bool failed() const noexcept;

private:
  struct parts;
  explicit running_node(std::unique_ptr<parts> p);
  std::unique_ptr<parts> parts_;
};

}  // namespace orrery::app
