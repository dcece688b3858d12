#include "persistence/postgres/list_query.hpp"

#include "domain/search_text.hpp"
#include "persistence/postgres/binary_format.hpp"
#include "persistence/postgres/inventory_session.hpp"
#include "persistence/postgres/row_text.hpp"

#include <algorithm>

namespace orrery::postgres {

namespace {

time_point created_at(const entity& e) {
  return std::visit([](const auto& x) { return x.created_at; }, e);
}

class builder {
public:
  explicit builder(list_statement& out) : out_(out) {}

  void where(std::string_view condition) {
    out_.sql.append(any_ ? " and " : " where ").append(condition);
    any_ = true;
  }
  /// Adds a condition in which `?` stands for the value.
  void where(std::string_view condition, std::string value) {
    where("");
    const auto mark = condition.find('?');
    out_.sql.append(condition.substr(0, mark)).append(put(std::move(value)));
    out_.sql.append(condition.substr(mark + 1));
  }
  void where_text(std::string_view condition, const std::string& value) {
    if (!value.empty())
      where(condition, column_text(value));
  }
  std::string put(std::string value) {
    out_.parameters.push_back(std::move(value));
    return "$" + std::to_string(out_.parameters.size());
  }
  void raw(std::string_view sql) { out_.sql.append(sql); }

private:
  list_statement& out_;
  bool any_ = false;
};

/// Numbers stand in the text itself, so that the planner sees which partial index they allow.
std::string statuses_condition(const entity_query& query) {
  std::string list;
  bool all_wait = query.kind == entity_kind::task;
  for (const auto s : query.statuses) {
    list.append(list.empty() ? "" : ", ").append(std::to_string(s));
    all_wait = all_wait && s <= static_cast<uint8_t>(task_status::retrying);
  }
  // SCHEDULED to RETRYING always have an instant to wake at: a short index instead of the whole
  // table.
  return "status in (" + list + (all_wait ? ") and wake_at is not null" : ")");
}

/// In a description, or as an id begins.
void add_text(builder& b, const std::string& text) {
  if (text.empty())
    return;
  std::string ids;
  if (const auto range = ids_beginning_with(text)) {
    const auto from = b.put(to_string(range->first));
    const auto to = b.put(to_string(range->second));
    ids = " or id between " + from + "::uuid and " + to + "::uuid";
  }
  b.where("((description is not null and description ilike ?)" + ids + ")",
          column_text(like_pattern(text)));
}

void add_filters(builder& b, const entity_query& query) {
  if (!query.statuses.empty())
    b.where(statuses_condition(query));
  if (!query.shards.empty()) {
    std::string list;
    for (const auto shard : query.shards)
      list.append(list.empty() ? "" : ", ").append(std::to_string(shard.value));
    b.where("shard in (" + list + ")");
  }
  if (query.kind == entity_kind::task) {
    b.where_text("kind = ?", query.task_kind);
    b.where_text("queue = ?", query.queue);
    b.where_text("tags @> array[?::text]", query.tag);
    b.where_text("unique_key = ?", query.unique_key);
    add_text(b, query.text);
  } else if (query.kind == entity_kind::order) {
    b.where_text("product = ?", query.product);
    // As its partial index says it.
    b.where_text("customer <> '' and customer = ?", query.customer);
    if (!query.fields.empty())
      b.where("fields @> ?::text[]", array_text(std::span<const std::string>(query.fields)));
  }
  b.where_text(query.kind == entity_kind::schedule ? "name = ?" : "reference = ?", query.reference);
  if (query.created_from != never)
    b.where("created_at >= ?::timestamptz", instant_text(query.created_from));
  if (query.created_to != never)
    b.where("created_at < ?::timestamptz", instant_text(query.created_to));
}

}  // namespace

std::string cursor_after(const entity& last) {
  return std::to_string(micros(created_at(last))) + "." + to_string(id_of(last));
}

result<list_statement> make_list(const entity_query& query) {
  list_statement statement;
  statement.limit = std::clamp<size_t>(query.limit, 1, limits::list_items);
  statement.sql = query.kind == entity_kind::task    ? "select body from tasks"
                  : query.kind == entity_kind::order ? "select body from orders"
                                                     : "select body from schedules";
  builder b(statement);
  add_filters(b, query);
  const bool newest = query.order == list_order::newest_first;
  if (!query.cursor.empty()) {
    const auto dot = query.cursor.find('.');
    const auto at = read_number(std::string_view(query.cursor).substr(0, dot));
    const auto id = parse_entity_id(
        dot == std::string::npos ? "" : std::string_view(query.cursor).substr(dot + 1));
    if (!at || !id)
      return failure{errc::invalid, "this is not a cursor of a list", "cursor"};
    const auto id_place = b.put(to_string(*id));
    b.where(std::string("(created_at, id) ") + (newest ? "<" : ">") + " (?::timestamptz, " +
                id_place + "::uuid)",
            instant_text(from_micros(*at)));
  }
  b.raw(newest ? " order by created_at desc, id desc limit " : " order by created_at, id limit ");
  b.raw(b.put(std::to_string(statement.limit + 1)) + "::bigint");
  return statement;
}

}  // namespace orrery::postgres
