#pragma once
/// Writes Prometheus text (format 0.0.4): each metric with its help and type once, then its lines.

#include "base/meter.hpp"

#include <initializer_list>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace orrery::app {

class metric_writer {
public:
  using labels = std::initializer_list<std::pair<std::string_view, std::string_view>>;

  explicit metric_writer(std::string& out) : out_(out) {}

  /// What follows are its lines. `type`: `counter`, `gauge` or `histogram`.
  void begin(std::string_view name, std::string_view type, std::string_view help);
  template <class Number>
    requires std::is_arithmetic_v<Number>
  void line(labels with, Number value) { line("", with, number(value)); }
  /// A metric with one line and no labels.
  template <class Number>
  void one(std::string_view name, std::string_view type, std::string_view help, Number value) {
    begin(name, type, help);
    line({}, value);
  }
  /// The lines of a histogram. `micros`: the values are microseconds and are written as seconds.
  void spread(labels with, const distribution& values, bool micros);

private:
  static std::string number(double value);
  template <class Number>
  static std::string number(Number value) {
    return std::to_string(value);
  }
  void line(std::string_view suffix, labels with, const std::string& value,
            std::string_view bound = {});

  std::string& out_;
  std::string name_;
};

}  // namespace orrery::app
