/// Lists: a query becomes one SQL statement over the index that fits it.

#include "codec/stored.hpp"
#include "domain/search_text.hpp"
#include "persistence/sqlite/sqlite_sessions.hpp"

#include <algorithm>
#include <charconv>
#include <variant>

namespace orrery {

namespace {

using sqlite::database;
using sqlite::id_bytes;

/// Where a page ended. As text: microseconds, a dot, the id.
struct list_place {
  int64_t created_at = 0;
  entity_id id;
};

std::string cursor_text(const entity& last) {
  const auto created = std::visit([](const auto& e) { return e.created_at; }, last);
  return std::to_string(micros(created)) + '.' + to_string(id_of(last));
}

result<list_place> parse_cursor(const std::string& text) {
  const failure bad{errc::invalid, "is not a cursor of this list", "cursor"};
  list_place place;
  const auto* end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, place.created_at);
  if (error != std::errc{} || rest == end || *rest != '.')
    return bad;
  const auto id = parse_entity_id({rest + 1, end});
  if (!id)
    return bad;
  place.id = *id;
  return place;
}

/// A statement growing condition by condition, with the values for its question marks.
class list_statement {
public:
  explicit list_statement(const entity_query& wanted) : wanted_(wanted) {
    const bool tagged = !wanted.tag.empty();
    const bool fields = !wanted.fields.empty();
    key_ = tagged || fields ? "g" : "e";
    sql_ = "SELECT e.body FROM ";
    // CROSS JOIN keeps SQLite from turning the two around: the tags' key gives the order.
    sql_ += tagged                             ? "task_tags g CROSS JOIN tasks e ON e.id = g.id"
            : fields                           ? "order_fields g CROSS JOIN orders e ON e.id = g.id"
            : wanted.kind == entity_kind::task ? "tasks e"
            : wanted.kind == entity_kind::order ? "orders e"
                                                : "schedules e";
    sql_ += " WHERE 1";
    if (tagged)
      equal("g.tag", wanted.tag);
    for (size_t i = 0; i < wanted.fields.size(); ++i)
      equal(i == 0 ? "g.field"
                   : "EXISTS (SELECT 1 FROM order_fields x WHERE x.created_at = g.created_at AND"
                     " x.id = g.id AND x.field",
            wanted.fields[i], i == 0 ? "" : ")");
  }

  void add_filters() {
    if (wanted_.kind == entity_kind::task) {
      equal("e.kind", wanted_.task_kind);
      equal("e.queue", wanted_.queue);
      equal("e.unique_key", wanted_.unique_key);
      add_text();
    } else if (wanted_.kind == entity_kind::order) {
      equal("e.product", wanted_.product);
      equal("e.customer", wanted_.customer);
    }
    equal(wanted_.kind == entity_kind::schedule ? "e.name" : "e.reference", wanted_.reference);
    add_statuses();
    add_shards();
    if (wanted_.created_from != never)
      number(" AND " + key_ + ".created_at >= ?", micros(wanted_.created_from));
    if (wanted_.created_to != never)
      number(" AND " + key_ + ".created_at < ?", micros(wanted_.created_to));
  }

  void start_after(const list_place& place) {
    const char* beyond = wanted_.order == list_order::newest_first ? "<" : ">";
    number(" AND (" + key_ + ".created_at, " + key_ + ".id) " + beyond + " (?, ?)",
           place.created_at);
    values_.emplace_back(to_bytes(place.id.value));
  }

  void finish(size_t rows) {
    const char* direction = wanted_.order == list_order::newest_first ? " DESC" : "";
    sql_ += " ORDER BY " + key_ + ".created_at" + direction + ", " + key_ + ".id" + direction;
    number(" LIMIT ?", static_cast<int64_t>(rows));
  }

  const std::string& sql() const { return sql_; }
  void bind(sqlite::query& q) const {
    for (const auto& value : values_) {
      if (const auto* n = std::get_if<int64_t>(&value))
        q.add(*n);
      else if (const auto* text = std::get_if<std::string_view>(&value))
        q.add(*text);
      else if (const auto* own = std::get_if<std::string>(&value))
        q.add(*own);
      else
        q.add_id(std::get<id_bytes>(value));
    }
  }

private:
  void equal(const char* column, const std::string& text, const char* after = "") {
    if (text.empty())
      return;
    sql_ += std::string(" AND ") + column + " = ?" + after;
    values_.emplace_back(std::string_view(text));
  }
  /// In a description, or as an id begins.
  void add_text() {
    if (wanted_.text.empty())
      return;
    const auto ids = ids_beginning_with(wanted_.text);
    sql_ += " AND ((e.description IS NOT NULL AND e.description LIKE ? ESCAPE '\\')";
    values_.emplace_back(like_pattern(wanted_.text));
    if (ids) {
      sql_ += " OR e.id BETWEEN ? AND ?";
      values_.emplace_back(to_bytes(ids->first.value));
      values_.emplace_back(to_bytes(ids->second.value));
    }
    sql_ += ")";
  }
  void number(const std::string& condition, int64_t value) {
    sql_ += condition;
    values_.emplace_back(value);
  }
  void add_shards() {
    if (wanted_.shards.empty())
      return;
    sql_ += " AND e.shard IN (";
    for (size_t i = 0; i < wanted_.shards.size(); ++i)
      sql_ += (i == 0 ? "" : ",") + std::to_string(wanted_.shards[i].value);
    sql_ += ")";
  }
  void add_statuses() {
    const auto& statuses = wanted_.statuses;
    if (statuses.empty())
      return;
    sql_ += " AND e.status IN (";
    for (size_t i = 0; i < statuses.size(); ++i)
      sql_ += (i == 0 ? "" : ",") + std::to_string(statuses[i]);
    sql_ += ")";
    // Said as a literal, or the index that leaves SUCCEEDED out could not be chosen.
    constexpr auto succeeded = static_cast<uint8_t>(task_status::succeeded);
    if (wanted_.kind == entity_kind::task &&
        std::find(statuses.begin(), statuses.end(), succeeded) == statuses.end())
      sql_ += " AND e.status <> " + std::to_string(succeeded);
  }

  const entity_query& wanted_;
  std::string key_;  ///< The table whose creation time and id give the order.
  std::string sql_;
  std::vector<std::variant<int64_t, std::string_view, std::string, id_bytes>> values_;
};

/// Asks for something that this kind of entity does not have.
bool asks_for_nothing(const entity_query& q) {
  if (q.kind == entity_kind::task)
    return !q.product.empty() || !q.customer.empty() || !q.fields.empty();
  if (q.kind == entity_kind::schedule &&
      (!q.product.empty() || !q.customer.empty() || !q.fields.empty()))
    return true;
  return !q.task_kind.empty() || !q.queue.empty() || !q.tag.empty() || !q.unique_key.empty() ||
         !q.text.empty();
}

}  // namespace

result<entity_page> sqlite_reader::list(const entity_query& query) {
  entity_page page;
  if (query.limit == 0 || asks_for_nothing(query))
    return page;
  list_statement statement(query);
  statement.add_filters();
  if (!query.cursor.empty()) {
    const auto place = parse_cursor(query.cursor);
    if (!place)
      return place.error();
    statement.start_after(*place);
  }
  statement.finish(query.limit + 1);  // one more, to know whether the page is the last

  auto ok = snapshot([&](database& db) -> result<void> {
    failure why;
    const auto compiled = db.compile(statement.sql(), why);
    if (!compiled)
      return why;
    auto q = db.run_once(compiled);
    statement.bind(q);
    for (;;) {
      const auto row = q.step();
      if (!row)
        return row.error();
      if (!*row)
        return {};
      if (page.items.size() == query.limit) {
        page.next = cursor_text(page.items.back());
        return {};
      }
      auto decoded = codec::decode_entity(q.bytes(0));
      if (!decoded)
        return std::move(decoded).error();
      page.items.push_back(std::move(*decoded));
    }
  });
  if (!ok)
    return std::move(ok).error();
  return page;
}

}  // namespace orrery
