#include "codec/stock.hpp"

#include "codec/json.hpp"
#include "codec/stock_template.hpp"
#include "domain/limits.hpp"

#include <nlohmann/json.hpp>

namespace orrery::codec {

namespace {

failure bad_stock(std::string field, const char* sentence) {
  return {errc::invalid, sentence, std::move(field)};
}

result<std::string> read_product_name(const nlohmann::json& body, const std::string& place) {
  const auto name = body.find("product");
  if (name == body.end() || !name->is_string() || name->get_ref<const std::string&>().empty())
    return bad_stock(place + "product", "must be the name of a product");
  auto text = name->get<std::string>();
  if (text.size() > limits::name_bytes)
    return bad_stock(place + "product", "is longer than 128 bytes");
  return text;
}

result<int64_t> read_stock_count(const nlohmann::json& body, const std::string& place,
                                 const char* name, int64_t min, int64_t max) {
  const auto found = body.find(name);
  const bool whole = found != body.end() && found->is_number_integer();
  const bool huge = whole && found->is_number_unsigned() &&
                    found->get<uint64_t>() > static_cast<uint64_t>(limits::stock_max);
  if (!whole || huge || found->get<int64_t>() < min || found->get<int64_t>() > max)
    return failure{
        errc::invalid,
        "must be a whole number between " + std::to_string(min) + " and " + std::to_string(max),
        place + name};
  return found->get<int64_t>();
}

result<nlohmann::json> read_stock_object(std::string_view text) {
  if (auto ok = check_json(text); !ok)
    return std::move(ok).error();
  auto body = nlohmann::json::parse(text, nullptr, false);
  if (!body.is_object())
    return bad_stock("body", "must be an object");
  return body;
}

result<void> only_members(const nlohmann::json& body, std::initializer_list<const char*> names) {
  for (const auto& member : body.items())
    if (std::none_of(names.begin(), names.end(), [&](const char* n) { return member.key() == n; }))
      return bad_stock(member.key(), "is not known here");
  return {};
}

result<std::string> read_stock_text(const nlohmann::json& body, const char* name,
                                    size_t bytes_max) {
  const auto found = body.find(name);
  if (found == body.end())
    return std::string();
  if (!found->is_string() || found->get_ref<const std::string&>().size() > bytes_max)
    return failure{errc::invalid,
                   "must be a text of at most " + std::to_string(bytes_max) + " bytes", name};
  return found->get<std::string>();
}

}  // namespace

result<stock_payload> read_stock_payload(std::string_view text, bool needs_quantity) {
  const auto body = nlohmann::json::parse(text, nullptr, false);
  if (!body.is_object())
    return bad_stock("payload", "must be an object like {\"product\":\"Laptop\",\"quantity\":1}");
  stock_payload out;
  auto name = read_product_name(body, "payload.");
  if (!name)
    return std::move(name).error();
  out.product = std::move(*name);
  if (needs_quantity) {
    const auto n = read_stock_count(body, "payload.", "quantity", 1, limits::quantity_max);
    if (!n)
      return n.error();
    out.quantity = *n;
  }
  if (const auto of = body.find("reservation"); of != body.end() && of->is_string())
    if (const auto id = parse_entity_id(of->get<std::string>()))
      out.reservation = *id;
  return out;
}

result<void> check_stock_template(std::string_view text, bool needs_quantity) {
  if (text.empty())
    return {};
  const auto body = nlohmann::json::parse(text, nullptr, false);
  if (!body.is_object())
    return bad_stock("payload", "must be an object like {\"product\":\"Laptop\",\"quantity\":1}");
  if (auto name = read_product_name(body, "payload."); !name)
    return std::move(name).error();
  const auto quantity = body.find("quantity");
  if (!needs_quantity || (quantity != body.end() && quantity->is_string() &&
                          quantity->get_ref<const std::string&>().starts_with("${")))
    return {};  // filled in when the step begins
  const auto n = read_stock_count(body, "payload.", "quantity", 1, limits::quantity_max);
  return n ? result<void>{} : result<void>{n.error()};
}

result<stock_change> read_product(std::string_view text) {
  const auto body = read_stock_object(text);
  if (!body)
    return body.error();
  if (auto ok = only_members(*body, {"product", "available"}); !ok)
    return std::move(ok).error();
  stock_change first;
  auto name = read_product_name(*body, "");
  if (!name)
    return std::move(name).error();
  first.product = std::move(*name);
  if (body->contains("available")) {
    const auto n = read_stock_count(*body, "", "available", 0, limits::stock_max);
    if (!n)
      return n.error();
    first.by = *n;
  }
  return first;
}

result<stock_change> read_adjustment(std::string_view text) {
  const auto body = read_stock_object(text);
  if (!body)
    return body.error();
  if (auto ok = only_members(*body, {"by", "reason", "key"}); !ok)
    return std::move(ok).error();
  stock_change change;
  const auto by = read_stock_count(*body, "", "by", -limits::stock_max, limits::stock_max);
  if (!by)
    return by.error();
  change.by = *by;
  auto reason = read_stock_text(*body, "reason", limits::text_bytes);
  if (!reason)
    return std::move(reason).error();
  change.reason = std::move(*reason);
  auto key = read_stock_text(*body, "key", limits::name_bytes);
  if (!key)
    return std::move(key).error();
  change.key = std::move(*key);
  return change;
}

void append_view(std::string& out, const product_stock& stock) {
  json_writer(out)
      .begin_object()
      .field("product", stock.product)
      .field("available", stock.available)
      .field("held", stock.held)
      .field("taken", stock.taken)
      .field("released", stock.released)
      .field("updatedAt", stock.updated_at)
      .end_object();
}

}  // namespace orrery::codec
