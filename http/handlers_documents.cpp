/// The descriptions of this API, and the page that shows them.

#include "http/api.hpp"
#include "http/embedded.hpp"
#include "http/handlers.hpp"
#include "http/problem.hpp"
#include "http/routes.hpp"

namespace orrery::http::handlers {

namespace {

media media_of(std::string_view name) noexcept {
  if (name.ends_with(".js"))
    return media::script;
  if (name.ends_with(".css"))
    return media::style;
  if (name.ends_with(".png"))
    return media::image;
  return media::html;
}

void answer_file(const exchange_ptr& ex, std::string_view name) {
  for (const auto& file : embedded_files())
    if (file.name == name) {
      response out;
      out.type = media_of(name);
      out.body.assign(file.bytes);
      return ex->finish(std::move(out));
    }
  ex->fail({errc::not_found, "there is no such file"});
}

}  // namespace

void openapi(const exchange_ptr& ex) { ex->finish({.body = openapi_document()}); }

void asyncapi(const exchange_ptr& ex) { ex->finish({.body = asyncapi_document()}); }

void docs_page(const exchange_ptr& ex) { answer_file(ex, "docs/index.html"); }

void start_page(const exchange_ptr& ex) { answer_file(ex, "docs/start.html"); }

void docs_asset(const exchange_ptr& ex) { answer_file(ex, "docs/" + ex->in.id); }

}  // namespace orrery::http::handlers
