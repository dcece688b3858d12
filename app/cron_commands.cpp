#include "app/cron_commands.hpp"

#include "base/clock.hpp"
#include "codec/json.hpp"
#include "domain/cron/describe.hpp"
#include "domain/cron/preview.hpp"
#include "zones/zone_files.hpp"

#include <iostream>
#include <memory>

namespace orrery::app {

namespace {

constexpr int64_t count_max = 100'000;

struct cron_request {
  fire_times_spec spec;
  std::string dst = "smart";
  std::string from;
  std::string to;
  std::string start;
  std::string end;
  std::string output = "text";
  int64_t count = 1;
};

/// Says what is wrong; for a place in an expression also where, under it.
int complain(const cron_request& wish, const failure& why) {
  std::cerr << "orrery: " << (why.field.empty() ? "" : why.field + ": ") << why.detail << '\n';
  const auto open = why.field.find('[');
  const auto place = why.detail.find("character ");
  if (open == std::string::npos || place != 0)
    return 2;
  const auto& texts = why.field.starts_with("except") ? wish.spec.except : wish.spec.expressions;
  const auto index = std::stoul(why.field.substr(open + 1));
  const auto column = std::stoul(why.detail.substr(std::string("character ").size()));
  if (index < texts.size())
    std::cerr << "  " << texts[index] << "\n  " << std::string(column - 1, ' ') << "^\n";
  return 2;
}

/// `now`, an instant with an offset, or a local time of the zone.
result<time_point> read_instant(const std::string& text, const zone_rules& zone,
                                const char* field) {
  if (text.empty() || text == "now")
    return system_clock().now();
  if (text.find_first_of("Zz+", 10) != std::string::npos ||
      text.find('-', std::min<size_t>(text.size(), 11)) != std::string::npos) {
    auto at = parse_time(text);
    if (!at)
      return failure{errc::invalid, at.error().detail, field};
    return *at;
  }
  auto full = text.size() == 10 ? text + "T00:00:00" : text.size() == 16 ? text + ":00" : text;
  const auto local = parse_time(full + "Z");
  if (!local)
    return failure{errc::invalid, local.error().detail, field};
  const auto wall = std::chrono::floor<std::chrono::seconds>(*local).time_since_epoch().count();
  const auto found = zone.from_local(wall);
  return time_point{std::chrono::seconds{found.count > 0 ? found.first : found.after_gap}};
}

result<fire_times> make_times(cron_request& wish, zone_files& zones) {
  const auto policy = parse_dst_policy(wish.dst);
  if (!policy)
    return failure{errc::invalid, "must be smart, quartz or literal", "dst"};
  wish.spec.dst = *policy;
  const auto zone = zones.find(wish.spec.zone);
  if (!zone)
    return failure{zone.error().code, zone.error().detail, "zone"};
  for (auto [text, into, field] : {std::tuple{&wish.start, &wish.spec.start, "start"},
                                   std::tuple{&wish.end, &wish.spec.end, "end"}})
    if (!text->empty()) {
      const auto at = read_instant(*text, **zone, field);
      if (!at)
        return at.error();
      *into = *at;
    }
  return fire_times::make(wish.spec, zones.lookup());
}

time_point to_time(unix_seconds at) { return time_point{std::chrono::seconds{at}}; }

void write_head(codec::json_writer& out, const cron_request& wish) {
  out.key("expressions").begin_array();
  for (const auto& text : wish.spec.expressions)
    out.value(text);
  out.end_array();
  if (!wish.spec.except.empty()) {
    out.key("except").begin_array();
    for (const auto& text : wish.spec.except)
      out.value(text);
    out.end_array();
  }
  out.field("zone", wish.spec.zone).field("dst", to_string(wish.spec.dst));
  out.field("description", describe(wish.spec));
}

void write_fire(codec::json_writer& out, const previewed_fire& fire) {
  out.begin_object().field("at", to_time(fire.at));
  out.field("local", format_zoned(fire.at, fire.offset));
  out.optional_field("note", to_string(fire.note)).end_object();
}

void print_fires(const cron_request& wish, const std::vector<previewed_fire>& fires,
                 const std::vector<clock_change>& changes, bool with_changes, bool complete) {
  if (wish.output == "json") {
    std::string text;
    codec::json_writer out(text);
    out.begin_object();
    write_head(out, wish);
    out.key("items").begin_array();
    for (const auto& fire : fires)
      write_fire(out, fire);
    out.end_array();
    if (with_changes) {
      out.key("clockChanges").begin_array();
      for (const auto& change : changes) {
        out.begin_object().field("at", to_time(change.at));
        out.field("kind", change.is_gap() ? "gap" : "overlap");
        out.field("fromOffset", change.from_offset).field("toOffset", change.to_offset);
        out.key("skippedLocalTimes").begin_array();
        for (const auto local : change.skipped)
          out.value(format_local(local));
        out.end_array().end_object();
      }
      out.end_array();
    }
    out.field("complete", complete).field("never", fires.empty() && complete).end_object();
    std::cout << text << '\n';
    return;
  }
  size_t next_change = 0;
  const auto tell_changes = [&](unix_seconds upto) {
    for (; next_change < changes.size() && changes[next_change].at <= upto; ++next_change) {
      const auto& c = changes[next_change];
      std::cout << "-- clocks are set " << (c.is_gap() ? "forward" : "back") << ": "
                << format_zoned(c.at, c.from_offset) << " becomes "
                << format_zoned(c.at, c.to_offset) << '\n';
    }
  };
  for (const auto& fire : fires) {
    tell_changes(fire.at);
    std::cout << format_zoned(fire.at, fire.offset);
    if (fire.note != fire_note::none)
      std::cout << "  (" << to_string(fire.note) << ')';
    std::cout << '\n';
  }
  tell_changes(zone_rules::max_instant);
  if (fires.empty())
    std::cout << "never\n";
  else if (!complete)
    std::cout << "…\n";
}

result<time_point> from_of(const cron_request& wish, const fire_times& times) {
  return read_instant(wish.from, times.zone(), "from");
}

int run_neighbours(cron_request& wish, bool forward) {
  zone_files zones;
  const auto times = make_times(wish, zones);
  if (!times)
    return complain(wish, times.error());
  const auto from = from_of(wish, *times);
  if (!from)
    return complain(wish, from.error());
  if (wish.count < 1 || wish.count > count_max)
    return complain(wish, {errc::invalid, "must lie between 1 and 100000", "count"});
  std::vector<previewed_fire> fires;
  auto at = forward ? times->next_time(*from) : times->previous_time(*from);
  while (at && static_cast<int64_t>(fires.size()) < wish.count) {
    fires.push_back(
        annotate(*times, std::chrono::floor<std::chrono::seconds>(*at).time_since_epoch().count()));
    at = forward ? times->next_time(*at) : times->previous_time(*at);
  }
  print_fires(wish, fires, {}, false, true);
  return 0;
}

int run_preview(cron_request& wish) {
  zone_files zones;
  const auto times = make_times(wish, zones);
  if (!times)
    return complain(wish, times.error());
  const auto from = from_of(wish, *times);
  if (!from)
    return complain(wish, from.error());
  const auto to = wish.to.empty() ? result<time_point>(*from + 24h * 366)
                                  : read_instant(wish.to, times->zone(), "to");
  if (!to)
    return complain(wish, to.error());
  if (*to < *from)
    return complain(wish, {errc::invalid, "lies before --from", "to"});
  const auto seen =
      preview(*times, std::chrono::ceil<std::chrono::seconds>(*from).time_since_epoch().count(),
              std::chrono::ceil<std::chrono::seconds>(*to).time_since_epoch().count(),
              static_cast<size_t>(std::clamp<int64_t>(wish.count, 1, count_max)));
  print_fires(wish, seen.fires, seen.changes, true, seen.complete);
  return 0;
}

int run_explain(cron_request& wish) {
  zone_files zones;
  const auto times = make_times(wish, zones);
  if (!times)
    return complain(wish, times.error());
  if (wish.output != "json") {
    for (const auto& rule : times->rules())
      std::cout << describe(rule) << '\n';
    for (const auto& text : wish.spec.except)
      std::cout << "except " << text << '\n';
    std::cout << "in " << wish.spec.zone << ", daylight saving: " << to_string(wish.spec.dst)
              << '\n';
    return 0;
  }
  std::string text;
  codec::json_writer out(text);
  out.begin_object();
  write_head(out, wish);
  out.key("rules").begin_array();
  constexpr const char* fields[] = {"second", "minute",    "hour", "dayOfMonth",
                                    "month",  "dayOfWeek", "year"};
  for (const auto& rule : times->rules()) {
    out.begin_object().field("description", describe(rule));
    if (const auto* expression = std::get_if<cron_expression>(&rule)) {
      out.field("dialect", expression->dialect() == cron_dialect::quartz ? "quartz" : "unix");
      out.key("fields").begin_object();
      for (size_t i = 0; i < expression->parts().size(); ++i)
        out.optional_field(fields[i], expression->parts()[i]);
      out.end_object().field("repeatsWithinTheDay", expression->repeats());
    } else {
      out.field("dialect", "iso8601");
    }
    out.end_object();
  }
  out.end_array().end_object();
  std::cout << text << '\n';
  return 0;
}

}  // namespace

void add_cron_commands(CLI::App& app, int& status) {
  auto* cron = app.add_subcommand("cron", "Look at expressions; needs no server");
  cron->require_subcommand(1);
  const auto wish = std::make_shared<cron_request>();
  const auto add = [&](const char* name, const char* help, auto run) {
    auto* command = cron->add_subcommand(name, help);
    command
        ->add_option("--expr", wish->spec.expressions,
                     "Quartz (6 or 7 fields), Unix cron (5) or an ISO 8601 interval; may be "
                     "repeated")
        ->required()
        ->take_all();
    command->add_option("--except", wish->spec.except,
                        "Calendar of times at which nothing fires, as weekly:SAT,SUN");
    command->add_option("--zone", wish->spec.zone, "IANA time zone; UTC if not given");
    command->add_option("--dst", wish->dst, "smart, quartz or literal");
    command->add_option("--start", wish->start, "Nothing fires before");
    command->add_option("--end", wish->end, "Nothing fires after");
    command->add_option("-o,--output", wish->output, "text or json")
        ->check(CLI::IsMember({"text", "json"}));
    command->callback([wish, &status, run] { status = run(*wish); });
    return command;
  };
  const auto with_from = [&](CLI::App* command) {
    command->add_option("--from", wish->from,
                        "An instant, or a local time of the zone; now if not "
                        "given");
    command->add_option("--count", wish->count, "How many");
    return command;
  };
  with_from(
      add("next", "The next fire times", [](cron_request& r) { return run_neighbours(r, true); }));
  with_from(add("previous", "The fire times before",
                [](cron_request& r) { return run_neighbours(r, false); }));
  auto* range = with_from(
      add("preview", "Fire times of a range, with changes of the clocks", [](cron_request& r) {
        if (r.count == 1)
          r.count = 100;
        return run_preview(r);
      }));
  range->add_option("--to", wish->to, "End of the range; a year after --from if not given");
  add("explain", "The expression in words", [](cron_request& r) { return run_explain(r); });
}

}  // namespace orrery::app
