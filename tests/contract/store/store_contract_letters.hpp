#pragma once
/// Dead letters in the store. The tests stand in store_contract_letters.cpp.

#include "domain/ports/dead_letters.hpp"
#include "tests/contract/store/store_contract.hpp"

namespace orrery::test {

class letter_contract : public store_contract {
protected:
  void SetUp() override {
    store_contract::SetUp();
    letters = under_test->open_letters();
    auto first = own(one);
    auto second = own(two);
    for (int i = 0; i < 6; ++i)
      (i % 2 == 0 ? first : second).bury(letter_number(i));
    commit({first.seal(), second.seal()});
  }
  void TearDown() override {
    letters.reset();
    store_contract::TearDown();
  }

  static dead_letter letter_number(int i) {
    return {i < 3 ? intake::orders : intake::tasks,
            i % 2 == 0 ? one : two,
            100 + i,
            noon + (i / 2) * 1s,  // some at the same time
            i == 4 ? "Kind has no EXECUTOR here" : "is not JSON",
            "key " + std::to_string(i),
            std::string("\0\xff", 2) + std::to_string(i),
            {{"name", "value"}, {"name", std::string("\x80\0", 2)}, {"", ""}}};
  }

  std::vector<stored_letter> find_all(letter_query query) {
    std::vector<stored_letter> found;
    for (int pages = 0; pages < 100; ++pages) {
      auto page = letters->find(query);
      if (!page) {
        ADD_FAILURE() << page.error().detail;
        break;
      }
      EXPECT_LE(page->items.size(), query.limit);
      found.insert(found.end(), page->items.begin(), page->items.end());
      if (page->next.empty())
        break;
      query.cursor = page->next;
    }
    return found;
  }
  std::vector<int64_t> offsets_of(letter_query query) {
    std::vector<int64_t> out;
    for (const auto& found : find_all(std::move(query)))
      out.push_back(found.letter.offset);
    return out;
  }
  int64_t number_at(int64_t offset) {
    for (const auto& found : find_all({}))
      if (found.letter.offset == offset)
        return found.number;
    ADD_FAILURE() << "no letter at " << offset;
    return 0;
  }
  result<void> move(letter_move step) {
    auto outcomes = letters->move({std::move(step)});
    if (!outcomes)
      return outcomes.error();
    return outcomes->front();
  }

  std::unique_ptr<letter_store> letters;
};

}  // namespace orrery::test
