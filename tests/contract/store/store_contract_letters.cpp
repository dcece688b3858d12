#include "tests/contract/store/store_contract_letters.hpp"

namespace orrery::test {

TEST_P(letter_contract, keeps_a_letter_whole_with_the_producers_headers) {
  const auto found = find_all({.order = list_order::oldest_first});
  ASSERT_EQ(found.size(), 6U);
  for (const auto& one_of_them : found) {
    const auto& letter = one_of_them.letter;
    EXPECT_EQ(letter, letter_number(static_cast<int>(letter.offset - 100)));
    EXPECT_EQ(one_of_them.state, letter_state::open);
    EXPECT_EQ(one_of_them.settled_at, never);
    EXPECT_FALSE(one_of_them.copied);
    EXPECT_EQ(*letters->get(one_of_them.number), one_of_them);
  }
  EXPECT_EQ(letters->get(4711).error().code, errc::not_found);
}

TEST_P(letter_contract, finds_by_topic_reason_time_and_state_page_by_page) {
  const auto newest = offsets_of({});
  EXPECT_EQ(newest.size(), 6U);
  auto oldest = offsets_of({.order = list_order::oldest_first, .limit = 1});
  std::reverse(oldest.begin(), oldest.end());
  EXPECT_EQ(newest, oldest);
  EXPECT_EQ(offsets_of({.limit = 4}), newest);
  EXPECT_EQ(offsets_of({.source = intake::tasks}).size(), 3U);
  EXPECT_EQ(offsets_of({.reason = "no executor"}), std::vector<int64_t>{104});
  EXPECT_EQ(offsets_of({.reason = "%"}).size(), 0U);
  EXPECT_EQ(offsets_of({.from = noon + 1s, .to = noon + 2s}).size(), 2U);
  EXPECT_EQ(letters->find({.cursor = "soon"}).error().code, errc::invalid);
  ASSERT_TRUE(move({.number = number_at(102), .to = letter_state::discarded, .at = noon}));
  EXPECT_EQ(offsets_of({.states = {letter_state::discarded}}), std::vector<int64_t>{102});
  EXPECT_EQ(offsets_of({.states = {letter_state::open, letter_state::discarded}}).size(), 6U);
}

TEST_P(letter_contract, lets_one_of_two_claim_a_letter_and_notes_where_it_went) {
  const auto number = number_at(101);
  const auto claim = [&](time_point at, time_point stale) {
    return move(
        {.number = number, .to = letter_state::redriving, .at = at, .stale = stale, .by = "ada"});
  };
  ASSERT_TRUE(claim(noon, noon - 60s));
  EXPECT_EQ(claim(noon + 1s, noon - 59s).error().code, errc::rejected);
  EXPECT_TRUE(claim(noon + 61s, noon + 1s)) << "who claimed it has died";
  ASSERT_TRUE(move({.number = number,
                    .to = letter_state::redriven,
                    .at = noon + 62s,
                    .by = "ada",
                    .redriven_to = 4242,
                    .edited = true}));
  const auto found = letters->get(number);
  EXPECT_EQ(found->state, letter_state::redriven);
  EXPECT_EQ(found->settled_at, noon + 62s);
  EXPECT_EQ(found->settled_by, "ada");
  EXPECT_EQ(found->redriven_to, 4242);
  EXPECT_TRUE(found->edited);
  EXPECT_EQ(claim(noon + 999s, noon + 900s).error().code, errc::rejected);
  EXPECT_EQ(move({.number = number, .to = letter_state::discarded, .at = noon}).error().code,
            errc::rejected);
}

TEST_P(letter_contract, makes_each_step_of_many_alone) {
  const auto good = number_at(100);
  const auto spent = number_at(101);
  ASSERT_TRUE(move({.number = spent, .to = letter_state::discarded, .at = noon, .note = "spam"}));
  const auto outcomes =
      letters->move({{.number = spent, .to = letter_state::redriving, .at = noon},
                     {.number = 4711, .to = letter_state::redriving, .at = noon},
                     {.number = good, .to = letter_state::redriving, .at = noon}});
  ASSERT_TRUE(outcomes);
  EXPECT_EQ(outcomes->at(0).error().code, errc::rejected);
  EXPECT_EQ(outcomes->at(1).error().code, errc::not_found);
  EXPECT_TRUE(outcomes->at(2));
  EXPECT_EQ(letters->get(good)->state, letter_state::redriving);
  EXPECT_EQ(letters->get(spent)->note, "spam");
  ASSERT_TRUE(move({.number = good, .to = letter_state::open, .at = noon + 1s}));
  EXPECT_EQ(letters->get(good)->state, letter_state::open);
}

TEST_P(letter_contract, knows_which_letters_are_not_yet_in_their_topic) {
  const auto waiting = [&](shard_id shard, int64_t after = 0, size_t limit = 100) {
    auto found = reader->letters_to_copy(shard, after, limit);
    EXPECT_TRUE(found);
    return found ? std::move(*found) : std::vector<numbered_letter>{};
  };
  const auto all = waiting(one);
  ASSERT_EQ(all.size(), 3U);
  for (size_t i = 0; i < all.size(); ++i)
    EXPECT_EQ(all[i].letter, letter_number(static_cast<int>(2 * i)));
  EXPECT_EQ(waiting(one, all[0].number, 1).size(), 1U);
  EXPECT_EQ(waiting(one, all[0].number, 1).front().number, all[1].number);
  const std::vector done{all[0].number, all[2].number};
  ASSERT_TRUE(journal->mark_copied(one, done));
  ASSERT_EQ(waiting(one).size(), 1U);
  EXPECT_EQ(waiting(one).front().number, all[1].number);
  EXPECT_TRUE(letters->get(all[0].number)->copied);
  EXPECT_EQ(waiting(two).size(), 3U) << "those of another shard are left alone";
  EXPECT_TRUE(waiting(three).empty());
}

}  // namespace orrery::test
