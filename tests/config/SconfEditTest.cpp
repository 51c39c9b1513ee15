#include "config/SconfEdit.h"

#include "config/Fixture.h"
#include "config/Source.h"
#include "config/Write.h"
#include "support/Test.h"

using namespace mox;
using namespace mox::config;

namespace {

const Path top;

/// As people write: comments anywhere, empty lines, an odd order.
const std::string odd =
    "# The whole company.\n"
    "\n"
    "Accounts:\n"
    "\t# The boss.\n"
    "\tann:\n"
    "# at the wrong indent\n"
    "\t\tDestinations:\n"
    "\n"
    "\t\t\tann@example.org: nil\n"
    "\t\t\t# was: anna@example.org\n"
    "\t\tDomain: example.org\n"
    "\n"
    "\t# Bob left.\n"
    "\tbob:\n"
    "\t\tDomain: example.org\n"
    "\t\t# Nothing else.\n"
    "\t\t\t# Deeper.\n"
    "Domains:\n"
    "\texample.org: nil\n"
    "\texample.com:\n"
    "\t\tAliases:\n"
    "\t\t\t# our only list\n"
    "\t\t\tteam:\n"
    "\t\t\t\tAddresses:\n"
    "\t\t\t\t\t- ann@example.org\n"
    "\t\t\t\t\t# Bob too:\n"
    "\t\t\t\t\t- bob@example.org\n"
    "# end, without a line end";

}  // namespace

struct SconfEditTest : test::Suite<SconfEditTest> {
  static void list(List& l) {
    l.add("a field is added at the end of its record", &SconfEditTest::setNew);
    l.add("a field's value is replaced where it is", &SconfEditTest::setOld);
    l.add("an entry is added at the end of its map", &SconfEditTest::addEntry);
    l.add("nil becomes a block; what lacks around is made", &SconfEditTest::addInto);
    l.add("list items", &SconfEditTest::items);
    l.add("removal takes what is inside, and no comment beside it", &SconfEditTest::removeEntry);
    l.add("what is left empty goes, or becomes nil", &SconfEditTest::removeLast);
    l.add("what cannot be written is refused, and nothing is changed", &SconfEditTest::refused);
    l.add("a file of mox 0.0.15", &SconfEditTest::fixture);
    l.add("what was added and removed leaves no trace", &SconfEditTest::undone);
  }

  static SconfEdit edit(const std::string& text = odd) { return SconfEdit::parse(text, described::typeOf<Dynamic>()).value(); }
  /// That the text is `text` with one replacement.
  static void expect(const SconfEdit& file, const std::string& from, const std::string& to) {
    auto wanted = odd;
    test::ConfigFixture::replace(wanted, from, to);
    CHECK_EQ(wanted, file.text());
  }
  static void good(const Result<void>& done) { CHECK_MSG(done ? "" : done.error().text, done.has_value()); }

  void setNew() {
    auto file = edit();
    CHECK_EQ(odd, file.text());
    good(file.set(top / "Accounts" / "ann" / "LoginDisabled", "gone: for good # really"));
    expect(file, "\t\tDomain: example.org\n\n", "\t\tDomain: example.org\n\t\tLoginDisabled: gone: for good # really\n\n");
    CHECK_EQ(std::string("gone: for good # really"), file.find(top / "Accounts" / "ann" / "LoginDisabled")->text);
  }

  void setOld() {
    auto file = edit();
    good(file.set(top / "Accounts" / "ann" / "Domain", "example.com"));
    expect(file, "\t\tDomain: example.org\n\n", "\t\tDomain: example.com\n\n");
  }

  void addEntry() {
    auto file = edit();
    good(file.add(top / "Accounts" / "cid", "Domain: example.org\nDestinations:\n\tcid@example.org: nil\n"));
    expect(file, "\t\t\t# Deeper.\n", "\t\t\t# Deeper.\n\tcid:\n\t\tDomain: example.org\n\t\tDestinations:\n\t\t\tcid@example.org: nil\n");
    file = edit();
    good(file.add(top / "Accounts" / "ann" / "Destinations" / "@example.org", ""));
    expect(file, "\t\t\tann@example.org: nil\n", "\t\t\tann@example.org: nil\n\t\t\t@example.org: nil\n");
    file = edit();
    good(file.add(top / "Domains" / "new.example", ""));
    expect(file, "- bob@example.org\n", "- bob@example.org\n\tnew.example: nil\n");
    CHECK_EQ(Errc::exists, file.add(top / "Domains" / "new.example", "").error().code);
    // A file that ends in its last entry.
    auto bare = edit("Domains:\n\ta.example: nil");
    good(bare.add(top / "Domains" / "b.example", ""));
    CHECK_EQ(std::string("Domains:\n\ta.example: nil\n\tb.example: nil"), bare.text());
  }

  void addInto() {
    auto file = edit();
    good(file.add(top / "Domains" / "example.org" / "Aliases" / "all", "PostPublic: true\n"));
    expect(file, "\texample.org: nil\n", "\texample.org:\n\t\tAliases:\n\t\t\tall:\n\t\t\t\tPostPublic: true\n");
    file = edit();
    good(file.set(top / "Domains" / "example.org" / "Disabled", "true"));
    expect(file, "\texample.org: nil\n", "\texample.org:\n\t\tDisabled: true\n");
    auto empty = edit("# nothing yet\n");
    good(empty.add(top / "Domains" / "example.org", ""));
    CHECK_EQ(std::string("# nothing yet\nDomains:\n\texample.org: nil\n"), empty.text());
  }

  void items() {
    auto team = top / "Domains" / "example.com" / "Aliases" / "team";
    auto file = edit();
    good(file.append(team / "Addresses", "cid@example.org"));
    expect(file, "\t- bob@example.org\n", "\t- bob@example.org\n\t\t\t\t\t- cid@example.org\n");
    file = edit();
    good(file.remove(team / "Addresses" / std::size_t(0)));
    expect(file, "\t\t\t\t\t- ann@example.org\n", "");
    good(file.append(top / "MonitorDNSBLs", "bl.example"));
    CHECK(file.text().find("bob@example.org\nMonitorDNSBLs:\n\t- bl.example\n# end") != std::string::npos);
    CHECK(!file.append(top / "Domains", "x"));
  }

  void removeEntry() {
    auto file = edit();
    good(file.remove(top / "Accounts" / "ann"));
    expect(file, odd.substr(odd.find("\tann:"), odd.find("\n\t# Bob left") - odd.find("\tann:")), "");
    CHECK(file.text().find("\t# The boss.\n\n\t# Bob left.\n") != std::string::npos);
    CHECK(!file.find(top / "Accounts" / "ann"));
    good(file.remove(top / "Domains" / "example.org"));
    CHECK(file.text().find("Domains:\n\texample.com:\n") != std::string::npos);
    CHECK_EQ(Errc::notFound, file.remove(top / "Domains" / "example.org").error().code);
    // A comment behind it that is not deeper, and what is below that comment, are about something else.
    file = edit();
    good(file.remove(top / "Accounts" / "bob" / "Domain"));
    expect(file, "\tbob:\n\t\tDomain: example.org\n\t\t# Nothing else.\n\t\t\t# Deeper.\n", "\tbob: nil\n\t\t# Nothing else.\n\t\t\t# Deeper.\n");
  }

  void removeLast() {
    auto file = edit();
    good(file.remove(top / "Domains" / "example.com" / "Aliases" / "team"));
    expect(file, odd.substr(odd.find("\texample.com:"), odd.find("# end") - odd.find("\texample.com:")), "\texample.com: nil\n\t\t\t# our only list\n");
    file = edit();
    good(file.remove(top / "Accounts" / "ann" / "Destinations" / "ann@example.org"));
    expect(file, "\t\tDestinations:\n\n\t\t\tann@example.org: nil\n", "\n");
  }

  void refused() {
    auto file = edit();
    auto account = top / "Accounts" / "ann";
    for (const auto& path : {top / "Accounts" / "a:b", top / "Accounts" / "#a", top / "Accounts" / " a", top / "Accounts" / "", top / "Accounts" / "a\nb"})
      CHECK(!file.add(path, "Domain: example.org\n"));
    CHECK(!file.set(account / "FullName", "Ann\n\tbob: nil"));
    CHECK(!file.set(account / "FullName", std::string("a\0b", 3)));
    CHECK(!file.set(account / "Destinations", "x"));
    CHECK(!file.set(account / "Domain" / "x", "y"));
    CHECK(!file.add(top / "Domains" / "x", "Key\n") && !file.add(top / "Domains" / "x", "Key: a\n\t\tb: c\n") && !file.add(top / "Domains" / "x", "- a\n"));
    CHECK(!file.set(top, "x") && !file.add(top, "x: y") && !file.remove(top));
    CHECK_EQ(odd, file.text());
    CHECK_EQ(Errc::syntax, SconfEdit::parse("Domains\n", described::typeOf<Dynamic>()).error().code);
    // "nil" is no block where a field's text is.
    CHECK(!edit("Accounts:\n\ta:\n\t\tDomain: nil\n").set(top / "Accounts" / "a" / "Domain" / "x", "y"));
    // Empty text stays text.
    auto named = edit();
    good(named.set(account / "FullName", ""));
    CHECK_EQ(std::string(), named.find(account / "FullName")->text);
  }

  void fixture() {
    auto text = test::readData("quickstart.domains.conf");
    auto file = edit(text);
    good(file.set(top / "Accounts" / "me" / "LoginDisabled", "away"));
    good(file.remove(top / "Domains" / "example.org" / "MTASTS"));
    good(file.add(top / "Accounts" / "me" / "Destinations" / "@example.org", ""));
    auto wanted = text;
    test::ConfigFixture::replace(wanted, "\t\tMTASTS:\n\t\t\tPolicyID: 20250418T000000\n\t\t\tMode: enforce\n\t\t\tMaxAge: 24h0m0s\n\t\t\tMX:\n\t\t\t\t- mail.example.org\n", "");
    test::ConfigFixture::replace(wanted, "\t\t\told: nil\n", "\t\t\told: nil\n\t\t\t@example.org: nil\n");
    wanted += "\t\tLoginDisabled: away\n";
    CHECK_EQ(wanted, file.text());
  }

  void undone() {
    auto file = edit();
    good(file.add(top / "Accounts" / "ann" / "Routes" / "x", "y: z\n"));
    good(file.remove(top / "Accounts" / "ann" / "Routes"));
    good(file.add(top / "Domains" / "example.org" / "DKIM", "Sign: x\n"));
    good(file.remove(top / "Domains" / "example.org" / "DKIM"));
    good(file.append(top / "MonitorDNSBLs", "a"));
    good(file.remove(top / "MonitorDNSBLs" / std::size_t(0)));
    CHECK_EQ(odd, file.text());
  }
};
SUITE(SconfEditTest);
