#include "domain/cron/parse.hpp"

#include "domain/cron/digits.hpp"

#include <algorithm>
#include <cctype>

namespace orrery {

namespace {

constexpr std::string_view month_names[] = {"JAN", "FEB", "MAR", "APR", "MAY", "JUN",
                                            "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"};
constexpr std::string_view weekday_names[] = {"SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"};
constexpr size_t text_bytes_max = 1024;

bool is_blank(char c) { return c == ' ' || c == '\t'; }
bool is_letter(char c) { return std::isalpha(static_cast<unsigned char>(c)) != 0; }

std::string shown(char c) {
  if (c == '\0')
    return "the end";
  return std::string("\"") + c + '"';
}

}  // namespace

std::string_view month_name(unsigned month) noexcept { return month_names[month - 1]; }
std::string_view weekday_name(unsigned weekday) noexcept { return weekday_names[weekday]; }

result<cron_expression> cron_expression::parse(std::string_view text) {
  return cron_parser(text).read();
}

failure cron_parser::fault(size_t at, std::string what) const {
  const auto place = "character " + std::to_string(at + 1);
  return {errc::invalid, place + ": " + what, place};
}

cron_parser::range_of cron_parser::limits(field which) const {
  switch (which) {
    case field::second: return {"second", 0, 59, 59};
    case field::minute: return {"minute", 0, 59, 59};
    case field::hour: return {"hour", 0, 23, 23};
    case field::day: return {"day of month", 1, 31, 31};
    case field::month: return {"month", 1, 12, 12};
    case field::weekday:
      return quartz() ? range_of{"day of week", 1, 7, 7} : range_of{"day of week", 0, 7, 7};
    case field::year: break;
  }
  return {"year", civil::first_year, civil::last_year, civil::last_year - civil::first_year};
}

result<cron_expression> cron_parser::read() {
  if (text_.size() > text_bytes_max)
    return fault(text_bytes_max, "an expression has at most 1024 characters");
  made_.text_ = std::string(text_);
  for (auto& c : made_.text_)
    c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  text_ = made_.text_;
  if (auto ok = split(); !ok)
    return std::move(ok).error();
  constexpr field of_quartz[] = {field::second, field::minute,  field::hour, field::day,
                                 field::month,  field::weekday, field::year};
  const size_t shift = quartz() ? 0 : 1;
  if (!quartz())
    made_.fields_.seconds = 1;
  for (size_t i = 0; i < words_.size(); ++i) {
    made_.parts_[i + shift] = std::string(words_[i].text);
    if (auto ok = read_field(of_quartz[i + shift], words_[i]); !ok)
      return std::move(ok).error();
  }
  if (auto ok = check_days(); !ok)
    return std::move(ok).error();
  return std::move(made_);
}

result<void> cron_parser::split() {
  size_t first = 0;
  while (first < text_.size() && is_blank(text_[first]))
    ++first;
  if (first < text_.size() && text_[first] == '@')
    return expand_macro();
  for (size_t i = 0; i < text_.size();) {
    if (is_blank(text_[i])) {
      ++i;
      continue;
    }
    const auto start = i;
    while (i < text_.size() && !is_blank(text_[i]))
      ++i;
    words_.push_back({start, text_.substr(start, i - start)});
  }
  if (words_.size() > 7)
    return fault(words_[7].at, "there are more than seven fields");
  if (words_.size() < 5)
    return fault(text_.size(),
                 "an expression has five fields (Unix cron), six or seven (Quartz), not " +
                     std::to_string(words_.size()));
  made_.dialect_ = words_.size() == 5 ? cron_dialect::unix_cron : cron_dialect::quartz;
  return {};
}

result<void> cron_parser::expand_macro() {
  struct macro {
    std::string_view name;
    std::array<std::string_view, 5> fields;
  };
  static constexpr macro macros[] = {
      {"@HOURLY", {"0", "*", "*", "*", "*"}},   {"@DAILY", {"0", "0", "*", "*", "*"}},
      {"@MIDNIGHT", {"0", "0", "*", "*", "*"}}, {"@WEEKLY", {"0", "0", "*", "*", "0"}},
      {"@MONTHLY", {"0", "0", "1", "*", "*"}},  {"@YEARLY", {"0", "0", "1", "1", "*"}},
      {"@ANNUALLY", {"0", "0", "1", "1", "*"}}};
  auto name = text_;
  size_t at = 0;
  while (!name.empty() && is_blank(name.front())) {
    name.remove_prefix(1);
    ++at;
  }
  while (!name.empty() && is_blank(name.back()))
    name.remove_suffix(1);
  made_.dialect_ = cron_dialect::unix_cron;
  for (const auto& one : macros)
    if (one.name == name) {
      for (const auto word : one.fields)
        words_.push_back({at, word});
      return {};
    }
  return fault(at,
               "there is no such shorthand; there are @hourly, @daily, @midnight, @weekly, "
               "@monthly, @yearly and @annually");
}

result<void> cron_parser::read_field(field which, const token& word) {
  cursor in{word.text, word.at};
  auto& f = made_.fields_;
  if (!quartz() && in.peek() == '*') {  // Vixie's rule: such a field is not "restricted"
    if (which == field::day)
      f.any_day = word.text == "*";
    else if (which == field::weekday)
      f.any_weekday = word.text == "*";
  }
  if (quartz() && word.text == "?" && (which == field::day || which == field::weekday)) {
    (which == field::day ? f.any_day : f.any_weekday) = true;
    return {};
  }
  in_list_ = word.text.find(',') != std::string_view::npos;
  do {
    if (auto ok = read_item(which, in); !ok)
      return ok;
  } while (in.take(','));
  if (!in.done())
    return fault(in.place(),
                 shown(in.peek()) + " does not belong here, in the field " + limits(which).name);
  return {};
}

result<void> cron_parser::read_item(field which, cursor& in) {
  if (in.done() || in.peek() == ',')
    return fault(in.place(), std::string("a value is missing in the field ") + limits(which).name);
  if (in.peek() == '?') {
    if (!quartz())
      return fault(in.place(), "\"?\" belongs to Quartz's dialect, of six or seven fields");
    return fault(in.place(), which == field::day || which == field::weekday
                                 ? "\"?\" stands alone in its field"
                                 : "\"?\" is only for day of month and day of week");
  }
  if (quartz() && which == field::day) {
    bool done = false;
    if (auto ok = read_day_special(in, done); !ok || done)
      return ok;
  }
  return read_plain(which, in);
}

/// `*`, `*/n`, `/n`, `a`, `a/n`, `a-b`, `a-b/n`, and what day-of-week adds to a value.
result<void> cron_parser::read_plain(field which, cursor& in) {
  const auto range = limits(which);
  const bool of_time = which <= field::hour;
  if (in.peek() == '*' || in.peek() == '/') {
    const bool star = in.take('*');
    int step = 1;
    if (!star || in.peek() == '/') {
      const auto read = read_step(which, in);
      if (!read)
        return read.error();
      step = *read;
    }
    if (which == field::year && step == 1)
      return {};
    if (which == field::year)
      made_.fields_.any_year = false;
    made_.fields_.repeats |= of_time;
    const int to = which == field::weekday && !quartz() ? 6 : range.to;
    add_range(which, range.from, to, step);
    return {};
  }
  if (which == field::weekday && quartz() && in.peek() == 'L') {
    if (in_list_)
      return fault(in.place(), "\"L\" does not stand in a list of days of the week");
    ++in.next;
    add(which, 7);  // Saturday, as Quartz has it
    return {};
  }
  if (which == field::year)
    made_.fields_.any_year = false;
  const auto value = read_value(which, in);
  if (!value)
    return value.error();
  if (which == field::weekday) {
    bool done = false;
    if (auto ok = read_weekday_special(in, *value, done); !ok || done)
      return ok;
  }
  int to = *value;
  const bool is_range = in.take('-');
  bool named = false;
  if (is_range) {
    const auto place = in.place();
    named = is_letter(in.peek());
    const auto end = read_value(which, in);
    if (!end)
      return end.error();
    to = *end;
    if (which == field::year && to < *value)
      return fault(place, "a range of years does not run backwards");
  }
  if (in.peek() != '/') {
    made_.fields_.repeats |= of_time && is_range;
    add_range(which, *value, to, 1);
    return {};
  }
  if (named && quartz())  // Quartz reads over the step: who relies on it is surprised either way
    return fault(in.place(), "no step after a range of names; write the range in numbers");
  const auto step = read_step(which, in);
  if (!step)
    return step.error();
  made_.fields_.repeats |= of_time;
  const int last = which == field::weekday && !quartz() ? std::max(6, *value) : range.to;
  add_range(which, *value, is_range ? to : last, *step);
  return {};
}

result<int> cron_parser::read_value(field which, cursor& in) {
  const auto range = limits(which);
  const auto place = in.place();
  if (is_letter(in.peek())) {
    std::string_view word = in.text.substr(in.next);
    size_t length = 0;
    while (length < word.size() && is_letter(word[length]))
      ++length;
    // A name has three letters; what follows it (the L of FRIL) is read by the caller.
    const auto name = word.substr(0, std::min<size_t>(length, 3));
    const auto find = [&](const auto& names) -> int {
      const auto found = std::find(std::begin(names), std::end(names), name);
      return found == std::end(names) ? -1 : static_cast<int>(found - std::begin(names));
    };
    const bool of_week = which == field::weekday;
    const int index = which == field::month ? find(month_names)
                      : of_week             ? find(weekday_names)
                                            : -1;
    if (index < 0)
      return fault(place, "\"" + std::string(word.substr(0, length)) + "\" is no " + range.name);
    in.next += 3;
    return of_week && !quartz() ? index : index + 1;
  }
  const auto number = read_number(in, range.name);
  if (!number)
    return number;
  if (*number < range.from || *number > range.to)
    return fault(place, std::to_string(*number) + " is no " + range.name + ": it is " +
                            std::to_string(range.from) + " to " + std::to_string(range.to));
  return number;
}

result<int> cron_parser::read_number(cursor& in, const char* what) {
  if (!is_digit(in.peek()))
    return fault(in.place(),
                 std::string("expected a number (") + what + "), found " + shown(in.peek()));
  const auto place = in.place();
  int value = 0;
  for (; is_digit(in.peek()); ++in.next) {
    value = value * 10 + (in.peek() - '0');
    if (value > 9999)
      return fault(place, "the number is too large");
  }
  return value;
}

result<int> cron_parser::read_step(field which, cursor& in) {
  const auto range = limits(which);
  ++in.next;  // the slash
  const auto place = in.place();
  const auto step = read_number(in, "a step");
  if (!step)
    return step;
  if (*step < 1 || *step > range.step_max)
    return fault(place, std::string("the step of the field ") + range.name + " is 1 to " +
                            std::to_string(range.step_max));
  return step;
}

void cron_parser::add(field which, int value) {
  auto& f = made_.fields_;
  const auto bit = static_cast<unsigned>(value);
  switch (which) {
    case field::second: f.seconds |= uint64_t{1} << bit; break;
    case field::minute: f.minutes |= uint64_t{1} << bit; break;
    case field::hour: f.hours |= 1u << bit; break;
    case field::day: f.days |= 1u << bit; break;
    case field::month: f.months = static_cast<uint16_t>(f.months | 1u << bit); break;
    case field::weekday:
      f.weekdays = static_cast<uint8_t>(f.weekdays | 1u << (quartz() ? bit - 1 : bit % 7));
      break;
    case field::year: {
      const auto index = bit - civil::first_year;
      f.years[index / 64] |= uint64_t{1} << (index % 64);
      break;
    }
  }
}

/// Both ends belong to it; where `to` lies before `from` it goes on at the field's beginning.
void cron_parser::add_range(field which, int from, int to, int step) {
  const auto range = limits(which);
  const int size = which == field::weekday ? 7 : range.to - range.from + 1;
  if (to < from)
    to += size;
  for (int value = from; value <= to; value += step)
    add(which, value > range.to ? value - size : value);
}

result<void> cron_parser::check_days() {
  const auto& f = made_.fields_;
  const auto& day = words_[quartz() ? 3 : 2];
  const auto& weekday = words_[quartz() ? 5 : 4];
  if (!quartz()) {
    const bool starred = day.text.front() == '*' || weekday.text.front() == '*';
    made_.fields_.either_day = !starred;
    return {};
  }
  if (f.any_day && f.any_weekday)
    return fault(weekday.at, "only one of day of month and day of week can be \"?\"");
  if (!f.any_day && !f.any_weekday)
    return fault(weekday.at, "one of day of month and day of week must be \"?\"");
  return {};
}

}  // namespace orrery
