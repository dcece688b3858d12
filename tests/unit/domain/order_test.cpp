#include "domain/messages.hpp"
#include "tests/unit/domain/driver.hpp"

namespace orrery {

namespace {

using namespace test;
using enum order_status;

order_spec laptop() {
  order_spec spec;
  spec.product = "Laptop";
  return spec;
}

order_driver created_order(order_spec spec = laptop()) {
  order_driver d;
  d.must(submit_order{std::move(spec)});
  return d;
}

order_driver at(order_status status) {
  auto d = created_order();
  if (status == confirmed || status == fulfilling || status == compensating)
    d.must(confirm_order{});
  if (status == fulfilling || status == compensating)
    d.must(begin_fulfilment{});
  if (status == compensating)
    d.must(begin_compensation{"step failed"});
  EXPECT_EQ(d->status, status);
  return d;
}

}  // namespace

TEST(order_submit, creates_it) {
  const auto d = created_order();
  EXPECT_EQ(d->status, created);
  EXPECT_EQ(d->created_at, d.now);
  EXPECT_EQ(d->version, 1u);
  EXPECT_EQ(d->wake_at(), never);
}

TEST(order_submit, read_twice_makes_one_order) {
  auto d = created_order();
  d.ignores(submit_order{laptop()});
}

TEST(order_submit, of_the_same_key_with_another_body_changes_nothing_and_is_told) {
  auto spec = laptop();
  spec.request_hash = "a";
  auto d = created_order(spec);
  spec.request_hash = "b";
  const auto before = *d;
  const auto events = d.send(submit_order{spec});
  ASSERT_TRUE(events && events->size() == 1);
  EXPECT_EQ(d->status, before.status);
  EXPECT_EQ(*d->spec, *before.spec);
  const event_record record{{}, test_id, d.now, entity_event{events->front()}};
  const auto told = status_event_of(std::optional(before), *d, record);
  ASSERT_TRUE(told);
  EXPECT_EQ(told->reason,
            "a submission was refused: the same Idempotency-Key came with another body");
}

TEST(order_submit, checks_the_spec_and_names_the_field) {
  const std::vector<std::pair<std::string, void (*)(order_spec&)>> cases = {
      {"product", [](order_spec& s) { s.product.clear(); }},
      {"product", [](order_spec& s) { s.product.assign(129, 'p'); }},
      {"quantity", [](order_spec& s) { s.quantity = 0; }},
      {"quantity", [](order_spec& s) { s.quantity = -1; }},
      {"quantity", [](order_spec& s) { s.quantity = limits::quantity_max + 1; }},
      {"customer", [](order_spec& s) { s.customer.assign(129, 'c'); }},
      {"flow", [](order_spec& s) { s.flow.assign(129, 'f'); }},
      {"expiresIn", [](order_spec& s) { s.expires_in = -1us; }},
      {"expiresIn", [](order_spec& s) { s.expires_in = limits::delay_max + 1us; }},
      {"metadata", [](order_spec& s) { s.metadata.assign(limits::metadata_bytes + 1, ' '); }},
      {"orderId", [](order_spec& s) { s.reference.assign(513, 'r'); }}};
  for (const auto& [field, spoil] : cases) {
    auto spec = laptop();
    spoil(spec);
    order_driver d;
    EXPECT_EQ(d.refuses(submit_order{spec}, errc::invalid).field, field);
  }
}

TEST(order, that_does_not_exist_takes_nothing_but_a_submission) {
  for (const order_command& command :
       {order_command{confirm_order{}}, order_command{reject_order{}},
        order_command{begin_fulfilment{}}, order_command{complete_order{}},
        order_command{cancel_order{}}, order_command{wake_order{}},
        order_command{begin_compensation{}}, order_command{fail_order{}},
        order_command{fail_compensation{}}}) {
    order_driver d;
    d.refuses(command, errc::not_found);
  }
}

TEST(order, goes_its_way_to_the_end) {
  auto d = created_order();
  d.must(confirm_order{}).must(begin_fulfilment{}).must(complete_order{});
  EXPECT_EQ(d->status, completed);
  EXPECT_EQ(d->finished_at, d.now);
  EXPECT_EQ(d->version, 4u);
}

TEST(order, moved_by_hand_from_confirmed_completes_in_both_steps) {
  auto d = at(confirmed);
  d.must(complete_order{});
  EXPECT_EQ(d->status, completed);
  EXPECT_EQ(name_of(d.history[2].second), "OrderFulfilmentStarted");
  EXPECT_EQ(name_of(d.history[3].second), "OrderCompleted");
}

TEST(order, takes_the_same_wish_twice_without_effect) {
  auto d = at(confirmed);
  d.ignores(confirm_order{});
  d.must(cancel_order{"changed my mind"});
  d.ignores(cancel_order{"again"});
  EXPECT_EQ(d->reason, "changed my mind");
}

TEST(order_reject, is_possible_only_before_confirmation) {
  auto d = created_order();
  d.must(reject_order{"no stock"});
  EXPECT_EQ(d->status, rejected);
  EXPECT_EQ(d->reason, "no stock");
  auto late = at(confirmed);
  const auto why = late.refuses(reject_order{"no stock"}, errc::rejected);
  EXPECT_NE(why.detail.find("CONFIRMED"), std::string::npos);
}

TEST(order_cancel, is_possible_until_the_end) {
  for (const auto status : {created, confirmed, fulfilling, compensating}) {
    auto d = at(status);
    d.must(cancel_order{"enough"});
    EXPECT_EQ(d->status, cancelled);
  }
}

TEST(order, that_ended_takes_nothing_more) {
  auto d = at(fulfilling);
  d.must(complete_order{});
  for (const order_command& command :
       {order_command{confirm_order{}}, order_command{reject_order{}},
        order_command{begin_fulfilment{}}, order_command{cancel_order{}},
        order_command{begin_compensation{}}, order_command{fail_order{}},
        order_command{fail_compensation{}}})
    d.refuses(command, errc::rejected);
  d.ignores(wake_order{});
}

TEST(order_compensation, ends_failed_or_where_it_fails_itself_in_a_persons_hands) {
  auto d = at(compensating);
  EXPECT_EQ(d->reason, "step failed");
  d.must(fail_order{"compensated"});
  EXPECT_EQ(d->status, failed);
  auto e = at(compensating);
  e.must(fail_compensation{"refund refused"});
  EXPECT_EQ(e->status, compensation_failed);
  EXPECT_EQ(e->reason, "refund refused");
}

TEST(order_expiry, ends_it_at_its_time_unless_it_compensates) {
  auto spec = laptop();
  spec.expires_in = 1h;
  auto d = created_order(spec);
  EXPECT_EQ(d->wake_at(), start_of_test + 1h);
  d.wait(1h - 1us).ignores(wake_order{});
  d.wait(1us).must(wake_order{});
  EXPECT_EQ(d->status, expired);
  EXPECT_EQ(d->wake_at(), never);

  auto undoing = created_order(spec);
  undoing.must(confirm_order{}).must(begin_fulfilment{}).must(begin_compensation{"x"});
  EXPECT_EQ(undoing->wake_at(), never);
  undoing.wait(2h).ignores(wake_order{});
  EXPECT_EQ(undoing->status, compensating);
}

TEST(order_status, has_a_word_that_reads_back) {
  for (size_t i = 0; i < order_statuses; ++i) {
    const auto status = static_cast<order_status>(i);
    EXPECT_EQ(parse_order_status(to_string(status)), status);
  }
  EXPECT_FALSE(parse_order_status("created"));
  EXPECT_FALSE(parse_order_status(""));
}

}  // namespace orrery
