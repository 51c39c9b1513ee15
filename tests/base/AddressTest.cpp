#include "base/Address.h"

#include "support/Test.h"

using namespace mox;

struct AddressTest : test::Suite<AddressTest> {
  static void list(List& l) {
    l.add("localpart is unquoted, normal and quoted again for the wire", &AddressTest::localpart);
    l.add("localpart refuses what could break a line", &AddressTest::localpartHostile);
    l.add("domain has both label forms", &AddressTest::domainForms);
    l.add("domain refuses what DNS cannot hold", &AddressTest::domainHostile);
    l.add("domain within", &AddressTest::within);
    l.add("address text", &AddressTest::addressText);
    l.add("ip text, literal, mask, reverse", &AddressTest::ip);
  }

  void localpart() {
    CHECK_EQ(std::string("a.b+c"), Localpart::make("a.b+c")->wire());
    CHECK_EQ(std::string("\"a b\""), Localpart::make("a b")->wire());
    CHECK_EQ(std::string("\"a\\\"\\\\\""), Localpart::make("a\"\\")->wire());
    CHECK_EQ(std::string("\"a..b\""), Localpart::make("a..b")->wire());
    CHECK_EQ(std::string("\xC3\xA9"), Localpart::make("e\xCC\x81")->text());  // NFD in, NFC kept
  }

  void localpartHostile() {
    for (std::string bad : {std::string("a\r"), std::string("a\n"), std::string("a\0b", 3), std::string(""), std::string("\xff"),
                            std::string(129, 'a'), std::string("a\xE2\x80\xAE" "b")})
      CHECK_MSG(bad, !Localpart::make(bad));
  }

  void domainForms() {
    auto d = Domain::make("B\xC3\xBC" "cher.Example.");
    CHECK(d.has_value());
    CHECK_EQ(std::string("xn--bcher-kva.example"), d->ascii());
    CHECK_EQ(std::string("b\xC3\xBC" "cher.example"), d->unicode());
    CHECK(*Domain::make("XN--BCHER-KVA.example") == *d);
    CHECK_EQ(std::string("_dmarc.example"), Domain::make("_dmarc.example")->ascii());
    CHECK(!Domain::make("example.org")->isIdn());
  }

  void domainHostile() {
    for (std::string bad : {std::string(""), std::string("."), std::string("a..b"), std::string("-a.b"), std::string("a b"),
                            std::string("a\0.b", 4), std::string("a\r\nb"), std::string(64, 'a') + ".b", std::string("\xff.b"), std::string("[1.2.3.4]")})
      CHECK_MSG(bad, !Domain::make(bad));
    std::string tooLong;
    while (tooLong.size() < 256) tooLong += "abcdefgh.";
    CHECK(!Domain::make(tooLong + "org"));
  }

  void within() {
    auto parent = *Domain::make("example.org");
    CHECK(Domain::make("example.org")->isWithin(parent));
    CHECK(Domain::make("a.example.org")->isWithin(parent));
    CHECK(!Domain::make("badexample.org")->isWithin(parent));
    CHECK(!Domain::make("org")->isWithin(parent));
  }

  void addressText() {
    auto a = Address::parse("\"odd one\"@b\xC3\xBC" "cher.example");
    CHECK(a.has_value());
    CHECK_EQ(std::string("odd one"), a->localpart.text());
    CHECK_EQ(std::string("\"odd one\"@xn--bcher-kva.example"), a->text(false));
    CHECK(!Address::parse("nobody"));
    CHECK(!Address::parse("@example.org"));
    Mailbox m{*Localpart::make("x"), *IpAddress::parse("2001:db8::1")};
    CHECK_EQ(std::string("x@[IPv6:2001:db8::1]"), m.text());
    CHECK(!m.address());
  }

  void ip() {
    CHECK_EQ(std::string("192.0.2.1"), IpAddress::parse("::ffff:192.0.2.1")->text());
    CHECK(!IpAddress::parse("192.0.2"));
    CHECK(!IpAddress::parse(std::string_view("1.2.3.4\0x", 9)));
    CHECK_EQ(std::string("192.0.0.0"), IpAddress::parse("192.0.2.1")->masked(21).text());
    CHECK_EQ(std::string("2001:db8:1:2::"), IpAddress::parse("2001:db8:1:2:3:4:5:6")->masked(64).text());
    CHECK_EQ(std::string("1.2.0.192.in-addr.arpa."), IpAddress::parse("192.0.2.1")->reverseName());
    CHECK(IpAddress::parse("127.3.2.1")->isLoopback());
    CHECK(IpAddress::parse("::1")->isLoopback());
    CHECK(!IpAddress::parse("::2")->isLoopback());
    CHECK_EQ(std::string("[2001:db8::1]:25"), (Endpoint{*IpAddress::parse("2001:db8::1"), 25}.text()));
  }
};
SUITE(AddressTest);
