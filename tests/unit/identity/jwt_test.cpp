/// Attacks on tokens: every one of them is refused, and the honest token next to it is not.

#include "identity/jwt.hpp"

#include "identity/crypto.hpp"

#include <gtest/gtest.h>

namespace orrery::identity {

namespace {

const time_point now = from_micros(1'800'000'000'000'000);
constexpr int64_t now_s = 1'800'000'000;

struct jwt : ::testing::Test {
  key_pair keys = make_key_pair();
  key_pair strangers = make_key_pair();
  expectation wanted{"orrery", "orrery", true, "roles"};
  std::string asked_for;

  key_lookup lookup() {
    return [this](const std::string& kid) -> std::optional<verification_key> {
      asked_for = kid;
      if (kid != "k1")
        return std::nullopt;
      return verification_key{algorithm::eddsa, keys.public_key, {}, {}};
    };
  }
  std::string signed_with(const key_pair& by, const std::string& header,
                          const std::string& payload) {
    const auto text = base64url(header) + "." + base64url(payload);
    return text + "." + base64url(sign_ed25519(text, by.secret_key));
  }
  std::string token(const std::string& header, const std::string& payload) {
    return signed_with(keys, header, payload);
  }
  static std::string header(const std::string& more = "", const std::string& alg = "EdDSA",
                            const std::string& kid = "k1", const std::string& typ = "at+jwt") {
    return R"({"alg":")" + alg + R"(","typ":")" + typ + R"(","kid":")" + kid + "\"" + more + "}";
  }
  static std::string payload(const std::string& more = "", const std::string& iss = "orrery",
                             const std::string& aud = R"("orrery")",
                             const std::string& exp = std::to_string(now_s + 600)) {
    return R"({"iss":")" + iss + R"(","sub":"alice","aud":)" + aud + R"(,"exp":)" + exp + more +
           "}";
  }
  std::string refusal(const std::string& text) {
    const auto told = verify_token(text, lookup(), wanted, now);
    if (told)
      return "ACCEPTED";
    EXPECT_EQ(told.error().code, errc::rejected);
    return told.error().detail;
  }
};

}  // namespace

TEST_F(jwt, an_honest_token_is_accepted_and_says_who) {
  claims c;
  c.issuer = "orrery";
  c.audience = {"orrery"};
  c.subject = "alice";
  c.session = "s1";
  c.generation = 7;
  c.roles = {"operator"};
  c.issued_at = c.not_before = now;
  c.expires_at = now + 600s;
  const auto told = verify_token(make_token(c, "k1", keys.secret_key), lookup(), wanted, now);
  ASSERT_TRUE(told) << told.error().detail;
  EXPECT_EQ(told->subject, "alice");
  EXPECT_EQ(told->session, "s1");
  EXPECT_EQ(told->generation, 7U);
  EXPECT_EQ(told->roles, std::vector<std::string>{"operator"});
  EXPECT_EQ(refusal(token(header(), payload())), "ACCEPTED");
  EXPECT_EQ(refusal(token(header(), payload("", "orrery", R"(["other","orrery"])"))), "ACCEPTED");
}

TEST_F(jwt, no_algorithm_in_any_spelling) {
  for (const auto* alg : {"none", "None", "NONE", "nOnE", "", " none", "EDDSA", "eddsa", "ES256"}) {
    EXPECT_NE(refusal(token(header("", alg), payload())), "ACCEPTED") << alg;
    EXPECT_NE(refusal(base64url(header("", alg)) + "." + base64url(payload()) + "."), "ACCEPTED");
  }
}

TEST_F(jwt, the_public_key_is_no_hmac_secret) {
  for (const auto* alg : {"HS256", "HS384", "HS512", "RS256", "PS256"})
    EXPECT_EQ(refusal(token(header("", alg), payload())), "the algorithm is not the key's") << alg;
}

TEST_F(jwt, signatures_that_are_empty_missing_swapped_or_anothers) {
  const auto good = token(header(), payload());
  const auto dot = good.rfind('.');
  const auto body = good.substr(0, dot);
  const auto other = token(header(), payload(R"(,"jti":"2")"));
  EXPECT_NE(refusal(body + "."), "ACCEPTED");
  EXPECT_NE(refusal(body), "ACCEPTED");
  EXPECT_NE(refusal(body + other.substr(other.rfind('.'))), "ACCEPTED");
  EXPECT_NE(refusal(signed_with(strangers, header(), payload())), "ACCEPTED");
  auto flipped = good;
  flipped[dot + 10] = flipped[dot + 10] == 'A' ? 'B' : 'A';
  EXPECT_NE(refusal(flipped), "ACCEPTED");
  auto changed = good;
  changed[changed.find('.') + 5] ^= 1;
  EXPECT_NE(refusal(changed), "ACCEPTED");
}

TEST_F(jwt, key_ids_that_are_unknown_or_attacks) {
  EXPECT_EQ(refusal(token(header("", "EdDSA", "k2"), payload())), "the key is not known");
  for (const auto& kid : {std::string("../k1"), std::string("k1' or '1'='1"),
                          std::string("k1\\u0000"), std::string("/dev/null"),
                          std::string(10'000, 'k'), std::string(), std::string("http://evil/k")}) {
    asked_for = "nobody";
    EXPECT_NE(refusal(token(header("", "EdDSA", kid), payload())), "ACCEPTED") << kid.substr(0, 40);
    EXPECT_EQ(asked_for, "nobody") << "what cannot be an id is never looked up";
  }
  EXPECT_NE(refusal(token(R"({"alg":"EdDSA","typ":"at+jwt"})", payload())), "ACCEPTED");
  EXPECT_NE(refusal(token(R"({"alg":"EdDSA","typ":"at+jwt","kid":1})", payload())), "ACCEPTED");
}

TEST_F(jwt, a_token_that_brings_its_own_key_or_demands_extensions) {
  for (const auto* more :
       {R"(,"jwk":{"kty":"OKP"})", R"(,"jku":"http://evil/keys")", R"(,"x5u":"http://evil/c")",
        R"(,"x5c":["A"])", R"(,"crit":["b64"])", R"(,"b64":false)", R"(,"zip":"DEF")"})
    EXPECT_NE(refusal(token(header(more), payload())), "ACCEPTED") << more;
}

TEST_F(jwt, times_that_are_past_missing_or_no_times) {
  const auto expiring = [](const std::string& exp) {
    return payload("", "orrery", R"("orrery")", exp);
  };
  EXPECT_EQ(refusal(token(header(), expiring(std::to_string(now_s - 31)))),
            "the token has expired");
  EXPECT_EQ(refusal(token(header(), expiring(std::to_string(now_s - 29)))), "ACCEPTED")
      << "clocks differ a little";
  for (const auto* exp : {"\"1900000000\"", "1900000000.5", "9223372036854775808", "1e300", "-1",
                          "null", "true", "{}", "9223372036854775807", "253402300800"})
    EXPECT_NE(refusal(token(header(), expiring(exp))), "ACCEPTED") << exp;
  EXPECT_NE(refusal(token(header(), R"({"iss":"orrery","sub":"alice","aud":"orrery"})")),
            "ACCEPTED");
  const auto later = std::to_string(now_s + 120);
  EXPECT_EQ(refusal(token(header(), payload(",\"nbf\":" + later))), "the token is of the future");
  EXPECT_EQ(refusal(token(header(), payload(",\"iat\":" + later))), "the token is of the future");
  EXPECT_NE(refusal(token(header(), payload(R"(,"nbf":"now")"))), "ACCEPTED");
}

TEST_F(jwt, another_issuer_audience_type_or_nobody) {
  EXPECT_EQ(refusal(token(header(), payload("", "evil"))), "the issuer is another");
  EXPECT_EQ(refusal(token(header(), payload("", "orrery", R"("other")"))),
            "the audience is another");
  EXPECT_EQ(refusal(token(header(), payload("", "orrery", "[]"))), "the audience is another");
  EXPECT_EQ(refusal(token(header(), payload("", "orrery", "{}"))), "the audience is another");
  for (const auto* typ : {"JWT", "refresh", "", "AT+JWT"})
    EXPECT_EQ(refusal(token(header("", "EdDSA", "k1", typ), payload())),
              "the token is of another type")
        << typ;
  EXPECT_EQ(refusal(token(header(), R"({"iss":"orrery","aud":"orrery","exp":1900000000})")),
            "the subject is missing");
}

TEST_F(jwt, two_readers_must_not_see_two_tokens) {
  EXPECT_NE(refusal(token(R"({"alg":"none","alg":"EdDSA","typ":"at+jwt","kid":"k1"})", payload())),
            "ACCEPTED");
  EXPECT_NE(refusal(token(header(), payload(R"(,"sub":"root")"))), "ACCEPTED");
  EXPECT_NE(refusal(token(header(), payload(",\"exp\":1900000001"))), "ACCEPTED");
}

TEST_F(jwt, forms_that_are_not_exactly_base64url_in_three_parts) {
  const auto good = token(header(), payload());
  for (const auto& bad :
       {std::string(), std::string("."), std::string(".."), std::string("a.b"), good + ".x.y",
        good + "=", good + "==", " " + good, good + "\n", std::string(9'000, 'a') + "." + good,
        "." + good, good.substr(0, good.size() - 1)})
    EXPECT_NE(refusal(bad), "ACCEPTED") << bad.substr(0, 60);
  // Stray bits in the last character: another text for the same bytes.
  auto stray = good;
  const std::string letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  stray.back() = letters[letters.find(stray.back()) ^ 1];
  EXPECT_NE(refusal(stray), "ACCEPTED");
  for (const auto* bytes : {"[]", "7", "\"a\"", "null", "{", ""})
    EXPECT_NE(refusal(token(bytes, payload())), "ACCEPTED") << bytes;
  for (const auto* bytes : {"[]", "7", "\"a\"", "null", "{", ""})
    EXPECT_NE(refusal(token(header(), bytes)), "ACCEPTED") << bytes;
}

TEST_F(jwt, key_sets_keep_what_can_verify) {
  const auto x = base64url(keys.public_key);
  const auto set = read_jwks(
      R"({"keys":[{"kty":"OKP","crv":"Ed25519","kid":"a","x":")" + x +
      R"("},{"kty":"oct","kid":"b","k":"AAAA"},{"kty":"RSA","kid":"c","n":"AQAB","e":"AQAB"},
        {"kty":"OKP","crv":"Ed25519","kid":"../d","x":")" +
      x + R"("},{"kty":"RSA","use":"enc","kid":"e","n":"AQAB","e":"AQAB"}]})");
  ASSERT_EQ(set.size(), 2U);
  EXPECT_EQ(set[0].second.public_key, keys.public_key);
  EXPECT_EQ(set[1].second.alg, algorithm::rs256);
  EXPECT_TRUE(read_jwks("[]").empty());
  EXPECT_TRUE(read_jwks("").empty());
}

TEST_F(jwt, short_rsa_keys_verify_nothing) {
  EXPECT_FALSE(verify_rs256("message", std::string(128, '\1'), std::string(128, '\xff'), "\1\0\1"));
  EXPECT_FALSE(verify_rs256("message", "", "", ""));
}

TEST(passwords, are_argon2id_and_salted) {
  const password_cost cheap{1, 8 * 1024 * 1024};
  const auto a = hash_password("correct horse", cheap);
  ASSERT_TRUE(a);
  EXPECT_TRUE(a->starts_with("$argon2id$v=19$m=8192,t=1,p=1$")) << *a;
  EXPECT_NE(*a, *hash_password("correct horse", cheap));
  EXPECT_TRUE(verify_password(*a, "correct horse"));
  EXPECT_FALSE(verify_password(*a, "correct horsf"));
  EXPECT_FALSE(verify_password("$argon2id$broken", "correct horse"));
  EXPECT_FALSE(needs_rehash(*a, cheap));
  EXPECT_TRUE(needs_rehash(*a, {2, 8 * 1024 * 1024}));
}

}  // namespace orrery::identity
