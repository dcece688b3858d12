#pragma once
/// Flows: the JSON that people upload and read, the form that is stored, and the drawing (BPMN).

#include "domain/order.hpp"

#include <string>
#include <string_view>

namespace orrery::codec {

/// Reads a flow: `{"name", "description"?, "expiresIn"?, "steps": [{"name", "dependsOn"?, "compensate"?,
/// … the members of a task …}]}`. A step without `dependsOn` follows the one before it. Validated; a
/// failure names the place, as `steps[1].compensate.kind`.
result<flow> read_flow(std::string_view text);
/// Appends a flow as one JSON object, with its version.
void append_flow(std::string& out, const flow& f);

std::string encode_flow(const flow& f);
/// `corrupt` where the bytes are not a flow.
result<flow> decode_flow(std::string_view bytes);

/// A flow as BPMN 2.0 XML with the coordinates of its diagram.
std::string flow_as_bpmn(const flow& f);
/// The life of an order or a task, made from the table of legal moves.
std::string life_as_bpmn(entity_kind kind);

}  // namespace orrery::codec
