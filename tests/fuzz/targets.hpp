#pragma once
/// What the fuzzers run: what reads bytes from outside. Each takes any bytes, never throws, and aborts
/// (`CHECK`) where a promise of the readers is broken. Run by libFuzzer (`./dev fuzz`), and with the kept
/// inputs by the unit tests.

#include <string_view>

namespace orrery::fuzz {

/// Bodies and queries of requests: what the schemas of the API and the readers of codec/ make of them.
void http_body(std::string_view bytes);
/// Cron expressions, intervals and exclusions: reading them, and looking for their times.
void cron(std::string_view bytes);
/// Ids of entities, foreign references, leases and the context of traces.
void ids(std::string_view bytes);
/// Values and headers of the topics.
void kafka_message(std::string_view bytes);

}  // namespace orrery::fuzz
