#pragma once
/// Lines of attempts as stores keep them, and as HTTP shows and takes them.

#include "domain/ports/task_logs.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace orrery::codec {

/// A chunk ends once it has so many bytes.
inline constexpr size_t log_chunk_bytes = 32 * 1024;
/// Of one line that a worker sends, and of one request.
inline constexpr size_t log_line_bytes = 16 * 1024;
inline constexpr size_t log_lines_max = 1000;

struct packed_lines {
  std::string body;
  int64_t lines = 0;
};
/// Whole lines, in order, cut into chunks.
std::vector<packed_lines> pack_lines(const std::vector<log_line>& lines);
result<std::vector<log_line>> unpack_lines(std::string_view body);

/// `{"lines":[…]}` of a worker: texts, or objects `{text, source?, at?}`. Members of another name are
/// passed by; without `lines` there are none. A text of several lines becomes several. A time that is not
/// given is `never`.
result<std::vector<log_line>> read_log_lines(std::string_view body);

/// `{at, source, text, unfinished?, lostBefore?}`.
void append(std::string& out, const log_line& line);
/// `{taskId, run, attempt, node?, lines, bytes, lostLines, lostBytes, items:[…], next}`.
void append(std::string& out, const log_wish& wish, const log_answer& answer);

}  // namespace orrery::codec
