#include "codec/log_lines.hpp"

#include "codec/detail/member.hpp"
#include "codec/detail/wire.hpp"
#include "codec/json.hpp"

#include <concepts>
#include <type_traits>

namespace orrery::codec {

namespace {

using namespace detail;

/// How a line stands in a chunk; its time is told by the difference to the line before.
struct packed_line {
  int64_t after = 0;
  log_source source = log_source::standard_output;
  bool unfinished = false;
  std::string text;
  int64_t lost_before = 0;
};

template <class T>
concept form_of_line = std::same_as<std::remove_const_t<T>, packed_line>;

template <class Way, form_of_line T>
void fields(Way& way, T& x) {
  way.number(1, x.after);
  way.choice(2, x.source, log_source::worker, log_source::standard_output);
  way.flag(3, x.unfinished);
  way.text(4, x.text);
  way.number(5, x.lost_before);
}

std::optional<log_source> parse_log_source(std::string_view text) noexcept {
  for (const auto source :
       {log_source::standard_output, log_source::standard_error, log_source::worker})
    if (to_string(source) == text)
      return source;
  return std::nullopt;
}

void add_lines(std::vector<log_line>& into, log_line line) {
  std::string_view rest = line.text;
  for (;;) {
    const auto line_break = rest.find('\n');
    auto one = rest.substr(0, line_break);
    if (one.ends_with('\r'))
      one.remove_suffix(1);
    into.push_back({line.at, line.source, false, std::string(one), 0});
    if (line_break == std::string_view::npos || line_break + 1 == rest.size())
      return;
    rest.remove_prefix(line_break + 1);
  }
}

result<void> read_line(json_value& value, std::vector<log_line>& into) {
  log_line line;
  failure error;
  const member whole("lines", value, error);
  if (value.is == json_value::form::string) {
    if (!whole.text(line.text, log_line_bytes))
      return error;
  } else if (value.is == json_value::form::object) {
    bool has_text = false;
    const bool good = whole.each([&](std::string_view key, json_value& inner) {
      const member m(key, inner, error, "lines.");
      if (key == "text")
        return has_text = m.text(line.text, log_line_bytes);
      if (key == "source")
        return m.choice(line.source, parse_log_source, "must be stdout, stderr or worker");
      return key != "at" || m.time(line.at);
    });
    if (!good)
      return error;
    if (!has_text)
      return failure{errc::invalid, "is missing", "lines.text"};
  } else {
    return failure{errc::invalid, "must hold texts or objects", "lines"};
  }
  add_lines(into, std::move(line));
  return {};
}

}  // namespace

std::vector<packed_lines> pack_lines(const std::vector<log_line>& lines) {
  std::vector<packed_lines> out;
  time_point before{};
  for (const auto& line : lines) {
    if (out.empty() || out.back().body.size() >= log_chunk_bytes) {
      out.emplace_back();
      before = {};
    }
    wire_writer(out.back().body)
        .message(1, packed_line{static_cast<int64_t>(zigzag(bits(line.at) - bits(before))),
                                line.source, line.unfinished, line.text, line.lost_before});
    before = line.at;
    ++out.back().lines;
  }
  return out;
}

result<std::vector<log_line>> unpack_lines(std::string_view body) {
  std::vector<log_line> lines;
  time_point before{};
  wire_reader reader(body);
  wire_field field;
  while (reader.next(field)) {
    packed_line one;
    if (field.number != 1)
      continue;
    if (field.type != wire_type::bytes || !read_message(field.bytes, one))
      return failure{errc::corrupt, "stored lines cannot be read"};
    before = time_of_bits(unzigzag(static_cast<uint64_t>(one.after)) + bits(before));
    lines.push_back({before, one.source, one.unfinished, std::move(one.text), one.lost_before});
  }
  if (reader.broken())
    return failure{errc::corrupt, "stored lines cannot be read"};
  return lines;
}

result<std::vector<log_line>> read_log_lines(std::string_view body) {
  std::vector<log_line> lines;
  if (trimmed(body).empty())
    return lines;
  failure error;
  bool good = true;
  const auto refuse = [&](failure why) {
    error = std::move(why);
    return good = false;
  };
  auto told = read_json(body, outermost::object, [&](std::string_view key, json_value& value) {
    if (key != "lines" || value.is == json_value::form::null)
      return true;
    if (value.is != json_value::form::array)
      return refuse({errc::invalid, "must be a list", "lines"});
    auto inner = read_json(value.raw, outermost::array, [&](std::string_view, json_value& one) {
      auto read = read_line(one, lines);
      return read ? true : refuse(std::move(read).error());
    });
    return inner ? good : refuse(std::move(inner).error());
  });
  if (!told)
    return std::move(told).error();
  if (!good)
    return error;
  if (lines.size() > log_lines_max)
    return failure{errc::invalid, "must not hold more than 1000 lines", "lines"};
  return lines;
}

void append(std::string& out, const log_line& line) {
  json_writer all(out);
  all.begin_object().field("at", line.at).field("source", to_string(line.source));
  all.field("text", line.text);
  if (line.unfinished)
    all.field("unfinished", true);
  if (line.lost_before > 0)
    all.field("lostBefore", line.lost_before);
  all.end_object();
}

void append(std::string& out, const log_wish& wish, const log_answer& answer) {
  const auto& kept = answer.kept;
  json_writer all(out);
  all.begin_object().field("taskId", wish.task.value);
  all.field("run", wish.token.run).field("attempt", wish.token.attempt);
  all.optional_field("node", kept.node);
  all.field("lines", kept.lines).field("bytes", kept.bytes);
  all.field("lostLines", kept.lost.lines).field("lostBytes", kept.lost.bytes);
  all.key("items").begin_array();
  for (const auto& line : answer.lines) {
    std::string one;
    append(one, line);
    all.raw(one);
  }
  all.end_array();
  all.field("next", answer.places.empty() ? wish.after : answer.places.back()).end_object();
}

}  // namespace orrery::codec
