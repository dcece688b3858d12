#include "cluster/pki.hpp"
#include "tests/support/process.hpp"

#include <gtest/gtest.h>
#include <fstream>
#include <iterator>

namespace orrery::test {

namespace {

std::string content(const std::filesystem::path& file) {
  std::ifstream in(file);
  return {std::istreambuf_iterator<char>(in), {}};
}

std::string openssl(const std::string& arguments) {
  return run("openssl " + arguments + " 2>&1").output;
}

}  // namespace

TEST(pki, makes_certificates_that_openssl_itself_accepts) {
  const temp_dir dir;
  ASSERT_TRUE(init_authority(dir.path() / "pki"));
  const auto files = issue_node(dir.path() / "pki", "node-1");
  ASSERT_TRUE(files) << files.error().detail;
  EXPECT_TRUE(check_credentials(*files));
  const auto ca = files->authority.string();
  const auto node = files->certificate.string();
  for (const auto* purpose : {"sslserver", "sslclient"})
    EXPECT_NE(openssl("verify -x509_strict -purpose " + std::string(purpose) + " -CAfile " + ca +
                      " " + node)
                  .find(": OK"),
              std::string::npos);
  const auto text = openssl("x509 -noout -text -in " + node);
  EXPECT_NE(text.find("prime256v1"), std::string::npos);
  EXPECT_NE(text.find("DNS:node-1"), std::string::npos);
  EXPECT_NE(text.find("CA:FALSE"), std::string::npos);
  // Ten years, but not eleven.
  EXPECT_NE(openssl("x509 -noout -checkend 315000000 -in " + ca).find("will not"),
            std::string::npos);
  EXPECT_NE(openssl("x509 -noout -checkend 346000000 -in " + ca).find("will expire"),
            std::string::npos);
}

TEST(pki, lets_nobody_else_read_the_files) {
  const temp_dir dir;
  ASSERT_TRUE(init_authority(dir.path()));
  ASSERT_TRUE(issue_node(dir.path(), "a"));
  using std::filesystem::perms;
  for (const auto* name : {"ca.pem", "ca.key", "a.pem", "a.key"})
    EXPECT_EQ(std::filesystem::status(dir.path() / name).permissions(),
              perms::owner_read | perms::owner_write)
        << name;
}

TEST(pki, never_writes_over_what_is_there) {
  const temp_dir dir;
  ASSERT_TRUE(init_authority(dir.path()));
  ASSERT_TRUE(issue_node(dir.path(), "a"));
  const auto before = content(dir.path() / "ca.key") + content(dir.path() / "a.key");
  EXPECT_EQ(init_authority(dir.path()).error().code, errc::conflict);
  EXPECT_EQ(issue_node(dir.path(), "a").error().code, errc::conflict);
  EXPECT_EQ(content(dir.path() / "ca.key") + content(dir.path() / "a.key"), before);
}

TEST(pki, takes_only_names_that_are_names) {
  const temp_dir dir;
  ASSERT_TRUE(init_authority(dir.path()));
  for (const auto& name :
       {std::string(), std::string("../x"), std::string("a/b"), std::string("a,DNS:b"),
        std::string("ca"), std::string(".hidden"), std::string("a\0b", 3), std::string(65, 'x')})
    EXPECT_EQ(issue_node(dir.path(), name).error().code, errc::invalid) << name;
}

TEST(pki, needs_an_authority) {
  const temp_dir dir;
  EXPECT_EQ(issue_node(dir.path(), "a").error().code, errc::not_found);
}

TEST(pki, tells_files_that_do_not_belong_together) {
  const temp_dir dir;
  const temp_dir other;
  ASSERT_TRUE(init_authority(dir.path()));
  ASSERT_TRUE(init_authority(other.path()));
  const auto a = issue_node(dir.path(), "a").value();
  const auto b = issue_node(dir.path(), "b").value();
  EXPECT_TRUE(check_credentials(a));
  EXPECT_FALSE(check_credentials({a.certificate, b.key, a.authority}));
  EXPECT_FALSE(check_credentials({a.certificate, a.key, other.path() / "ca.pem"}));
  EXPECT_FALSE(check_credentials({a.certificate, a.key, ""}));
  EXPECT_FALSE(check_credentials({a.certificate, a.certificate, a.authority}));
  std::ofstream(a.certificate, std::ios::trunc) << "garbage";
  EXPECT_FALSE(check_credentials(a));
}

}  // namespace orrery::test
