#include "app/topic_rules.hpp"

#include "domain/topics.hpp"

#include <algorithm>

namespace orrery::app {

bool is_among(const std::vector<std::string>& patterns, const std::string& topic) {
  return std::any_of(patterns.begin(), patterns.end(), [&](const std::string& one) {
    return one.ends_with('*') ? topic.starts_with(std::string_view(one).substr(0, one.size() - 1))
                              : topic == one;
  });
}

result<void> check_topic(const std::vector<std::string>& patterns, const std::string& prefix,
                         const std::string& topic) {
  const bool ours = std::any_of(own_topics.begin(), own_topics.end(), [&](std::string_view name) {
    return topic == name || topic == prefix + std::string(name);
  });
  if (ours)
    return failure{errc::invalid,
                   topic +
                       " is one of Orrery's own topics: what a schedule writes there could start "
                       "what writes there again; start a task or an order instead"};
  if (topic.starts_with("__"))
    return failure{errc::invalid, topic + " is a topic of Kafka's own"};
  if (!is_among(patterns, topic))
    return failure{errc::invalid, topic +
                                      " is not among the topics that schedules may publish to "
                                      "(schedule.topics in the configuration)"};
  return {};
}

std::vector<std::string> names_among(const std::vector<std::string>& patterns) {
  std::vector<std::string> names;
  std::copy_if(patterns.begin(), patterns.end(), std::back_inserter(names),
               [](const std::string& one) { return !one.ends_with('*'); });
  return names;
}

}  // namespace orrery::app
