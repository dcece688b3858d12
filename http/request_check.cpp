#include "http/api.hpp"
#include "http/embedded.hpp"
#include "http/routes.hpp"
#include "http/target.hpp"

#include "base/check.hpp"
#include "codec/messages.hpp"

namespace orrery::http {

namespace {

/// A row's schemas, found once.
struct row_checks {
  const codec::schema_node* body = nullptr;
  std::vector<const codec::schema_parameter*> query;
};

row_checks checks_for(const route& r) {
  row_checks out;
  if (!r.request.empty()) {
    out.body = schemas().find(r.request);
    CHECK(out.body != nullptr, "the schema of a route's body is there");
  }
  for (auto keys = r.parameters; !keys.empty();) {
    const auto key = keys.substr(0, keys.find(' '));
    keys.remove_prefix(std::min(keys.size(), key.size() + 1));
    if (key.empty())
      continue;
    const auto* found = schemas().find_parameter(key);
    CHECK(found != nullptr, "the parameters of a route are there");
    if (found->in_query)
      out.query.push_back(found);
  }
  return out;
}

const row_checks& checks_of(const route& r) {
  static const std::vector<row_checks> all = [] {
    std::vector<row_checks> made;
    for (const auto& row : routes())
      made.push_back(checks_for(row));
    return made;
  }();
  return all[static_cast<size_t>(&r - routes().data())];
}

result<void> check_query(const request& in, const row_checks& checks) {
  if (in.query.empty())
    return {};
  const auto given = parse_query(in.query);
  if (!given)
    return given.error();
  for (const auto& one : *given) {
    const codec::schema_parameter* known = nullptr;
    for (const auto* p : checks.query)
      if (p->is_named(one.name))
        known = p;
    if (known == nullptr)
      return failure{errc::invalid, "is not a parameter of this route", one.name};
    if (auto ok = codec::check_parameter(known->schema_of_value(), one.value, one.name); !ok)
      return ok;
  }
  return {};
}

}  // namespace

bool is_atomic(const request& in) {
  if (in.query.find("atomic=false") != std::string_view::npos)
    return false;
  // Only the object form has members of its own; it is parsed where it could say so.
  const auto start = trimmed(std::string_view(in.body).substr(0, 64));
  if (!start.starts_with('{') || in.body.find("\"atomic\"") == std::string::npos)
    return true;
  const auto batch = codec::split_batch(in.body);
  return !batch || batch->atomic;
}

const codec::schema_set& schemas() {
  static const codec::schema_set all = [] {
    std::vector<std::string_view> documents;
    for (const auto& file : embedded_files())
      if (file.name.starts_with("api/") && file.name != "api/asyncapi.json")
        documents.push_back(file.bytes);
    auto loaded = codec::schema_set::load(documents);
    if (!loaded)
      check_failed("schemas", loaded.error().detail.c_str(), __FILE__, __LINE__);
    return std::move(*loaded);
  }();
  return all;
}

result<void> check_request(const request& in, const route& r) {
  const auto& checks = checks_of(r);
  if (auto ok = check_query(in, checks); !ok)
    return ok;
  if (checks.body == nullptr || in.body.empty())
    return {};
  // Where each item stands for itself, the handler checks each for itself.
  if (r.body == body_kind::batch && !is_atomic(in))
    return {};
  return r.body == body_kind::batch ? codec::check_batch(*checks.body, in.body)
                                    : codec::check_value(*checks.body, in.body);
}

}  // namespace orrery::http
