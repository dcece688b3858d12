#pragma once
/// Payloads of a flow's steps are templates: JSON in which `${…}` stands for a value of the order.
///
/// `${order.id}`, `${order.product}`, `${order.quantity}`, `${order.customer}`, `${order.reference}`,
/// `${order.metadata}`, `${step}`, `${steps.NAME.result}`. Where a JSON string is nothing but one
/// placeholder, the value takes its place as it is (a number stays a number, a result an object); within
/// a longer string it is put in as text. `$${` is a plain `${`.

#include "domain/order.hpp"

namespace orrery {

/// Fills in what the order knows. A missing value is `null`, or nothing within a longer string. An empty
/// template gives all of the order as an object.
std::string fill_template(std::string_view text, const order& o, std::string_view step);

/// A JSON object with one more member in front, a text that needs no escapes.
std::string with_member(std::string_view object, std::string_view name, std::string_view value);

/// Whether every placeholder of `text` is one of the above, and names steps that `f` has.
result<void> check_template(std::string_view text, const flow& f);

}  // namespace orrery
