/// Orders in a store, found by what their metadata says.

#include "tests/contract/store/store_contract.hpp"

namespace orrery::test {

namespace {

order_spec order_with(std::string metadata, std::string customer = {}) {
  auto spec = an_order();
  spec.metadata = std::move(metadata);
  spec.customer = std::move(customer);
  return spec;
}

entity_query orders_with(std::vector<std::string> fields) {
  entity_query query;
  query.kind = entity_kind::order;
  query.fields = std::move(fields);
  query.limit = 1;  // pages
  return query;
}

}  // namespace

TEST_P(store_contract, finds_orders_by_fields_of_their_metadata) {
  auto owner = own(one);
  const auto web = owner.submit(order_with(R"({"channel":"web","shop":7,"gift":true})", "ann"));
  const auto app = owner.submit(order_with(R"({"channel":"app","shop":7,"note":null})"), noon + 1s);
  const auto odd = owner.submit(
      order_with(R"({"channel":"we\"b, {x}\\","deep":{"channel":"web"},"list":["web"]})"),
      noon + 2s);
  owner.submit(order_with(""), noon + 3s);
  commit(owner);

  EXPECT_EQ(list_all(orders_with({"channel=web"})), std::vector{web});
  EXPECT_EQ(list_all(orders_with({"shop=7"})), (std::vector{app, web})) << "newest first, in pages";
  EXPECT_EQ(list_all(orders_with({"gift=true", "shop=7"})), std::vector{web});
  EXPECT_EQ(list_all(orders_with({"note=null"})), std::vector{app});
  EXPECT_EQ(list_all(orders_with({"channel=we\"b, {x}\\"})), std::vector{odd});
  EXPECT_TRUE(list_all(orders_with({"channel=app", "gift=true"})).empty());
  EXPECT_TRUE(list_all(orders_with({"channel=WEB"})).empty());
  EXPECT_TRUE(list_all(orders_with({"deep=web"})).empty());
  auto both = orders_with({"shop=7"});
  both.customer = "ann";
  both.order = list_order::oldest_first;
  EXPECT_EQ(list_all(both), std::vector{web});
  both.statuses = {static_cast<uint8_t>(order_status::completed)};
  EXPECT_TRUE(list_all(both).empty());
  auto tasks = orders_with({"shop=7"});
  tasks.kind = entity_kind::task;
  EXPECT_TRUE(list_all(tasks).empty());
}

TEST_P(store_contract, an_order_that_is_erased_is_found_by_none_of_its_fields) {
  auto owner = own(one);
  const auto gone = owner.submit(order_with(R"({"channel":"web","shop":7})"));
  const auto stays = owner.submit(order_with(R"({"channel":"web"})"));
  owner.apply(gone, order_command{cancel_order{"no"}});
  commit(owner);
  owner.erase(gone);
  commit(owner);
  EXPECT_EQ(list_all(orders_with({"channel=web"})), std::vector{stays});
  EXPECT_TRUE(list_all(orders_with({"shop=7"})).empty());
}

}  // namespace orrery::test
