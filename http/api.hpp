#pragma once
/// What this API says of itself, and the checks that follow from it.

#include "codec/schema.hpp"
#include "http/exchange.hpp"

#include <string>
#include <string_view>

namespace orrery::http {

/// The schemas and parameters of `http/api/*.json`. Loaded once; a mistake in them aborts, and a test
/// finds it before.
const codec::schema_set& schemas();

/// Refuses a query parameter that the route does not declare, and a parameter or a body that does not
/// fit its schema. A body that is not JSON is left to its reader.
result<void> check_request(const request& in, const route& r);

/// Whether a batch is to be taken all or none: unless its query or its object form says `atomic` false.
bool is_atomic(const request& in);

/// OpenAPI 3.1 of `routes()`. Made once.
const std::string& openapi_document();
/// AsyncAPI 3.0 of the topics, with the same schemas.
const std::string& asyncapi_document();

}  // namespace orrery::http
