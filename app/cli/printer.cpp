#include "app/cli/printer.hpp"

#include <algorithm>
#include <array>

namespace orrery::cli {

namespace {

using codec::json_tree;
using form = json_tree::form;

constexpr std::string_view none = "<none>";

std::string cell(const json_tree* value) {
  if (value == nullptr || value->is == form::null)
    return std::string(none);
  if (value->is_scalar())
    return value->scalar.empty() ? std::string(none) : harmless(value->scalar);
  const bool plain =
      value->is == form::list && std::all_of(value->items.begin(), value->items.end(),
                                             [](const json_tree& one) { return one.is_scalar(); });
  std::string out;
  if (!plain) {
    value->write(out);
    return harmless(out);
  }
  for (const auto& one : value->items)
    out.append(out.empty() ? "" : ",").append(harmless(one.scalar));
  return out.empty() ? std::string(none) : out;
}

struct column {
  std::string_view title;
  std::string_view path;
  bool age = false;
};

void add_columns(std::string_view text, std::vector<column>& out) {
  while (!text.empty()) {
    const auto word = text.substr(0, text.find(' '));
    text.remove_prefix(std::min(text.size(), word.size() + 1));
    const auto colon = word.find(':');
    if (colon == std::string_view::npos)
      continue;
    column one{word.substr(0, colon), word.substr(colon + 1)};
    if (one.path.ends_with('~')) {
      one.age = true;
      one.path.remove_suffix(1);
    }
    out.push_back(one);
  }
}

size_t width_of(std::string_view utf8) {
  return static_cast<size_t>(std::count_if(utf8.begin(), utf8.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xc0) != 0x80;
  }));
}

std::string table(const std::vector<const json_tree*>& items, const print_wish& wish) {
  std::vector<column> columns;
  add_columns(wish.row.columns, columns);
  if (wish.form == output_form::wide)
    add_columns(wish.row.wide, columns);
  std::vector<std::vector<std::string>> rows;
  if (wish.headers) {
    auto& head = rows.emplace_back();
    for (const auto& c : columns)
      head.emplace_back(c.title);
  }
  for (const auto* item : items) {
    auto& row = rows.emplace_back();
    for (const auto& c : columns) {
      const auto* value = item->find(c.path);
      row.push_back(c.age && wish.ages && value != nullptr ? age_of(value->scalar, wish.now)
                                                           : cell(value));
    }
  }
  std::vector<size_t> widths(columns.size());
  for (const auto& row : rows)
    for (size_t i = 0; i < row.size(); ++i)
      widths[i] = std::max(widths[i], width_of(row[i]));
  std::string out;
  for (const auto& row : rows) {
    for (size_t i = 0; i < row.size(); ++i) {
      out += row[i];
      if (i + 1 < row.size())
        out.append(widths[i] - width_of(row[i]) + 3, ' ');
    }
    out += '\n';
  }
  return out;
}

/// Member by member.
std::string listing(const json_tree& object) {
  size_t widest = 0;
  for (const auto& [name, value] : object.members)
    widest = std::max(widest, width_of(name));
  std::string out;
  for (const auto& [name, value] : object.members) {
    if (value.is == form::null)
      continue;
    out.append(harmless(name)).append(widest - width_of(name) + 3, ' ');
    out.append(cell(&value)).append("\n");
  }
  return out;
}

/// The items of a list, or the answer itself.
std::vector<const json_tree*> items_of(const json_tree& answer, std::string_view where) {
  std::vector<const json_tree*> out;
  const auto* list = answer.is == form::list ? &answer : answer.find(where);
  if (list == nullptr || list->is != form::list)
    return {&answer};
  for (const auto& item : list->items)
    out.push_back(&item);
  return out;
}

/// Whether text that stands bare would be read as something else.
bool needs_quotes(const std::string& text) {
  static constexpr std::array<std::string_view, 11> words = {
      "null", "true", "false", "yes", "no", "on", "off", "~", "y", "n", "nan"};
  std::string low = text;
  std::transform(low.begin(), low.end(), low.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  if (text.empty() || std::find(words.begin(), words.end(), low) != words.end())
    return true;
  const auto first = static_cast<unsigned char>(text.front());
  if (!(std::isalpha(first) || first == '/' || first >= 0x80))
    return true;
  return text.find_first_of("\n\r\t\"'\\") != std::string::npos || text.find(": ") != text.npos ||
         text.find(" #") != text.npos || text.ends_with(':') || text.ends_with(' ') ||
         harmless(text) != text;
}

void append_yaml(std::string& out, const json_tree& value, size_t depth, bool in_list) {
  const auto scalar = [&](const json_tree& one) {
    if (one.is == form::text && !needs_quotes(one.scalar))
      out += one.scalar;
    else
      one.write(out);
    out += '\n';
  };
  const auto child = [&](const json_tree& one) {
    if (one.is_scalar() || (one.items.empty() && one.members.empty())) {
      out += ' ';
      if (one.is_scalar())
        scalar(one);
      else
        out += one.is == form::list ? "[]\n" : "{}\n";
    } else {
      out += '\n';
      append_yaml(out, one, depth + 1, false);
    }
  };
  if (value.is_scalar())
    return scalar(value);
  if (value.items.empty() && value.members.empty()) {
    out += value.is == form::list ? "[]\n" : "{}\n";
    return;
  }
  bool first = true;
  for (const auto& [name, one] : value.members) {
    if (!(in_list && first))
      out.append(depth * 2, ' ');
    first = false;
    json_tree key = json_tree::of_text(name);
    if (needs_quotes(name))
      key.write(out);
    else
      out += name;
    out += ':';
    child(one);
  }
  for (const auto& one : value.items) {
    if (!(in_list && first))
      out.append(depth * 2, ' ');
    first = false;
    out += "- ";
    append_yaml(out, one, depth + 1, true);
  }
}

}  // namespace

std::string harmless(std::string_view text) {
  std::string out;
  for (const char c : text)
    out += static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? ' ' : c;
  // C1 controls, as UTF-8 writes them.
  for (size_t at = 0; (at = out.find('\xc2', at)) != std::string::npos; ++at)
    if (at + 1 < out.size() && static_cast<unsigned char>(out[at + 1]) < 0xa0)
      out.replace(at, 2, " ");
  return out;
}

std::string to_yaml(const json_tree& value) {
  std::string out;
  append_yaml(out, value, 0, false);
  return out;
}

std::string age_of(std::string_view rfc3339, time_point now) {
  const auto at = parse_time(rfc3339);
  if (!at)
    return std::string(none);
  const auto s =
      std::max<int64_t>(0, std::chrono::duration_cast<std::chrono::seconds>(now - *at).count());
  if (s < 120)
    return std::to_string(s) + "s";
  if (s < 120 * 60)
    return std::to_string(s / 60) + "m";
  if (s < 48 * 3600)
    return std::to_string(s / 3600) + "h";
  return std::to_string(s / 86400) + "d";
}

std::string name_of(const json_tree& item, std::string_view noun) {
  if (item.is == form::text)
    return harmless(item.scalar);
  // An event of a task has the task's id too: what is asked for comes first.
  const std::string_view own = noun == "orders"                        ? "orderId"
                               : noun == "tasks"                       ? "taskId"
                               : noun == "schedules"                   ? "name"
                               : noun == "leases" || noun == "workers" ? "lease"
                                                                       : "id";
  for (const auto name :
       {own, std::string_view("operationId"), std::string_view("taskId"),
        std::string_view("orderId"), std::string_view("scheduleId"), std::string_view("id"),
        std::string_view("name"), std::string_view("worker"), std::string_view("queue"),
        std::string_view("kind"), std::string_view("shard"), std::string_view("number")})
    if (const auto* value = item.find(name); value != nullptr && value->is_scalar())
      return harmless(value->scalar);
  return {};
}

std::string print(const json_tree& answer, const print_wish& wish) {
  std::string out;
  const auto items = items_of(answer, wish.row.items);
  switch (wish.form) {
    case output_form::json: answer.write(out, true); return out + "\n";
    case output_form::yaml: return to_yaml(answer);
    case output_form::jsonl:
      for (const auto* item : items) {
        item->write(out);
        out += '\n';
      }
      return out;
    case output_form::name:
      for (const auto* item : items)
        out.append(name_of(*item, wish.row.noun)).append("\n");
      return out;
    case output_form::text:
    case output_form::wide: break;
  }
  const bool list = items.size() != 1 || items.front() != &answer;
  if (!wish.row.columns.empty() && list)
    return table(items, wish);
  if (!list && answer.is == form::object)
    return listing(answer);
  for (const auto* item : items)
    out.append(cell(item)).append("\n");
  return out;
}

std::optional<output_form> parse_output(std::string_view text) {
  constexpr std::array<std::string_view, 6> names = {"text",  "wide", "json",
                                                     "jsonl", "yaml", "name"};
  for (size_t i = 0; i < names.size(); ++i)
    if (names[i] == text)
      return static_cast<output_form>(i);
  return std::nullopt;
}

}  // namespace orrery::cli
