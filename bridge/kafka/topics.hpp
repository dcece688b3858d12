#pragma once
/// Names and creation of our topics.

#include "bridge/kafka/handles.hpp"

namespace orrery::kafka {

std::string intake_topic(const kafka_options& options, intake topic);
std::string status_topic(const kafka_options& options, entity_kind kind);
/// Where unreadable records of this intake topic go.
std::string dead_letter_topic(const kafka_options& options, intake topic);

/// Where messages of schedules go that their own topic does not take.
std::string message_dead_letter_topic(const kafka_options& options);

/// Creates every topic of ours that is missing, each with `partitions` partitions, and waits until all
/// of them can be used. `conflict` where one has another count. The topics of schedules' messages
/// (`kafka_options::message_topics`) are created where missing, as the broker would; where it refuses, a
/// warning says so.
result<void> prepare_topics(rd_kafka_t* client, const kafka_options& options, uint32_t partitions);

}  // namespace orrery::kafka
