/// The read side of the store's contract: loading, due rows, lists, histories, the journal, nodes.

#include "tests/contract/store/store_contract.hpp"

#include <limits>

namespace orrery::test {

TEST_P(store_contract, loads_only_what_exists) {
  auto owner = own(one);
  const auto a = owner.submit(a_task());
  const auto b = owner.submit(an_order());
  commit(owner);
  const auto unknown = new_entity_id(noon, one, 999);
  const auto found = reader->load(std::vector{unknown, b, a});
  ASSERT_TRUE(found);
  ASSERT_EQ(found->size(), 2U);
  for (const auto& e : *found)
    EXPECT_EQ(e, owner.state(id_of(e)));
  EXPECT_TRUE(reader->load({})->empty());
}

TEST_P(store_contract, loads_many_at_once) {
  auto owner = own(one);
  std::vector<entity_id> ids;
  for (int i = 0; i < 1'200; ++i)
    ids.push_back(owner.submit(a_task()));
  commit(owner);
  const auto found = reader->load(ids);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->size(), ids.size());
}

TEST_P(store_contract, shows_due_rows_by_time_and_id_with_a_limit) {
  const auto due_at = [](time_point at) {
    auto spec = a_task();
    spec.run_at = at;
    return spec;
  };
  auto owner = own(one);
  std::vector<std::pair<time_point, entity_id>> expected;
  for (int i = 0; i < 10; ++i) {
    const auto at = noon + (i % 3) * 1s;  // several share an instant
    expected.emplace_back(at, owner.submit(due_at(at), noon - 1s));
  }
  owner.submit(due_at(noon + 1h), noon - 1s);  // later than asked for
  commit(owner);
  auto other = own(two);
  other.submit(a_task());
  commit(other);
  std::sort(expected.begin(), expected.end());

  std::vector<std::pair<time_point, entity_id>> seen;
  due_cursor after;
  for (;;) {
    const auto rows = due(one, noon + 2s, after, 3);
    EXPECT_LE(rows.size(), 3U);
    if (rows.empty())
      break;
    for (const auto& row : rows)
      seen.emplace_back(row.at, row.id);
    after = {rows.back().at, rows.back().id};
  }
  EXPECT_EQ(seen, expected);
}

TEST_P(store_contract, shows_what_every_waiting_state_waits_for) {
  auto owner = own(one);
  auto spec = a_task("report");
  spec.queue = "night";
  spec.priority = 2;
  spec.retry.jitter = 0;
  auto later = spec;
  later.run_at = noon + 10min;
  auto bounded = spec;
  bounded.queue_ttl = 1min;
  auto ending = spec;
  ending.deadline = noon + 2h;
  auto expiring = an_order();
  expiring.expires_in = 30min;

  const auto scheduled = owner.submit(later);
  const auto queued = owner.submit(bounded);
  const auto running = owner.submit(spec);
  owner.apply(running, task_command{start_task{"node-1"}}, noon + 1s);
  const auto retrying = owner.submit(spec);
  owner.apply(retrying, task_command{start_task{"node-1"}}, noon + 1s);
  owner.apply(retrying, task_command{fail_task{{1, 1}, "oops", {}}}, noon + 2s);
  const auto paused = owner.submit(ending);
  owner.apply(paused, task_command{pause_task{}});
  const auto order_id = owner.submit(expiring);
  owner.submit(an_order());  // waits for nothing
  owner.finished(spec);
  const auto endless = owner.submit(spec);
  owner.apply(endless, task_command{pause_task{}});  // waits for a person
  commit(owner);

  const auto rows = due(one, noon + 24h);
  std::vector<entity_id> ids;
  for (const auto& row : rows) {
    ids.push_back(row.id);
    const auto& state = owner.state(row.id);
    EXPECT_EQ(row.kind, kind_of(state));
    EXPECT_EQ(row.status, status_of(state));
    EXPECT_EQ(row.at, wake_at(state));
    if (const auto* t = std::get_if<task>(&state)) {
      EXPECT_EQ(row.waits_until, t->waits_until());
      EXPECT_EQ(row.priority, 2);
      EXPECT_EQ(row.queue, "night");
      EXPECT_EQ(row.task_kind, "report");
    } else {
      EXPECT_EQ(row.waits_until, never);
    }
  }
  EXPECT_EQ(ids, (std::vector{queued, running, retrying, scheduled, order_id, paused}));
}

TEST_P(store_contract, shows_what_runs_or_waits_for_a_slot_whatever_clock_it_was_written_by) {
  auto owner = own(one);
  const auto ahead = noon + 10h;
  const auto queued = owner.submit(a_task(), ahead);
  const auto running = owner.submit(a_task(), ahead);
  owner.apply(running, task_command{start_task{"node-1"}}, ahead);
  commit(owner);
  std::vector<entity_id> ids;
  for (const auto& row : due(one, noon))
    ids.push_back(row.id);
  std::sort(ids.begin(), ids.end());
  auto expected = std::vector{queued, running};
  std::sort(expected.begin(), expected.end());
  EXPECT_EQ(ids, expected);
}

TEST_P(store_contract, shows_a_row_no_longer_once_it_has_ended) {
  auto owner = own(one);
  const auto task_id = owner.submit(a_task());
  auto expiring = an_order();
  expiring.expires_in = 1h;
  const auto order_id = owner.submit(expiring);
  commit(owner);
  EXPECT_EQ(due(one, noon + 2h).size(), 2U);

  owner.apply(task_id, task_command{start_task{"node-1"}}, noon + 5s);
  commit(owner);
  const auto moved = due(one, noon + 2h);
  ASSERT_EQ(moved.size(), 2U);
  EXPECT_EQ(moved.front().at, at_once);
  EXPECT_EQ(moved.front().status, static_cast<uint8_t>(task_status::running));

  owner.apply(task_id, task_command{complete_task{{1, 1}, {}}}, noon + 6s);
  owner.apply(order_id, order_command{cancel_order{"no longer wanted"}}, noon + 6s);
  commit(owner);
  EXPECT_TRUE(due(one, noon + 2h).empty());
}

TEST_P(store_contract, filters_lists_by_every_field) {
  auto owner = own(one);
  auto mail = a_task("mail");
  mail.queue = "slow";
  mail.reference = "ref-1";
  mail.tags = {"red", "blue"};
  const auto a = owner.submit(mail, noon);
  const auto b = owner.finished(a_task("mail"), noon + 1s);
  auto tagged = a_task("report");
  tagged.tags = {"blue"};
  const auto c = owner.submit(tagged, noon + 2s);
  auto laptop = an_order("Laptop");
  laptop.customer = "Ada";
  laptop.reference = "ref-1";
  const auto d = owner.submit(laptop, noon);
  const auto e = owner.submit(an_order("Phone"), noon + 1s);
  owner.apply(e, order_command{confirm_order{}}, noon + 2s);
  commit(owner);

  using ids = std::vector<entity_id>;
  const auto tasks = entity_kind::task;
  const auto orders = entity_kind::order;
  const auto number = [](auto status) { return static_cast<uint8_t>(status); };
  EXPECT_EQ(list_all({.kind = tasks}), (ids{c, b, a}));
  EXPECT_EQ(list_all({.kind = orders}), (ids{e, d}));
  EXPECT_EQ(list_all({.kind = tasks, .statuses = {number(task_status::queued)}}), (ids{c, a}));
  EXPECT_EQ(list_all({.kind = tasks,
                      .statuses = {number(task_status::queued), number(task_status::succeeded)}}),
            (ids{c, b, a}));
  EXPECT_EQ(list_all({.kind = tasks, .statuses = {number(task_status::failed)}}), ids{});
  EXPECT_EQ(list_all({.kind = tasks, .task_kind = "mail"}), (ids{b, a}));
  EXPECT_EQ(list_all({.kind = tasks, .queue = "slow"}), ids{a});
  EXPECT_EQ(list_all({.kind = tasks, .reference = "ref-1"}), ids{a});
  EXPECT_EQ(list_all({.kind = orders, .reference = "ref-1"}), ids{d});
  EXPECT_EQ(list_all({.kind = tasks, .tag = "blue"}), (ids{c, a}));
  EXPECT_EQ(list_all({.kind = tasks, .tag = "red"}), ids{a});
  EXPECT_EQ(list_all({.kind = tasks, .tag = "re"}), ids{});
  EXPECT_EQ(list_all({.kind = tasks, .task_kind = "mail", .tag = "blue"}), ids{a});
  EXPECT_EQ(list_all({.kind = orders, .product = "Phone"}), ids{e});
  EXPECT_EQ(list_all({.kind = orders, .customer = "Ada"}), ids{d});
  EXPECT_EQ(list_all({.kind = orders, .statuses = {number(order_status::confirmed)}}), ids{e});
  EXPECT_EQ(list_all({.kind = tasks, .created_from = noon + 1s}), (ids{c, b}));
  EXPECT_EQ(list_all({.kind = tasks, .created_to = noon + 2s}), (ids{b, a}));
  EXPECT_EQ(list_all({.kind = tasks, .created_from = noon + 1s, .created_to = noon + 2s}), ids{b});
}

TEST_P(store_contract, pages_through_rows_of_one_instant_in_both_orders) {
  auto first = own(one);
  auto second = own(two);
  std::vector<std::pair<time_point, entity_id>> expected;
  for (int i = 0; i < 12; ++i) {
    const auto at = noon + (i / 6) * 1us;
    auto spec = a_task();
    spec.tags = {"all"};
    expected.emplace_back(at, (i % 2 == 0 ? first : second).submit(spec, at));
  }
  commit({first.seal(), second.seal()});
  std::sort(expected.begin(), expected.end());
  std::vector<entity_id> rising;
  for (const auto& [at, id] : expected)
    rising.push_back(id);
  const std::vector<entity_id> falling(rising.rbegin(), rising.rend());

  for (const auto* tag : {"", "all"})
    for (const size_t limit : {1U, 5U, 6U, 12U, 50U}) {
      EXPECT_EQ(list_all({.tag = tag, .order = list_order::oldest_first, .limit = limit}), rising);
      EXPECT_EQ(list_all({.tag = tag, .order = list_order::newest_first, .limit = limit}), falling);
    }
}

TEST_P(store_contract, lists_the_newest_state_and_tags_after_an_update) {
  auto owner = own(one);
  auto spec = a_task();
  spec.tags = {"x"};
  const auto id = owner.submit(spec);
  commit(owner);
  owner.apply(id, task_command{cancel_task{"not needed"}}, noon + 1s);
  commit(owner);
  const auto page = list({.tag = "x"});
  EXPECT_EQ(page.items, std::vector{owner.state(id)});
  EXPECT_TRUE(list({.statuses = {static_cast<uint8_t>(task_status::queued)}}).items.empty());
}

TEST_P(store_contract, refuses_a_cursor_that_it_never_gave) {
  for (const auto* text : {"x", "12", "....", "\xff\xfe", "ffffffffffffffffffffffffffff-"}) {
    const auto page = reader->list({.cursor = text});
    ASSERT_FALSE(page) << text;
    EXPECT_EQ(page.error().code, errc::invalid);
  }
}

TEST_P(store_contract, knows_no_history_of_what_never_was) {
  const auto unknown = reader->history(new_entity_id(noon, one, 5));
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().code, errc::not_found);
}

TEST_P(store_contract, reads_the_journal_from_the_middle_of_a_commit) {
  auto owner = own(one);
  for (int commits = 0; commits < 4; ++commits) {
    for (int i = 0; i < 3; ++i)
      owner.finished(a_task());
    commit(owner);
  }
  const auto& all = owner.events();
  ASSERT_EQ(all.size(), 36U);
  EXPECT_EQ(journal_of(one, 0), all);
  EXPECT_EQ(journal_of(one, 14), std::vector(all.begin() + 13, all.end()));
  EXPECT_TRUE(journal_of(one, 37).empty());
  EXPECT_TRUE(journal_of(two).empty());

  // Page by page, beginning inside the second commit; a page is cut only at a commit's end.
  std::vector<event_record> seen;
  int64_t from = 12;
  for (int pages = 0; pages < 100; ++pages) {
    const auto page = journal_of(one, from, 5);
    if (page.empty())
      break;
    EXPECT_EQ(page.front().position.value, from);
    EXPECT_EQ(page.back().position.value % 9, 0);
    EXPECT_LT(page.size(), 5U + 9U);
    from = page.back().position.value + 1;
    seen.insert(seen.end(), page.begin(), page.end());
  }
  EXPECT_EQ(seen, std::vector(all.begin() + 11, all.end()));
}

TEST_P(store_contract, shows_dead_letters_newest_first) {
  auto owner = own(one);
  std::vector<dead_letter> letters;
  for (int i = 0; i < 5; ++i)
    letters.push_back({i % 2 == 0 ? intake::tasks : intake::orders, one, 10 + i, noon + i * 1s,
                       "reason " + std::to_string(i), "key", std::string(1, static_cast<char>(i))});
  for (const auto& letter : letters)
    owner.bury(letter);
  commit(owner);
  std::reverse(letters.begin(), letters.end());
  EXPECT_EQ(*reader->dead_letters(100), letters);
  letters.resize(2);
  EXPECT_EQ(*reader->dead_letters(2), letters);
}

TEST_P(store_contract, keeps_every_byte_of_every_text) {
  const std::vector<std::string> oddities = {"it's \"quoted\" \\ 100% _", "Zoë – 東京 🚀",
                                             std::string("a\0b", 3), "\t\r\n\x01\x7f",
                                             "'); DROP TABLE tasks; --"};
  auto owner = own(one);
  for (const auto& odd : oddities) {
    auto spec = a_task(odd);
    spec.description = odd;
    spec.payload = odd;
    spec.queue = odd;
    spec.tags = {odd, "plain"};
    spec.reference = odd;
    spec.unique_key = odd;
    const auto task_id = owner.submit(spec);
    owner.apply(task_id, task_command{start_task{odd}});
    owner.apply(task_id, task_command{fail_task{{1, 1}, odd, odd, false}});
    auto wish = an_order(odd);
    wish.customer = odd;
    wish.metadata = odd;
    const auto order_id = owner.submit(wish);
    owner.apply(order_id, order_command{cancel_order{odd}});
    owner.bury({intake::tasks, one, 1, noon, odd, odd, odd + "\xff\xfe"});
    commit(owner);
    EXPECT_EQ(stored(task_id), owner.state(task_id));
    EXPECT_EQ(stored(order_id), owner.state(order_id));
    EXPECT_EQ(history_of(task_id), owner.events_of(task_id));
    const auto letters = reader->dead_letters(100);
    ASSERT_TRUE(letters);
    EXPECT_EQ(std::count_if(letters->begin(), letters->end(),
                            [&](const auto& l) { return l.value == odd + "\xff\xfe"; }),
              1);
    if (odd.find('\0') == odd.npos) {
      EXPECT_EQ(list_all({.kind = entity_kind::task, .queue = odd, .tag = odd}),
                std::vector{task_id});
      EXPECT_EQ(list_all({.kind = entity_kind::order, .product = odd, .customer = odd}),
                std::vector{order_id});
    }
  }
  EXPECT_EQ(journal_of(one), owner.events());
}

TEST_P(store_contract, keeps_the_largest_payload_and_result) {
  auto owner = own(one);
  auto spec = a_task();
  spec.payload = '"' + std::string(limits::payload_bytes - 2, 'x') + '"';
  const auto id = owner.submit(spec);
  owner.apply(id, task_command{start_task{"node-1"}});
  owner.apply(id, task_command{complete_task{{1, 1}, std::string(limits::result_bytes, '7')}});
  commit(owner);
  EXPECT_EQ(stored(id), owner.state(id));
  EXPECT_EQ(journal_of(one), owner.events());
}

TEST_P(store_contract, sees_what_another_session_committed) {
  auto owner = own(one);
  auto late_reader = under_test->open_reader();
  ASSERT_TRUE(late_reader->shards());
  const auto id = owner.submit(a_task());
  auto second_journal = under_test->open_journal();
  ASSERT_EQ(second_journal->commit(std::vector{owner.seal()}).outcome, commit_outcome::done);
  EXPECT_EQ(late_reader->load(std::vector{id})->size(), 1U);
  EXPECT_EQ(stored(id), owner.state(id));
}

TEST_P(store_contract, knows_the_nodes_that_announced_themselves) {
  auto registry = under_test->open_registry();
  node_row node{"node-1", "127.0.0.1:4000", "127.0.0.1:8080", "0.1.0", noon, {}};
  ASSERT_TRUE(registry->announce(node));
  ASSERT_TRUE(registry->announce({"node-2", "", "127.0.0.1:8081", "0.1.0", noon, {}}));
  node.http_address = "127.0.0.1:9090";
  ASSERT_TRUE(registry->announce(node));

  auto nodes = under_test->open_registry()->nodes(1h);
  ASSERT_TRUE(nodes);
  ASSERT_EQ(nodes->size(), 2U);
  std::sort(nodes->begin(), nodes->end(),
            [](const auto& a, const auto& b) { return a.name < b.name; });
  EXPECT_EQ(nodes->front().name, "node-1");
  EXPECT_EQ(nodes->front().mesh_address, "127.0.0.1:4000");
  EXPECT_EQ(nodes->front().http_address, "127.0.0.1:9090");
  EXPECT_EQ(nodes->front().version, "0.1.0");
  EXPECT_EQ(nodes->front().started_at, noon);
  EXPECT_NE(nodes->front().seen_at, never);

  ASSERT_TRUE(registry->withdraw("node-1"));
  ASSERT_TRUE(registry->withdraw("never-there"));
  nodes = registry->nodes(1h);
  ASSERT_TRUE(nodes);
  ASSERT_EQ(nodes->size(), 1U);
  EXPECT_EQ(nodes->front().name, "node-2");
}

TEST_P(store_contract, forgets_nodes_that_are_silent_for_longer_than_the_window) {
  auto registry = under_test->open_registry();
  ASSERT_TRUE(registry->announce({"silent", "", "", "", noon, {}}));
  if (!place->pass_time(10min))
    GTEST_SKIP() << "the clock of this store cannot be moved";
  ASSERT_TRUE(registry->announce({"alive", "", "", "", noon, {}}));
  const auto nodes = registry->nodes(5min);
  ASSERT_TRUE(nodes);
  ASSERT_EQ(nodes->size(), 1U);
  EXPECT_EQ(nodes->front().name, "alive");
}

}  // namespace orrery::test
