#pragma once
/// The rotating log file, read from its end.

#include "domain/ports/node_logs.hpp"

#include <string>

namespace orrery::app {

/// The newest lines that fit, of `file` and of those that it was before (`log.jsonl`, `log.1.jsonl`, …). Ends
/// after `limit` with what was found by then, and says from where to go on.
node_log_page read_log_files(const std::string& file, uint32_t kept, const node_log_wish& wish,
                             duration limit);

}  // namespace orrery::app
