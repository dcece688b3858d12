#include "app/prometheus.hpp"

#include <charconv>

namespace orrery::app {

namespace {

/// A value of a label: escaped; control characters are left out.
void append_label(std::string& out, std::string_view text) {
  for (const char c : text) {
    if (c == '"' || c == '\\')
      out += '\\';
    if (static_cast<unsigned char>(c) >= 0x20 && c != 0x7f)
      out += c;
  }
}

}  // namespace

void metric_writer::begin(std::string_view name, std::string_view type, std::string_view help) {
  name_ = name;
  out_.append("# HELP ").append(name).append(" ").append(help);
  out_.append("\n# TYPE ").append(name).append(" ").append(type).append("\n");
}

std::string metric_writer::number(double value) {
  char text[32];
  const auto end = std::to_chars(text, text + sizeof text, value).ptr;
  return {text, end};
}

void metric_writer::line(std::string_view suffix, labels with, const std::string& value,
                         std::string_view bound) {
  out_.append(name_).append(suffix);
  char before = '{';
  const auto add = [&](std::string_view name, std::string_view text) {
    out_ += std::exchange(before, ',');
    out_.append(name).append("=\"");
    append_label(out_, text);
    out_ += '"';
  };
  for (const auto& [name, text] : with)
    add(name, text);
  if (!bound.empty())
    add("le", bound);
  if (before == ',')
    out_ += '}';
  out_.append(" ").append(value).append("\n");
}

void metric_writer::spread(labels with, const distribution& values, bool micros) {
  uint64_t so_far = 0;
  for (size_t i = 0; i < values.counts.size(); ++i) {
    so_far += values.counts[i];
    std::string bound = "+Inf";
    if (i < values.bounds.size())
      bound = micros ? seconds_text(values.bounds[i]) : std::to_string(values.bounds[i]);
    line("_bucket", with, std::to_string(so_far), bound);
  }
  line("_sum", with,
       micros ? number(static_cast<double>(values.sum) / 1e6) : std::to_string(values.sum));
  line("_count", with, std::to_string(so_far));
}

}  // namespace orrery::app
