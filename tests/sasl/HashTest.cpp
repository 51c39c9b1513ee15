#include "sasl/Hash.h"

#include "base/Text.h"
#include "sasl/Prepare.h"
#include "sasl/Secrets.h"
#include "support/Test.h"

using namespace mox;
using namespace mox::sasl;

struct SaslHashTest : mox::test::Suite<SaslHashTest> {
  static void list(List& l) {
    l.add("HMAC vectors of RFC 2202 and RFC 4231", &SaslHashTest::hmacVectors);
    l.add("HMAC-MD5 through kept states, RFC 2202", &SaslHashTest::hmacMd5Vectors);
    l.add("PBKDF2 vectors of RFC 6070", &SaslHashTest::pbkdf2);
    l.add("constant time comparison compares", &SaslHashTest::equal);
    l.add("OpaqueString, RFC 8265 §4.3 examples", &SaslHashTest::opaqueString);
    l.add("names", &SaslHashTest::names);
    l.add("derive salts each secret anew", &SaslHashTest::deriving);
  }

  void hmacVectors() {
    CHECK_EQ(std::string("effcdf6ae5eb2fa2d27416d5f184df9c259a7c79"), hex(hmac(HashKind::sha1, "Jefe", "what do ya want for nothing?")));
    CHECK_EQ(std::string("5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"),
             hex(hmac(HashKind::sha256, "Jefe", "what do ya want for nothing?")));
    CHECK_EQ(hex(hmac(HashKind::sha1, std::string(1, '\0'), "x")), hex(hmac(HashKind::sha1, "", "x")));
    CHECK_EQ(std::string("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"), hex(digest(HashKind::sha256, "")));
  }

  void hmacMd5Vectors() {
    CHECK_EQ(std::string("750c783e6ab0b503eaa86e310a5db738"), hex(hmacMd5(hmacMd5States("Jefe"), "what do ya want for nothing?")));
    CHECK_EQ(std::string("9294727a3638bb1c13f48ef8158bfc9d"), hex(hmacMd5(hmacMd5States(std::string(16, '\x0b')), "Hi There")));
    CHECK_EQ(std::string("6b1ab7fe4bd7bf8f0b62e6ce61b9d0cd"),
             hex(hmacMd5(hmacMd5States(std::string(80, '\xaa')), "Test Using Larger Than Block-Size Key - Hash Key First")));
    CHECK_EQ(std::string("6f630fad67cda0ee1fb1f562db3aa53e"),
             hex(hmacMd5(hmacMd5States(std::string(80, '\xaa')),
                         "Test Using Larger Than Block-Size Key and Larger Than One Block-Size Data")));
    CHECK_EQ(std::size_t(16), hmacMd5States("x").inner.size());
    CHECK_THROWS(std::invalid_argument, hmacMd5(HmacMd5States{"short", "short"}, "x"));
  }

  void pbkdf2() {
    CHECK_EQ(std::string("0c60c80f961f0e71f3a9b524af6012062fe037a6"), hex(saltedPassword(HashKind::sha1, "password", "salt", 1)));
    CHECK_EQ(std::string("4b007901b765489abead49d926f721d065a429c1"), hex(saltedPassword(HashKind::sha1, "password", "salt", 4096)));
  }

  void equal() {
    CHECK(equalConstantTime("abc", "abc"));
    CHECK(equalConstantTime("", ""));
    CHECK(!equalConstantTime("abc", "abd"));
    CHECK(!equalConstantTime("abc", "ab"));
  }

  void opaqueString() {
    CHECK_EQ(std::string("correct horse battery staple"), preparePassword("correct horse battery staple").value());
    CHECK_EQ(std::string("Correct Horse Battery Staple"), preparePassword("Correct Horse Battery Staple").value());
    CHECK_EQ(std::string("\xcf\x80\xc3\x9f\xc3\xa5"), preparePassword("\xcf\x80\xc3\x9f\xc3\xa5").value());
    CHECK_EQ(std::string("Jack of \xe2\x99\xa6s"), preparePassword("Jack of \xe2\x99\xa6s").value());
    CHECK_EQ(std::string("foo bar"), preparePassword("foo\xe1\x9a\x80" "bar").value());  // OGHAM SPACE MARK
    CHECK_EQ(std::string("\xc3\xa9"), preparePassword("e\xcc\x81").value());              // NFC
    CHECK(!preparePassword(""));
    for (std::string bad : {"my cat is a \tby", "a\nb", "a\x7f", "\xc2\x80", "\xff", "a\xc0\x80", "\xed\xa0\x80", "\xe2\x80\xa8", "\xef\xbf\xbe", "\xee\x80\x80",
                            "\xe2\x80\x8d"})
      CHECK_MSG(hex(bad), !preparePassword(bad));
    CHECK(!preparePassword(std::string("a\0b", 3)));
    CHECK(preparePassword("\xe0\xa4\x95\xe0\xa5\x8d\xe2\x80\x8d").has_value());  // joiner after a virama
    CHECK(!preparePassword(std::string(maxPasswordOctets + 1, 'a')));
  }

  void names() {
    CHECK_EQ(std::string("jos\xc3\xa9@example.org"), prepareName("jose\xcc\x81@example.org").value());
    CHECK(!prepareName(""));
    CHECK(!prepareName(std::string("a\0b", 3)));
    CHECK(!prepareName("a\r\nb"));
    CHECK(!prepareName("\xe2\x80\xae" "evil"));
    CHECK(!prepareName(std::string(maxNameOctets + 1, 'a')));
  }

  void deriving() {
    FakeRandom random;
    auto a = derive("pencil", random).value();
    auto b = derive("pencil", random).value();
    CHECK(a.scramSha1.salt != b.scramSha1.salt);
    CHECK(a.scramSha256.storedKey != b.scramSha256.storedKey);
    CHECK(a.scramSha1.salt != a.scramSha256.salt);
    CHECK_EQ(a.cramMd5.inner, b.cramMd5.inner);
    CHECK_EQ(8192u, a.scramSha1.iterations);
    CHECK_EQ(4096u, a.scramSha256.iterations);
    CHECK(!derive("\n", random));
  }
};
SUITE(SaslHashTest);
