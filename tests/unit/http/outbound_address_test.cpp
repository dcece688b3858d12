/// Which places an outbound request may go to.

#include "http/outbound_address.hpp"

#include <gtest/gtest.h>

namespace orrery::http {

TEST(public_address, is_none_of_the_special_ones) {
  for (const char* text : {"127.0.0.1",
                           "127.255.255.254",
                           "0.0.0.0",
                           "0.1.2.3",
                           "10.0.0.1",
                           "10.255.255.255",
                           "172.16.0.1",
                           "172.31.255.255",
                           "192.168.0.1",
                           "169.254.169.254",
                           "100.64.0.1",
                           "100.127.255.255",
                           "192.0.0.8",
                           "192.0.2.1",
                           "192.88.99.1",
                           "198.18.0.1",
                           "198.19.255.255",
                           "198.51.100.1",
                           "203.0.113.1",
                           "224.0.0.1",
                           "239.255.255.255",
                           "240.0.0.1",
                           "255.255.255.255",
                           "::",
                           "::1",
                           "::ffff:127.0.0.1",
                           "::ffff:8.8.8.8",
                           "::127.0.0.1",
                           "64:ff9b::7f00:1",
                           "64:ff9b::808:808",
                           "64:ff9b:1::1",
                           "100::1",
                           "fc00::1",
                           "fdff::1",
                           "fe80::1",
                           "fe80::1%1",
                           "fec0::1",
                           "ff02::1",
                           "2001::1",
                           "2001:db8::1",
                           "2002:7f00:1::",
                           "3fff::1",
                           "",
                           "localhost",
                           "127.1",
                           "1.2.3"})
    EXPECT_FALSE(is_public_address(text)) << text;
}

TEST(public_address, is_every_other_one) {
  for (const char* text : {"8.8.8.8", "1.1.1.1", "172.15.255.255", "172.32.0.1", "100.63.255.255",
                           "100.128.0.1", "169.253.0.1", "192.0.1.1", "198.17.0.1", "198.20.0.1",
                           "223.255.255.255", "2606:4700::1111", "2a00:1450::1", "2001:200::1"})
    EXPECT_TRUE(is_public_address(text)) << text;
}

TEST(url_text, is_taken_apart) {
  const auto u = parse_url("https://Hooks.Example.COM.:8443/a/b?c=d#e");
  ASSERT_TRUE(u);
  EXPECT_TRUE(u->secure);
  EXPECT_EQ(u->host, "hooks.example.com");
  EXPECT_EQ(u->port, 8443);
  EXPECT_EQ(u->authority, "hooks.example.com:8443");
  EXPECT_EQ(u->target, "/a/b?c=d");
  EXPECT_EQ(parse_url("http://a")->target, "/");
  EXPECT_EQ(parse_url("http://a?b")->target, "/?b");
  EXPECT_EQ(parse_url("https://a:443/")->authority, "a");
  EXPECT_EQ(parse_url("http://[::1]:80/")->host, "::1");
}

TEST(url_text, is_refused_where_two_readers_could_differ) {
  for (const char* text : {"",
                           "a",
                           "http:",
                           "http:/a",
                           "http://",
                           "http:///a",
                           "file:///etc/passwd",
                           "gopher://a/",
                           "ftp://a/",
                           "unix:/run/x.sock",
                           "http+unix://a",
                           "HTTPX://a",
                           "http://user@a/",
                           "http://user:p@a/",
                           "http://a@127.0.0.1/",
                           "http://a:b@c/",
                           "http://a b/",
                           "http://a/\r\nX: y",
                           "http://a\n/",
                           "http://a\\b/",
                           "http://a\\@127.0.0.1/",
                           "http://[::1/",
                           "http://[fe80::1%25lo]/",
                           "http://[::1%lo]/",
                           "http://[a]b/",
                           "http://[::1]x:80/",
                           "http://[::1]:/",
                           "http://a:/",
                           "http://a:0/",
                           "http://a:65536/",
                           "http://a:8x/",
                           "http://a:-1/",
                           "http://127.0.0.1\xe3\x80\x82"
                           "1/",
                           "http://\xef\xbc\x91.1.1.1/",
                           "http://a%2eb/",
                           "http://a/\xc3\xa9",
                           "//a/b",
                           "http://.",
                           "javascript:alert(1)"}) {
    const auto u = parse_url(text);
    ASSERT_FALSE(u) << text;
    EXPECT_EQ(u.error().field, "url") << text;
  }
}

TEST(host_rules, let_only_public_places_on_usual_ports_by_default) {
  const host_rules rules({}, true);
  EXPECT_TRUE(rules.check_host(*parse_url("https://example.com/")));
  EXPECT_TRUE(rules.check_host(*parse_url("http://example.com:8080/")));
  for (const char* text :
       {"http://127.0.0.1/", "http://[::1]/", "http://[::ffff:127.0.0.1]/", "http://10.0.0.1:8080/",
        "http://169.254.169.254/latest/", "http://example.com:25/", "http://example.com:22/",
        "http://example.com:5432/", "http://example.com:9092/", "http://8.8.8.8:53/",
        "http://127.0.0.1./"})
    EXPECT_FALSE(rules.check_host(*parse_url(text))) << text;
}

TEST(host_rules, look_at_every_address) {
  const host_rules rules({}, true);
  const auto u = *parse_url("http://example.com/");
  EXPECT_TRUE(rules.check_addresses(u, {"8.8.8.8", "2606:4700::1111"}));
  EXPECT_FALSE(rules.check_addresses(u, {"8.8.8.8", "127.0.0.1"}));
  EXPECT_FALSE(rules.check_addresses(u, {"8.8.8.8", "fe80::1%2"}));
  EXPECT_EQ(rules.check_addresses(u, {}).error().code, errc::unavailable);
}

TEST(host_rules, a_listed_host_may_be_private_on_its_ports) {
  const host_rules rules(
      {"Hooks.internal", "*.corp.example", "10.0.0.7:9000", "[::1]:*", "bad:port"}, true);
  EXPECT_TRUE(rules.check_addresses(*parse_url("http://hooks.internal/"), {"10.0.0.1"}));
  EXPECT_FALSE(rules.check_host(*parse_url("http://hooks.internal:9000/")));
  EXPECT_TRUE(rules.check_addresses(*parse_url("http://a.corp.example/"), {"127.0.0.1"}));
  EXPECT_FALSE(rules.check_addresses(*parse_url("http://corp.example/"), {"127.0.0.1"}));
  EXPECT_FALSE(rules.check_addresses(*parse_url("http://acorp.example/"), {"127.0.0.1"}));
  EXPECT_TRUE(rules.check_host(*parse_url("http://10.0.0.7:9000/")));
  EXPECT_FALSE(rules.check_host(*parse_url("http://10.0.0.7:9001/")));
  EXPECT_FALSE(rules.check_host(*parse_url("http://10.0.0.7/")));
  EXPECT_TRUE(rules.check_host(*parse_url("http://[::1]:1234/")));
  EXPECT_FALSE(rules.check_addresses(*parse_url("http://bad/"), {"127.0.0.1"}));
  EXPECT_TRUE(rules.check_addresses(*parse_url("http://example.com/"), {"8.8.8.8"}));
}

TEST(host_rules, may_let_nothing_but_the_list) {
  const host_rules rules({"hooks.internal"}, false);
  EXPECT_TRUE(rules.check_host(*parse_url("http://hooks.internal/")));
  EXPECT_FALSE(rules.check_host(*parse_url("https://example.com/")));
}

}  // namespace orrery::http
