#include "codec/sleep_payload.hpp"

#include "domain/limits.hpp"

#include <nlohmann/json.hpp>

namespace orrery::codec {

namespace {

failure bad(const char* field, const char* sentence) { return {errc::invalid, sentence, field}; }

result<duration> read_length(const nlohmann::json& body) {
  if (const auto seconds = body.find("seconds"); seconds != body.end()) {
    if (!seconds->is_number())
      return bad("payload.seconds", "must be a number");
    const double value = seconds->get<double>();
    if (!(value >= 0.0 && value <= 30.0 * 86400.0))
      return bad("payload.seconds", "must lie between 0 and 30 days");
    return duration{static_cast<int64_t>(value * 1e6)};
  }
  if (const auto text = body.find("duration"); text != body.end()) {
    if (!text->is_string())
      return bad("payload.duration", "must be a text like PT2S or 2s");
    auto length = parse_duration(text->get<std::string>());
    if (!length)
      return failure{errc::invalid, length.error().detail, "payload.duration"};
    if (*length > limits::ttl_max)
      return bad("payload.duration", "must lie between 0 and 30 days");
    return length;
  }
  return duration{};
}

}  // namespace

result<sleep_payload> read_sleep_payload(std::string_view text) {
  sleep_payload payload;
  if (text.empty())
    return payload;
  const auto body = nlohmann::json::parse(text, nullptr, false);
  if (!body.is_object())
    return bad("payload", "must be an object like {\"duration\":\"PT2S\"}");
  auto length = read_length(body);
  if (!length)
    return std::move(length).error();
  payload.length = *length;
  if (const auto fail = body.find("fail"); fail != body.end()) {
    if (!fail->is_string())
      return bad("payload.fail", "must be a text");
    payload.error = fail->get<std::string>();
  }
  return payload;
}

}  // namespace orrery::codec
