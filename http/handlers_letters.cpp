/// Dead letters: lists, one whole, redrive and discard.

#include "http/handlers.hpp"
#include "http/query.hpp"
#include "http/routes.hpp"
#include "http/target.hpp"

#include "codec/json.hpp"
#include "codec/letters.hpp"
#include "domain/limits.hpp"

#include <charconv>

namespace orrery::http::handlers {

namespace {

result<int64_t> number_of(const std::string& text) {
  int64_t number = 0;
  const auto* end = text.data() + text.size();
  const auto [last, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc{} || last != end || number < 1)
    return failure{errc::not_found, "there is no dead letter " + text.substr(0, 64)};
  return number;
}

std::optional<letter_wish::verb> verb_of(std::string_view name) {
  if (name == "redrive")
    return letter_wish::verb::redrive;
  if (name == "discard")
    return letter_wish::verb::discard;
  return std::nullopt;
}

failure no_such(std::string_view verb) {
  return {errc::not_found, "dead letters know redrive and discard, not " + std::string(verb)};
}

result<void> read_states(letter_query& query, std::string_view text) {
  while (!text.empty()) {
    const auto name = text.substr(0, text.find(','));
    text.remove_prefix(std::min(text.size(), name.size() + 1));
    const auto state = parse_letter_state(name);
    if (!state)
      return failure{errc::invalid, "must be OPEN, REDRIVING, REDRIVEN or DISCARDED", "state"};
    query.states.push_back(*state);
  }
  return {};
}

result<void> read_filter(letter_query& query, parameter& p) {
  if (p.name == "topic") {
    query.source = codec::parse_intake(p.value);
    if (!query.source)
      return failure{errc::invalid, "must be order_topic or task_topic", p.name};
  } else if (p.name == "reason") {
    query.reason = std::move(p.value);
  } else if (p.name == "cursor") {
    query.cursor = std::move(p.value);
  } else if (p.name == "state") {
    return read_states(query, p.value);
  } else if (p.name == "from" || p.name == "to") {
    const auto at = read_time(p);
    if (!at)
      return at.error();
    (p.name == "from" ? query.from : query.to) = *at;
  } else if (p.name == "order") {
    if (p.value != "asc" && p.value != "desc")
      return failure{errc::invalid, "must be asc or desc", p.name};
    query.order = p.value == "asc" ? list_order::oldest_first : list_order::newest_first;
  } else if (p.name == "limit") {
    const auto n = read_limit(p);
    if (!n)
      return n.error();
    query.limit = *n;
  } else {
    return failure{errc::invalid, "is not a parameter of this list", p.name};
  }
  return {};
}

letter_desk::answer<stored_letter> shows(const exchange_ptr& ex) {
  return [ex](result<stored_letter> one) {
    if (!one)
      return ex->fail(one.error());
    response out;
    codec::append_view(out.body, *one, true);
    ex->finish(std::move(out));
  };
}

}  // namespace

void letters(const exchange_ptr& ex) {
  auto parameters = parse_query(ex->in.query);
  if (!parameters)
    return ex->fail(parameters.error());
  letter_query query;
  for (auto& p : *parameters)
    if (const auto read = read_filter(query, p); !read)
      return ex->fail(read.error());
  ex->door.letters().find(std::move(query), [ex](result<letter_page> page) {
    if (!page)
      return ex->fail(page.error());
    response out;
    out.body = R"({"items":[)";
    for (const auto& one : page->items) {
      if (&one != page->items.data())
        out.body += ',';
      codec::append_view(out.body, one, false);
    }
    out.body += R"(],"next":)";
    if (page->next.empty())
      out.body += "null";
    else
      codec::append_string(out.body, page->next);
    out.body += '}';
    ex->finish(std::move(out));
  });
}

void letter(const exchange_ptr& ex) {
  if (refuses_parameters(ex))
    return;
  const auto number = number_of(ex->in.id);
  if (!number)
    return ex->fail(number.error());
  ex->door.letters().get(*number, shows(ex));
}

void settle_letter(const exchange_ptr& ex) {
  if (refuses_parameters(ex))
    return;
  const auto number = number_of(ex->in.id);
  const auto verb = verb_of(ex->in.action);
  if (!number || !verb)
    return ex->fail(number ? no_such(ex->in.action) : number.error());
  auto wish = codec::read_letter_wish(*verb, ex->in.body);
  if (!wish)
    return ex->fail(wish.error());
  wish->by = ex->in.principal;
  ex->door.letters().apply(*number, std::move(*wish), shows(ex));
}

void settle_letters(const exchange_ptr& ex) {
  if (refuses_parameters(ex))
    return;
  const auto verb = verb_of(ex->in.action);
  if (!verb)
    return ex->fail(no_such(ex->in.action));
  auto wanted = codec::read_letters_wish(*verb, ex->in.body);
  if (!wanted)
    return ex->fail(wanted.error());
  wanted->wish.by = ex->in.principal;
  ex->door.letters().apply_all(
      std::move(wanted->query), std::move(wanted->wish), [ex](result<letter_tally> tally) {
        if (!tally)
          return ex->fail(tally.error());
        response out;
        codec::json_writer json(out.body);
        json.begin_object().field("done", static_cast<uint64_t>(tally->done));
        json.key("refused").begin_array();
        for (const auto& one : tally->refused) {
          json.begin_object().field("id", std::to_string(one.number));
          json.field("detail", one.why.detail).end_object();
        }
        json.end_array().field("more", tally->more).end_object();
        ex->finish(std::move(out));
      });
}

}  // namespace orrery::http::handlers
