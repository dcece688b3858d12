#include "domain/ports/task_logs.hpp"

namespace orrery {

std::string_view to_string(log_source source) noexcept {
  switch (source) {
    case log_source::standard_output: return "stdout";
    case log_source::standard_error: return "stderr";
    case log_source::worker: break;
  }
  return "worker";
}

}  // namespace orrery
