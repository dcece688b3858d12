/// Routes that change something: submits and commands.

#include "http/api.hpp"
#include "http/handlers.hpp"
#include "http/problem.hpp"
#include "http/routes.hpp"

#include "codec/messages.hpp"

#include <algorithm>

namespace orrery::http::handlers {

namespace {

std::string location_of(entity_kind kind, entity_id id) {
  return (kind == entity_kind::order ? "/api/orders/" : "/api/tasks/") + to_string(id);
}

void set_trace(submission& item, const request& in) {
  if (auto* t = std::get_if<task_command>(&item.command)) {
    if (auto* submit = std::get_if<submit_task>(t); submit && submit->spec.traceparent.empty())
      submit->spec.traceparent = in.traceparent;
  } else if (auto* o = std::get_if<order_command>(&item.command)) {
    if (auto* submit = std::get_if<submit_order>(o); submit && submit->spec.traceparent.empty())
      submit->spec.traceparent = in.traceparent;
  }
}

/// `items[0].ttl` is `ttl` to somebody who sent one body.
failure without_index(failure why) {
  constexpr std::string_view first = "items[0]";
  if (why.field.starts_with(first)) {
    why.field.erase(0, first.size());
    if (why.field.starts_with('.'))
      why.field.erase(0, 1);
  }
  return why;
}

void answer_accepted(const exchange_ptr& ex, const accepted& a) {
  response out;
  codec::append_accepted(out.body, a);
  out.location = location_of(a.kind, a.id);
  ex->finish(std::move(out));
}

void answer_after_wait(const exchange_ptr& ex, const accepted& a) {
  ex->door.wait(a.kind, a.id, ex->in.wait, [ex, a](result<entity_view> view) {
    // The submit has succeeded: trouble with waiting must not look like a failed submit, or the
    // client would send it again.
    if (!view || view->accepted_only || !view->state)
      return answer_accepted(ex, a);
    response out;
    codec::append_view(out.body, *view->state);
    out.location = location_of(a.kind, a.id);
    out.wait_applied_s = std::chrono::duration_cast<std::chrono::seconds>(ex->in.wait).count();
    ex->finish(std::move(out));
  });
}

/// One key stands for the whole batch: item n has the key `key/n`, so that a batch sent twice is
/// recognised item by item.
void surround(const exchange_ptr& ex, size_t index, submission& item) {
  if (ex->in.idempotency_key)
    item.idempotency_key = *ex->in.idempotency_key + "/" + std::to_string(index);
  item.principal = ex->in.principal;
  set_trace(item, ex->in);
}

/// `{"items":[…]}`, or a line for each item where the request was lines.
class batch_answer {
public:
  batch_answer(bool lines, size_t items) : lines_(lines) {
    out_.type = lines ? media::lines : media::json;
    out_.body.reserve(32 + items * 128);
    if (!lines)
      out_.body = R"({"items":[)";
  }
  template <class Append>
  void add(Append append) {
    if (!lines_ && !first_)
      out_.body += ',';
    first_ = false;
    append(out_.body);
    if (lines_)
      out_.body += '\n';
  }
  response finish() {
    if (!lines_)
      out_.body += "]}";
    return std::move(out_);
  }

private:
  const bool lines_;
  bool first_ = true;
  response out_;
};

result<submission> checked_item(const exchange_ptr& ex, std::string_view text) {
  if (const auto* schema = schemas().find(ex->matched->request))
    if (auto ok = codec::check_value(*schema, text); !ok)
      return std::move(ok).error();
  return codec::read_submission(ex->matched->kind, text);
}

/// `items[3].ttl` is `ttl` to whoever finds the answer in the place of the item.
failure within_item(failure why) {
  if (why.field.starts_with("items[")) {
    const auto end = why.field.find(']');
    why.field.erase(0, end == std::string::npos ? why.field.size() : end + 1);
    if (why.field.starts_with('.'))
      why.field.erase(0, 1);
  }
  return why;
}

/// Each item for itself: what cannot be taken is answered in its place.
void submit_each(const exchange_ptr& ex) {
  auto batch = codec::split_batch(ex->in.body);
  if (!batch)
    return ex->fail(batch.error());
  std::vector<result<submission>> items;
  items.reserve(batch->items.size());
  for (size_t i = 0; i < batch->items.size(); ++i) {
    auto item = checked_item(ex, batch->items[i]);
    if (item)
      surround(ex, i, *item);
    items.push_back(std::move(item));
  }
  ex->door.submit_each(std::move(items), [ex](result<std::vector<result<accepted>>> done) {
    if (!done)
      return ex->fail(done.error());
    batch_answer out(ex->in.lines, done->size());
    for (auto& one : *done)
      out.add([&](std::string& body) {
        if (one)
          codec::append_accepted(body, *one);
        else
          codec::append_refused(body, within_item(std::move(one).error()));
      });
    ex->finish(out.finish());
  });
}

}  // namespace

void submit_one(const exchange_ptr& ex) {
  if (refuses_parameters(ex))
    return;
  auto item = codec::read_submission(ex->matched->kind, ex->in.body);
  if (!item)
    return ex->fail(item.error());
  item->idempotency_key = ex->in.idempotency_key.value_or("");
  item->principal = ex->in.principal;
  set_trace(*item, ex->in);
  std::vector<submission> items;
  items.push_back(std::move(*item));
  ex->door.submit(std::move(items), [ex](result<std::vector<accepted>> done) {
    if (!done)
      return ex->fail(without_index(std::move(done).error()));
    if (done->size() != 1)
      return ex->fail({errc::corrupt, "the intake answered for another number of items"});
    if (ex->in.wait > duration{} && ex->open())
      return answer_after_wait(ex, done->front());
    answer_accepted(ex, done->front());
  });
}

void submit_batch(const exchange_ptr& ex) {
  if (!is_atomic(ex->in))
    return submit_each(ex);
  auto items = codec::read_batch(ex->matched->kind, ex->in.body);
  if (!items)
    return ex->fail(items.error());
  for (size_t i = 0; i < items->size(); ++i)
    surround(ex, i, (*items)[i]);
  ex->door.submit(std::move(*items), [ex](result<std::vector<accepted>> done) {
    if (!done)
      return ex->fail(done.error());
    batch_answer out(ex->in.lines, done->size());
    for (const auto& one : *done)
      out.add([&](std::string& body) { codec::append_accepted(body, one); });
    ex->finish(out.finish());
  });
}

void run_command(const exchange_ptr& ex) {
  if (refuses_parameters(ex))
    return;
  auto wish = codec::read_command(ex->matched->kind, ex->in.action, ex->in.body);
  if (!wish)
    return ex->fail(wish.error());
  // A little less than the client's own patience here, so that the owner's sentence arrives.
  const auto limit = ex->options.request_timeout * 9 / 10;
  with_entity(ex, [ex, limit, wish = std::move(*wish)](entity_id id) mutable {
    ex->door.command(
        ex->matched->kind, id, std::move(wish), limit,
        [ex](result<entity> after) {
          if (!after)
            return ex->fail(after.error());
          response out;
          out.version = std::visit([](const auto& one) { return one.version; }, *after);
          codec::append_view(out.body, *after);
          ex->finish(std::move(out));
        },
        ex->in.if_match.value_or(0));
  });
}

}  // namespace orrery::http::handlers
