#include "codec/detail/bodies.hpp"
#include "codec/detail/member.hpp"

namespace orrery::codec::detail {

namespace {

bool read_member(std::string_view key, json_value& value, order_body& b, failure& error) {
  const member m(key, value, error);
  if (key == "orderId")
    return m.text(b.id_text, limits::reference_bytes);
  if (key == "product")
    return m.text(b.spec.product);
  if (key == "quantity")
    return m.whole(b.spec.quantity);
  if (key == "customer")
    return m.text(b.spec.customer);
  if (key == "flow")
    return m.text(b.spec.flow);
  if (key == "expiresIn")
    return m.length(b.spec.expires_in);
  if (key == "metadata")
    return m.object(b.spec.metadata, limits::metadata_bytes);
  if (key == "command")
    return m.text(b.command, limits::name_bytes);
  if (key == "reason")
    return m.text(b.reason, limits::text_bytes);
  if (key == "step")
    return m.text(b.step, limits::name_bytes);
  if (key == "kill")
    return m.flag(b.kill);
  return true;
}

std::optional<entity_command> some(order_command command) {
  return entity_command{std::move(command)};
}

}  // namespace

result<order_body> read_order_body(std::string_view text) {
  order_body body;
  failure error;
  bool good = true;
  auto told = read_json(text, outermost::object, [&](std::string_view key, json_value& value) {
    return good = read_member(key, value, body, error);
  });
  if (!good)
    return error;
  if (!told)
    return std::move(told).error();
  return body;
}

result<std::optional<entity_command>> command_of(std::string_view verb, order_body&& b) {
  if (verb == "submit") {
    if (auto ok = validate(b.spec); !ok)
      return std::move(ok).error();
    return some(submit_order{std::move(b.spec)});
  }
  if (verb == "cancel")
    return some(cancel_order{std::move(b.reason), b.kill});
  if (verb == "confirm")
    return some(confirm_order{});
  if (verb == "reject")
    return some(reject_order{std::move(b.reason)});
  if (verb == "begin-fulfilment")
    return some(begin_fulfilment{});
  if (verb == "complete")
    return some(complete_order{});
  if (verb == "kill")
    return some(cancel_order{std::move(b.reason), true});
  if (verb == "resume")
    return some(resume_order{std::move(b.step)});
  if (verb == "skip-step")
    return some(skip_step{std::move(b.step), std::move(b.reason)});
  return std::optional<entity_command>{};
}

}  // namespace orrery::codec::detail
