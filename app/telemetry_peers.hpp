#pragma once
/// What nodes ask each other about themselves over the mesh: lines of their logs, and whether they take work.

#include "app/node_log_office.hpp"
#include "cluster/membership.hpp"
#include "cluster/mesh.hpp"

#include <functional>
#include <string>

namespace orrery::app {

/// The answer to another node's question for lines; `done` on any thread.
void tell_log_to_peer(node_log_office& logs, const mesh_request& question,
                      std::function<void(mesh_reply)> done);

/// From now on `logs` also asks the nodes that `members` knows. Both outlive the last question.
void reach_logs_of_others(node_log_office& logs, const std::string& self, membership& members,
                          mesh& peers);

/// Whether another node takes work, within two seconds; `unavailable` without a mesh (null).
void ask_whether_ready(mesh* peers, const std::string& other,
                       std::function<void(result<bool>)> done);

}  // namespace orrery::app
