#include "config/Fixture.h"
#include "support/Test.h"

using namespace mox;
using namespace mox::config;

namespace {

/// Where mail to an address goes, as text: "account:address:mailbox", "alias:address" or the reason against it.
std::string to(const Config& config, const std::string& text) {
  auto address = Address::parse(text).value();
  auto found = config.lookup(address.localpart, address.domain);
  switch (found.kind) {
    case Lookup::Kind::account: return found.target->account + ":" + found.target->address + ":" + found.target->mailbox;
    case Lookup::Kind::alias: return "alias:" + found.alias->address.text();
    case Lookup::Kind::unknownAddress: return "unknown address";
    case Lookup::Kind::unknownDomain: return "unknown domain";
    case Lookup::Kind::domainDisabled: return "disabled";
  }
  return "";
}

std::string login(const Config& config, const std::string& text) {
  auto found = config.loginLookup(text);
  return found ? (*found)->name : "no";
}

Config::Sender from(const Config& config, const std::string& account, const std::string& text) {
  return config.mayUseFrom(account, Address::parse(text).value());
}

/// A configuration that has all kinds of addresses.
test::ConfigFixture full() {
  test::ConfigFixture f;
  f.fixed += "HostTLSRPT:\n\tAccount: admin\n\tMailbox: HostReports\n\tLocalpart: TlsReports\n";
  f.dynamic =
      "Domains:\n"
      "\texample.org:\n\t\tLocalpartCatchallSeparators:\n\t\t\t- +\n\t\t\t- --\n"
      "\t\tDMARC:\n\t\t\tLocalpart: dmarc+Reports\n\t\t\tAccount: admin\n\t\t\tMailbox: DMARC\n"
      "\t\tTLSRPT:\n\t\t\tLocalpart: tls\n\t\t\tAccount: admin\n\t\t\tMailbox: TLS\n"
      "\t\tAliases:\n"
      "\t\t\tTeam:\n\t\t\t\tAddresses:\n\t\t\t\t\t- user@example.org\n\t\t\t\t\t- any@b\xc3\xbc"
      "cher.example\n\t\t\t\tAllowMsgFrom: true\n"
      "\t\t\tquiet:\n\t\t\t\tAddresses:\n\t\t\t\t\t- user@example.org\n"
      "\tcase.example:\n\t\tLocalpartCaseSensitive: true\n"
      "\tb\xc3\xbc"
      "cher.example: nil\n"
      "\toff.example:\n\t\tDisabled: true\n"
      "\tempty.example: nil\n"
      "\treports.example:\n\t\tDMARC:\n\t\t\tLocalpart: dmarc+reports\n\t\t\tDomain: example.org\n\t\t\tAccount: admin\n\t\t\tMailbox: "
      "DMARC\n"
      "\tmail.example.org: nil\n"
      "Accounts:\n"
      "\tadmin:\n\t\tDomain: example.org\n\t\tDestinations:\n\t\t\tadmin@example.org: "
      "nil\n\t\t\tpostmaster@case.example:\n\t\t\t\tMailbox: Own\n"
      "\tuser:\n\t\tDomain: example.org\n\t\tFullName: U\n\t\tDestinations:\n\t\t\tUSER@example.org:\n\t\t\t\tMailbox: "
      "Work\n\t\t\t\tFullName: W\n"
      "\t\t\tUser@case.example: nil\n\t\t\t@off.example: nil\n\t\t\tj\xc3\xbcrgen@example.org: nil\n\t\t\t\"a b\"@example.org: nil\n"
      "\t\t\tgone@example.org:\n\t\t\t\tSMTPError: 421 come back later\n\t\t\tstrict@example.org:\n\t\t\t\tMessageAuthRequiredSMTPError: "
      "who are you\n"
      "\tbook:\n\t\tDomain: b\xc3\xbc"
      "cher.example\n\t\tDestinations:\n\t\t\tany@b\xc3\xbc"
      "cher.example: nil\n\t\t\t@b\xc3\xbc"
      "cher.example:\n\t\t\t\tMailbox: All\n";
  return f;
}

}  // namespace

struct LookupTest : test::Suite<LookupTest> {
  static void list(List& l) {
    l.add("addresses, case and separators", &LookupTest::addresses);
    l.add("postmaster and host reports", &LookupTest::postmaster);
    l.add("reports", &LookupTest::reports);
    l.add("catchall and international domains", &LookupTest::catchall);
    l.add("disabled and unknown domains", &LookupTest::domains);
    l.add("aliases", &LookupTest::aliases);
    l.add("what a target holds", &LookupTest::target);
    l.add("logins", &LookupTest::logins);
    l.add("sender addresses", &LookupTest::senders);
    l.add("routes", &LookupTest::routes);
    l.add("patterns", &LookupTest::patterns);
  }

  void addresses() {
    auto c = full().config();
    const std::string user = "user:user@example.org:Work";
    for (const char* text : {"user@example.org", "User@Example.ORG", "user+x@example.org", "USER--y@example.org", "user+a--b@example.org",
                             "user+@example.org", "\"user\"@example.org", "user--a+b@example.org"}) {
      CHECK_EQ(user, to(*c, text));
    }
    CHECK_EQ(std::string("unknown address"), to(*c, "nobody@example.org"));
    CHECK_EQ(std::string("unknown address"), to(*c, "user-x@example.org"));
    CHECK_EQ(std::string("unknown address"), to(*c, "+user@example.org"));
    CHECK_EQ(std::string("unknown address"), to(*c, "users@example.org"));
    CHECK_EQ(std::string("user:User@case.example:Inbox"), to(*c, "User@case.example"));
    CHECK_EQ(std::string("unknown address"), to(*c, "user@case.example"));
    CHECK_EQ(std::string("unknown address"), to(*c, "User+x@case.example"));
    CHECK_EQ(std::string("user:j\xc3\xbcrgen@example.org:Inbox"), to(*c, "J\xc3\x9cRGEN+x@example.org"));
    CHECK_EQ(std::string("user:j\xc3\xbcrgen@example.org:Inbox"), to(*c, "ju\xcc\x88rgen@example.org"));  // not composed
    CHECK_EQ(std::string("user:\"a b\"@example.org:Inbox"), to(*c, "\"A B+c\"@example.org"));
  }

  void postmaster() {
    auto c = full().config();
    CHECK_EQ(std::string("admin"), c->postmaster().account);
    CHECK(c->postmaster().purpose == Target::Purpose::postmaster);
    const std::string postmaster = "admin:postmaster@mail.example.org:Postmaster";
    CHECK_EQ(postmaster, to(*c, "PostMaster@mail.example.org"));
    CHECK_EQ(postmaster, to(*c, "postmaster@example.org"));
    CHECK_EQ(postmaster, to(*c, "postmaster@empty.example"));
    CHECK_EQ(std::string("admin:postmaster@case.example:Own"), to(*c, "postmaster@case.example"));
    CHECK_EQ(std::string("book:@b\xc3\xbc"
                         "cher.example:All"),
             to(*c,
                "postmaster@b\xc3\xbc"
                "cher.example"));
    CHECK_EQ(std::string("unknown domain"), to(*c, "postmaster@elsewhere.example"));
    CHECK_EQ(std::string("admin:TlsReports@mail.example.org:HostReports"), to(*c, "tlsreports@mail.example.org"));
    CHECK_EQ(std::string("unknown address"), to(*c, "tlsreports@example.org"));
    auto f = full();
    test::ConfigFixture::replace(f.fixed, "\t\tTLS:\n", "\t\tHostname: mx.other.example\n\t\tTLS:\n");
    CHECK_EQ(postmaster, to(*f.config(), "postmaster@mx.other.example"));
    CHECK_EQ(postmaster, to(*f.config(), "postmaster@mail.example.org"));
    CHECK_EQ(std::string("unknown domain"), to(*f.config(), "user@mx.other.example"));
  }

  void reports() {
    auto c = full().config();
    CHECK_EQ(std::string("admin:dmarc+reports@example.org:DMARC"), to(*c, "DMARC+Reports@example.org"));
    CHECK_EQ(std::string("unknown address"), to(*c, "dmarc@example.org"));
    CHECK_EQ(std::string("admin:tls@example.org:TLS"), to(*c, "tls+x@example.org"));
    auto at = Address::parse("tls@example.org").value();
    CHECK(c->lookup(at.localpart, at.domain).target->purpose == Target::Purpose::tlsReports);
    // A domain that only names another for its reports takes no mail.
    CHECK(c->domain(Domain::make("reports.example").value())->reportsOnly);
    CHECK(!c->domain(Domain::make("example.org").value())->reportsOnly);
    CHECK_EQ(std::string("unknown domain"), to(*c, "dmarc+reports@reports.example"));
    CHECK_EQ(std::string("unknown domain"), to(*c, "postmaster@reports.example"));
  }

  void catchall() {
    auto c = full().config();
    CHECK_EQ(std::string("book:@b\xc3\xbc"
                         "cher.example:All"),
             to(*c,
                "whoever@b\xc3\xbc"
                "cher.example"));
    CHECK_EQ(std::string("book:@b\xc3\xbc"
                         "cher.example:All"),
             to(*c, "whoever@xn--bcher-kva.example"));
    CHECK_EQ(std::string("book:any@b\xc3\xbc"
                         "cher.example:Inbox"),
             to(*c,
                "any@B\xc3\x9c"
                "cher.example"));
    auto at = Address::parse("whoever@xn--bcher-kva.example").value();
    CHECK(c->lookup(at.localpart, at.domain).target->isCatchall());
  }

  void domains() {
    auto c = full().config();
    CHECK_EQ(std::string("disabled"), to(*c, "user@off.example"));
    CHECK_EQ(std::string("disabled"), to(*c, "postmaster@off.example"));
    CHECK_EQ(std::string("unknown domain"), to(*c, "user@elsewhere.example"));
    CHECK_EQ(std::string("unknown domain"), to(*c, "user@sub.example.org"));
    CHECK_EQ(std::string("unknown address"), to(*c, "user@empty.example"));
  }

  void aliases() {
    auto c = full().config();
    CHECK_EQ(std::string("alias:team@example.org"), to(*c, "TEAM+x@example.org"));
    auto at = Address::parse("team@example.org").value();
    const auto& alias = *c->lookup(at.localpart, at.domain).alias;
    CHECK_EQ(std::size_t(2), alias.members.size());
    CHECK_EQ(std::string("user"), alias.members[0].target->account);
    CHECK(alias.hasMember("book") && !alias.hasMember("admin"));
    CHECK(alias.allowMsgFrom && !alias.postPublic && !alias.listMembers);
  }

  void target() {
    auto c = full().config();
    auto find = [&](const char* text) {
      auto at = Address::parse(text).value();
      return c->lookup(at.localpart, at.domain).target;
    };
    CHECK_EQ(421, find("gone@example.org")->smtpError->code);
    CHECK_EQ(std::string("come back later"), find("gone@example.org")->smtpError->text);
    CHECK_EQ(std::string("who are you"), find("strict@example.org")->messageAuthRequiredError.value());
    CHECK_EQ(std::string("W"), find("user@example.org")->fullName);
    CHECK_EQ(std::string("U"), find("gone@example.org")->fullName);
    CHECK(!find("user@example.org")->smtpError && !find("user@example.org")->messageAuthRequiredError);
  }

  void logins() {
    auto c = full().config();
    CHECK_EQ(std::string("user"), login(*c, "user@example.org"));
    CHECK_EQ(std::string("user"), login(*c, "User+phone@EXAMPLE.org"));
    CHECK_EQ(std::string("user"), login(*c, "x@off.example"));
    CHECK_EQ(std::string("book"), login(*c, "whoever@xn--bcher-kva.example"));
    for (const char* text :
         {"team@example.org", "quiet@example.org", "postmaster@example.org", "postmaster@mail.example.org", "tlsreports@mail.example.org",
          "user", "", "@", "@example.org", "user@", "nobody@example.org", "user@elsewhere.example", "user@reports.example"}) {
      CHECK_EQ(std::string("no"), login(*c, text));
    }
    CHECK_EQ(std::string("no"), login(*c, std::string("user\0@example.org", 17)));
  }

  void senders() {
    auto c = full().config();
    using enum Config::Sender;
    CHECK(from(*c, "user", "user@example.org") == allowed);
    CHECK(from(*c, "user", "USER+list@example.org") == allowed);
    CHECK(from(*c, "user", "admin@example.org") == notAllowed);
    CHECK(from(*c, "admin", "user@example.org") == notAllowed);
    CHECK(from(*c, "book",
               "anything@b\xc3\xbc"
               "cher.example") == allowed);
    CHECK(from(*c, "user", "team@example.org") == allowed);
    CHECK(from(*c, "book", "Team+x@example.org") == allowed);
    CHECK(from(*c, "admin", "team@example.org") == notAllowed);
    CHECK(from(*c, "user", "quiet@example.org") == notAllowed);
    CHECK(from(*c, "user", "x@off.example") == domainDisabled);
    CHECK(from(*c, "admin", "x@off.example") == notAllowed);
    CHECK(from(*c, "admin", "postmaster@mail.example.org") == notAllowed);
    CHECK(from(*c, "admin", "postmaster@case.example") == allowed);
    CHECK(from(*c, "user", "user@elsewhere.example") == notAllowed);
    CHECK(from(*c, "", "nobody@example.org") == notAllowed);
  }

  void routes() {
    test::ConfigFixture f;
    f.fixed += "Pedantic: false\n";
    test::ConfigFixture::replace(f.fixed, "\tdirect4:\n", "\tthird:\n\t\tFail:\n\t\t\tSMTPCode: 550\n\tdirect4:\n");
    auto route = [](const std::string& in, const std::string& transport, const std::string& more) {
      return in + "\t-\n" + in + "\t\tTransport: " + transport + "\n" + more;
    };
    f.dynamic += "Routes:\n" + route("", "smart", "\t\tToDomain:\n\t\t\t- .big.example\n\t\t\t- one.example\n") +
                 route("", "third", "\t\tMinimumAttempts: 5\n");
    test::ConfigFixture::replace(f.dynamic, "\t\tDescription: U. Ser\n",
                                 "\t\tRoutes:\n" + route("\t\t", "direct4", "\t\t\t\tToDomain:\n\t\t\t\t\t- mx.big.example\n"));
    test::ConfigFixture::replace(
        f.dynamic, "\texample.com: nil\n",
        "\texample.com:\n\t\tRoutes:\n" + route("\t\t", "third", "\t\t\t\tFromDomain:\n\t\t\t\t\t- example.com\n"));
    auto c = f.config();
    auto via = [&](const char* account, const char* sender, const char* recipient, int attempts) {
      const auto* found = c->route(account, Domain::make(sender).value(), Domain::make(recipient).value(), attempts);
      return found == nullptr ? std::string("direct") : found->name;
    };
    CHECK_EQ(std::string("smart"), via("admin", "example.org", "big.example", 0));
    CHECK_EQ(std::string("smart"), via("admin", "example.org", "mx.big.example", 0));
    CHECK_EQ(std::string("direct"), via("admin", "example.org", "notbig.example", 0));
    CHECK_EQ(std::string("smart"), via("admin", "example.org", "one.example", 0));
    CHECK_EQ(std::string("direct"), via("admin", "example.org", "sub.one.example", 0));
    CHECK_EQ(std::string("direct"), via("admin", "example.org", "far.example", 4));
    CHECK_EQ(std::string("third"), via("admin", "example.org", "far.example", 5));
    CHECK_EQ(std::string("direct4"), via("user", "example.com", "mx.big.example", 0));
    CHECK_EQ(std::string("third"), via("user", "example.com", "big.example", 0));
    CHECK_EQ(std::string("smart"), via("gone", "example.org", "big.example", 0));
    CHECK(c->route("admin", std::nullopt, std::nullopt, 0) == nullptr);
    CHECK_EQ(std::string("third"), c->route("admin", std::nullopt, std::nullopt, 9)->name);
  }

  void patterns() {
    CHECK(Pattern::make("^(junk|spam)").value().matches("spam/2026"));
    CHECK(!Pattern::make("^(junk|spam)").value().matches("no spam"));
    CHECK(Pattern::make("(?i)HELLO$").value().matches("say hello"));
    CHECK(Pattern::make("^.$").value().matches("\xc3\xbc"));
    CHECK(!Pattern::make("x").value().matches("\xff x"));
    CHECK(!Pattern::make("(*LIMIT_MATCH=4000000000)a"));
    CHECK(!Pattern::make(std::string(Pattern::maxPatternBytes + 1, 'a')));
    CHECK(!Pattern::make(std::string("a\0b", 3)));
    // Would take 2^40 steps and as many frames without limits.
    CHECK(!Pattern::make("^(a|a)*$").value().matches(std::string(40, 'a') + "b"));
    CHECK(!Pattern::make("^(.|x)*y").value().matches(std::string(1 << 20, 'a')));
  }
};
SUITE(LookupTest);
