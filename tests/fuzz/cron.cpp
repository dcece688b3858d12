#include "tests/fuzz/targets.hpp"

#include "base/check.hpp"
#include "domain/cron/describe.hpp"

namespace orrery::fuzz {

namespace {

/// Clocks as they are set in Europe, made by hand: one gap and one overlap a year for a few years.
const zone_rules& zone() {
  static const zone_rules made = [] {
    zone_rules out;
    out.name = "Test/Zone";
    out.first_offset = 3600;
    constexpr unix_seconds day = 86'400;
    for (unix_seconds year = 0; year < 8; ++year) {
      const auto spring = 1'711'846'800 + year * 365 * day;
      out.changes.push_back({spring, 7200});
      out.changes.push_back({spring + 210 * day, 3600});
    }
    return out;
  }();
  return made;
}

constexpr local_seconds now = 1'760'000'000;

void look_for_times(const cron_expression& expression) {
  const auto again = cron_expression::parse(expression.text());
  CHECK(again && again->fields() == expression.fields(), "a text that was read is read again");
  const auto next = expression.next_local(now);
  if (next) {
    CHECK(*next >= now && expression.matches(*next), "the next time matches and is not before");
    CHECK(expression.previous_local(*next) == next, "a time that matches is its own neighbour");
    CHECK(expression.next_local(*next) == next, "in both directions");
  }
  const auto previous = expression.previous_local(now);
  if (previous)
    CHECK(*previous <= now && expression.matches(*previous),
          "the previous time matches and is not after");
  CHECK(!describe(expression).empty(), "what was read can be told in words");
}

void look_for_times(const iso_interval& interval) {
  for (const auto policy : {dst_policy::smart, dst_policy::quartz, dst_policy::literal}) {
    const auto next = interval.next(zone(), policy, now);
    CHECK(!next || *next > now, "the next time is after");
    const auto previous = interval.previous(zone(), policy, now);
    CHECK(!previous || *previous < now, "the previous time is before");
    if (next)
      if (const auto back = interval.previous(zone(), policy, *next))
        CHECK(*back <= now, "between two neighbours there is none");
  }
  CHECK(!describe(interval).empty(), "what was read can be told in words");
}

void look_for_times(const exclusion& except) {
  const auto piece = except.around(zone(), now);
  CHECK(piece.begin <= now && now < piece.end, "a piece lies around its instant");
  const auto later = except.around(zone(), piece.end - 1);
  CHECK(later.excluded == piece.excluded, "the answer is the same in all of it");
}

void look_for_all(std::string_view text) {
  fire_times_spec spec;
  spec.expressions.emplace_back(text);
  const auto times = fire_times::make(spec, [](std::string_view) -> result<shared_zone> {
    return std::make_shared<const zone_rules>(zone());
  });
  if (!times)
    return;
  const auto next = times->next(now);
  CHECK(!next || *next > now, "a schedule fires in the future");
  CHECK(!describe(spec).empty(), "what was read can be told in words");
}

}  // namespace

void cron(std::string_view bytes) {
  if (const auto rule = parse_fire_rule(bytes)) {
    std::visit([](const auto& one) { look_for_times(one); }, *rule);
    look_for_all(bytes);
  } else {
    CHECK(!rule.error().detail.empty(), "a refusal says why");
  }
  if (const auto except = exclusion::parse(bytes))
    look_for_times(*except);
}

}  // namespace orrery::fuzz
