#pragma once
/// The reader behind `cron_expression::parse`: fields, lists, ranges, steps, with the place of each fault.

#include "domain/cron/expression.hpp"

#include <vector>

namespace orrery {

class cron_parser {
public:
  explicit cron_parser(std::string_view text) : text_(text) {}
  result<cron_expression> read();

private:
  struct token {
    size_t at = 0;  ///< Offset in the text.
    std::string_view text;
  };
  /// What a field may hold: `from` to `to`, its name, and its names for values.
  struct range_of {
    const char* name;
    int from;
    int to;
    int step_max;
  };
  /// A field while it is read, item by item.
  struct cursor {
    std::string_view text;
    size_t at = 0;  ///< Offset of `text` in the whole.
    size_t next = 0;
    bool done() const { return next >= text.size(); }
    char peek() const { return done() ? '\0' : text[next]; }
    bool take(char c) {
      if (peek() != c)
        return false;
      ++next;
      return true;
    }
    size_t place() const { return at + next; }
  };

  enum class field { second, minute, hour, day, month, weekday, year };

  result<void> split();
  result<void> expand_macro();
  result<void> read_field(field which, const token& word);
  result<void> read_item(field which, cursor& in);
  result<void> read_plain(field which, cursor& in);
  result<void> read_day_special(cursor& in, bool& done);
  result<void> read_last_day(cursor& in);
  result<void> read_weekday_special(cursor& in, int value, bool& done);
  result<int> read_value(field which, cursor& in);
  result<int> read_number(cursor& in, const char* what);
  result<int> read_step(field which, cursor& in);
  result<void> check_days();
  void add(field which, int value);
  void add_range(field which, int from, int to, int step);
  range_of limits(field which) const;
  failure fault(size_t at, std::string what) const;
  bool quartz() const { return made_.dialect_ == cron_dialect::quartz; }

  std::string_view text_;
  std::vector<token> words_;
  cron_expression made_;
  bool in_list_ = false;
};

}  // namespace orrery
