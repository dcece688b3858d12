#pragma once
/// The cluster's own certificates: who holds one signed by the cluster's authority is a node of it.

#include "base/result.hpp"

#include <filesystem>
#include <string>
#include <string_view>

namespace orrery {

/// Files in PEM form, as `mesh::options` takes them.
struct node_credentials {
  std::filesystem::path certificate;
  std::filesystem::path key;
  std::filesystem::path authority;
};

/// Makes a new authority in `dir` (created where missing): `ca.pem` and `ca.key`, EC P-256, ten
/// years, readable by the owner alone. `conflict` where one of the files exists: a new authority
/// would shut out every node of the old one.
result<void> init_authority(const std::filesystem::path& dir);

/// Makes `<node>.pem` and `<node>.key`, signed by the authority in `dir`, for a node of that name
/// (1 to 64 letters, digits, `.`, `_`, `-`). `conflict` where they exist, `not_found` without an
/// authority.
result<node_credentials> issue_node(const std::filesystem::path& dir, std::string_view node);

/// Whether the three files exist, belong together and are valid now: the key is the certificate's,
/// the authority signed it. The failure says in a sentence what is wrong.
result<void> check_credentials(const node_credentials& files);

}  // namespace orrery
