/// The file of profiles: what it holds is for its owner alone.

#include "app/cli/profiles.hpp"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

namespace {

using namespace orrery;
using namespace orrery::cli;

class profiles : public testing::Test {
protected:
  void SetUp() override {
    folder_ =
        std::filesystem::path(testing::TempDir()) / ("orrery-profiles-" + std::to_string(getpid()));
    std::filesystem::remove_all(folder_);
    file_ = folder_ / "orrery" / "cli.toml";
    setenv("ORRERY_CLI_CONFIG", file_.c_str(), 1);
    for (const auto* name : {"ORRERY_SERVER", "ORRERY_TOKEN", "ORRERY_CA", "ORRERY_PROFILE",
                             "ORRERY_OUTPUT", "ORRERY_TIMEOUT"})
      unsetenv(name);
  }
  void TearDown() override {
    std::filesystem::remove_all(folder_);
    unsetenv("ORRERY_CLI_CONFIG");
    unsetenv("ORRERY_SERVER");
    unsetenv("ORRERY_TOKEN");
  }
  void store() {
    profile_book book;
    book.current = "home";
    book.profiles["home"] = {"http://home:1", "secret \"home\"", ""};
    book.profiles["work"] = {"https://work:2", "secret-work", "/ca.pem"};
    const auto ok = write_profiles(file_, book);
    ASSERT_TRUE(ok) << ok.error().detail;
  }

  std::filesystem::path folder_;
  std::filesystem::path file_;
};

TEST_F(profiles, come_back_as_they_were_written) {
  store();
  const auto book = read_profiles(file_);
  ASSERT_TRUE(book) << book.error().detail;
  EXPECT_EQ(book->current, "home");
  EXPECT_EQ(book->profiles.at("home").token, "secret \"home\"");
  EXPECT_EQ(book->profiles.at("work").ca, "/ca.pem");
}

TEST_F(profiles, are_readable_by_their_owner_alone) {
  store();
  struct stat about {};
  ASSERT_EQ(stat(file_.c_str(), &about), 0);
  EXPECT_EQ(about.st_mode & 0777, 0600U);
  ASSERT_EQ(stat(file_.parent_path().c_str(), &about), 0);
  EXPECT_EQ(about.st_mode & 0777, 0700U);
}

TEST_F(profiles, with_tokens_that_others_can_read_are_not_used) {
  store();
  ASSERT_EQ(chmod(file_.c_str(), 0640), 0);
  const auto book = read_profiles(file_);
  ASSERT_FALSE(book);
  EXPECT_NE(book.error().detail.find("chmod 600"), std::string::npos);
}

TEST_F(profiles, a_flag_counts_more_than_a_variable_and_that_more_than_the_profile) {
  store();
  EXPECT_EQ(choose_profile({}, "")->server, "http://home:1");
  EXPECT_EQ(choose_profile({}, "work")->token, "secret-work");
  setenv("ORRERY_SERVER", "http://variable:3", 1);
  EXPECT_EQ(choose_profile({}, "")->server, "http://variable:3");
  EXPECT_EQ(choose_profile({"http://flag:4", "", ""}, "")->server, "http://flag:4");
}

TEST_F(profiles, say_how_answers_look_and_how_long_is_waited) {
  store();
  auto book = *read_profiles(file_);
  book.profiles["home"].output = "yaml";
  book.profiles["home"].timeout = "1m";
  ASSERT_TRUE(write_profiles(file_, book));
  EXPECT_EQ(choose_profile({}, "home")->output, "yaml");
  EXPECT_EQ(choose_profile({}, "home")->timeout, "1m");
  EXPECT_EQ(choose_profile({}, "work")->output, "text");
  EXPECT_EQ(choose_profile({}, "work")->timeout, "30s");
  setenv("ORRERY_OUTPUT", "json", 1);
  EXPECT_EQ(choose_profile({}, "home")->output, "json");
  EXPECT_EQ(choose_profile({{}, {}, {}, "wide", "5s"}, "home")->output, "wide");
  EXPECT_EQ(choose_profile({{}, {}, {}, "wide", "5s"}, "home")->timeout, "5s");
  unsetenv("ORRERY_OUTPUT");
}

TEST_F(profiles, tell_no_token_to_another_server) {
  store();
  EXPECT_EQ(choose_profile({"http://elsewhere:4", "", ""}, "work")->token, "");
  EXPECT_EQ(choose_profile({"https://work:2", "", ""}, "work")->token, "secret-work");
}

TEST_F(profiles, that_do_not_exist_are_a_mistake_only_where_named) {
  EXPECT_EQ(choose_profile({}, "")->server, "http://127.0.0.1:8080");
  EXPECT_EQ(choose_profile({}, "nowhere").error().code, errc::not_found);
}

TEST_F(profiles, name_the_line_that_cannot_be_read) {
  std::filesystem::create_directories(file_.parent_path());
  std::ofstream(file_) << "current = \"a\"\n[profiles.a\n";
  const auto book = read_profiles(file_);
  ASSERT_FALSE(book);
  EXPECT_NE(book.error().detail.find("line 2"), std::string::npos) << book.error().detail;
}

}  // namespace
