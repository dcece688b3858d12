#pragma once
/// Random expressions that use the whole dialect, from a seed.

#include <random>
#include <string>

namespace orrery::oracle {

class random_cron {
public:
  explicit random_cron(uint64_t seed) : dice_(seed) {}

  /// Any form; about one in six is Unix cron.
  std::string expression();
  /// Only forms that Quartz itself reads as they are meant.
  std::string quartz_expression();
  int64_t number(int64_t from, int64_t to) {
    return std::uniform_int_distribution<int64_t>(from, to)(dice_);
  }

private:
  bool chance(int percent) { return number(1, 100) <= percent; }
  std::string value(int from, int to) { return std::to_string(number(from, to)); }
  std::string plain(int from, int to, int step_max);
  std::string item(int from, int to, int step_max);
  std::string day();
  std::string weekday();
  std::string month();
  std::string year();

  std::mt19937_64 dice_;
};

}  // namespace orrery::oracle
