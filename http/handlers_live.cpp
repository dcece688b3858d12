/// Routes that answer with server-sent events.

#include "http/handlers.hpp"
#include "http/routes.hpp"
#include "http/target.hpp"

#include "domain/ports/live_feed.hpp"

namespace orrery::http::handlers {

namespace {

result<void> read_wish(feed_wish& wish, parameter& p) {
  if (p.name == "kind") {
    for (const auto& [name, kind] : {std::pair{"task", entity_kind::task},
                                     {"order", entity_kind::order},
                                     {"schedule", entity_kind::schedule}})
      if (p.value == name) {
        wish.kind = kind;
        return {};
      }
    return failure{errc::invalid, "must be task, order or schedule", p.name};
  }
  if (p.name == "event") {
    std::string_view rest = p.value;
    while (!rest.empty()) {
      const auto name = rest.substr(0, rest.find(','));
      rest.remove_prefix(std::min(rest.size(), name.size() + 1));
      if (!is_event_name(name))
        return failure{errc::invalid, "is not the name of an event", p.name};
      wish.events.emplace_back(name);
    }
    return {};
  }
  if (p.name == "after") {
    wish.after = std::move(p.value);
    return {};
  }
  return failure{errc::invalid, "is not a parameter of this route", p.name};
}

}  // namespace

void stream(const exchange_ptr& ex, feed_wish wish) {
  if (!ex->in.last_event_id.empty())
    wish.after = ex->in.last_event_id;
  response head{.type = media::events};
  if (ex->in.verb == method::head)
    return ex->finish(std::move(head));
  auto more = std::make_shared<stream_signal>();
  ex->door.feed().open(
      std::move(wish), [more] { more->raise(); },
      [ex, more, head](result<std::shared_ptr<feed_stream>> opened) mutable {
        if (!opened)
          return ex->fail(opened.error());
        head.stream = std::move(*opened);
        head.more = more;
        ex->finish(std::move(head));
      });
}

void events(const exchange_ptr& ex) {
  auto parameters = parse_query(ex->in.query);
  if (!parameters)
    return ex->fail(parameters.error());
  feed_wish wish;
  for (auto& p : *parameters)
    if (const auto read = read_wish(wish, p); !read)
      return ex->fail(read.error());
  stream(ex, std::move(wish));
}

void entity_events(const exchange_ptr& ex) {
  if (refuses_parameters(ex))
    return;
  with_entity(ex, [ex](entity_id id) {
    // Whoever asks for what does not exist is told so, instead of hearing nothing for ever.
    ex->door.get(ex->matched->kind, id, [ex, id](result<entity_view> view) {
      if (!view)
        return ex->fail(view.error());
      if (ex->open())
        stream(ex, feed_wish{.kind = ex->matched->kind, .id = id});
    });
  });
}

}  // namespace orrery::http::handlers
