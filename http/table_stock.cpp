/// The routes of products and their stock, and of what became of orders.

#include "http/handlers.hpp"
#include "http/routes.hpp"

#include <array>

namespace orrery::http {

namespace {

using enum method;

constexpr std::array stock_table{
    route{.verb = post,
          .pattern = "/api/products",
          .handle = handlers::create_product,
          .needs = permission::operate,
          .name = "createProduct",
          .group = "products",
          .description = "A new product, with what is available of it at first.",
          .kind = entity_kind::order,
          .body = body_kind::single,
          .request = "ProductSubmission",
          .answer = "Product",
          .status = 201,
          .errors = "409"},
    route{.pattern = "/api/products",
          .handle = handlers::list_products,
          .name = "listProducts",
          .group = "products",
          .description = "Products with their stock, by name.",
          .kind = entity_kind::order,
          .answer = "ProductList",
          .parameters = "cursor limit"},
    route{.pattern = "/api/products/{id}",
          .handle = handlers::get_product,
          .name = "getProduct",
          .group = "products",
          .description = "One product with its stock.",
          .kind = entity_kind::order,
          .answer = "Product",
          .parameters = "productName"},
    route{.pattern = "/api/statistics/orders",
          .handle = handlers::order_statistics,
          .name = "orderStatistics",
          .group = "orders",
          .description =
              "How many orders came into each status, by product and minute, the newest minutes"
              " first. Follows the journal by about a second.",
          .kind = entity_kind::order,
          .answer = "OrderStatistics",
          .parameters = "statisticsProduct statisticsStatus statisticsFrom statisticsTo limit"},
    route{.verb = post,
          .pattern = "/api/products/{id}/adjust",
          .handle = handlers::adjust_product,
          .needs = permission::operate,
          .name = "adjustProduct",
          .group = "products",
          .description =
              "Adds to what is available, or takes from it; never below zero. With the same"
              " `key` again it changes nothing.",
          .kind = entity_kind::order,
          .body = body_kind::single,
          .request = "StockAdjustment",
          .answer = "Product",
          .parameters = "productName",
          .errors = "409"},
};

}  // namespace

std::span<const route> stock_routes() noexcept { return stock_table; }

}  // namespace orrery::http
