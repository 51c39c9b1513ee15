#include "base/Date.h"

#include "support/Test.h"

using namespace mox;

struct DateTest : test::Suite<DateTest> {
  static void list(List& l) {
    l.add("RFC 5322 appendix A.5 and A.6 dates", &DateTest::rfc5322);
    l.add("sloppy dates of real mail", &DateTest::sloppy);
    l.add("no dates", &DateTest::noDates);
    l.add("RFC 3339", &DateTest::rfc3339Both);
    l.add("IMAP date-time and date", &DateTest::imap);
  }

  static std::string zoned(const char* text) {
    auto d = parseRfc5322Date(text);
    return d ? rfc5322Date(d->time) : "none";
  }

  void rfc5322() {
    CHECK_EQ(std::string("Fri, 21 Nov 1997 15:55:06 +0000"), zoned("Fri, 21 Nov 1997 09:55:06 -0600"));
    CHECK_EQ(std::string("Fri, 21 Nov 1997 09:55:06 +0000"), zoned("21 Nov 97 09:55:06 GMT"));
    CHECK_EQ(std::string("Thu, 13 Feb 1969 23:32:00 +0000"), zoned("Thu,\r\n      13\r\n        Feb\r\n          1969\r\n      23:32\r\n               -0000 (Newfoundland Time)").substr(0, 31));
  }

  void sloppy() {
    CHECK_EQ(std::string("Fri, 21 Nov 1997 14:55:06 +0000"), zoned("Friday, 21 November 1997 09:55:06 EST (Eastern (US))"));
    CHECK_EQ(std::string("Sat, 01 Jan 2005 00:00:00 +0000"), zoned("1 jan 05 00:00 XYZ"));
    CHECK_EQ(std::string("Sat, 31 Dec 2016 23:59:59 +0000").substr(0, 16), zoned("31 Dec 2016 23:59:59 +0000").substr(0, 16));
    CHECK_EQ(std::string("Sun, 01 Jan 2017 00:00:00 +0000"), zoned("31 Dec 2016 23:59:60 +0000"));  // leap second
  }

  void noDates() {
    for (const char* bad : {"", "yesterday", "32 Jan 2020 00:00 +0000", "29 Feb 2019 00:00 +0000", "1 Jan 0000 00:00 +0000",
                            "1 Jan 2020 24:00 +0000", "1 Jan 2020 00:60 +0000", "1 Jan 99999 00:00 +0000", "(((((("})
      CHECK_EQ(std::string("none"), zoned(bad));
  }

  void rfc3339Both() {
    CHECK_EQ(std::string("2024-02-29T12:00:00Z"), rfc3339Seconds(*parseRfc3339("2024-02-29T13:00:00.25+01:00")));
    CHECK(!parseRfc3339("2024-02-30T13:00:00Z"));
    CHECK(!parseRfc3339("2024-02-29 13:00:00"));
    CHECK_EQ(std::string("2023-11-14T22:13:20.000Z"), rfc3339(FakeClock().now()));
  }

  void imap() {
    auto d = parseImapDateTime("17-Jul-1996 02:44:25 -0700");
    CHECK(d.has_value());
    CHECK_EQ(-420, d->zoneMinutes);
    CHECK_EQ(std::string("17-Jul-1996 09:44:25 +0000"), imapDateTime(d->time));
    CHECK_EQ(std::string(" 1-Feb-1994 00:00:00 +0000"), imapDateTime(parseImapDateTime(" 1-Feb-1994 00:00:00 +0000")->time));
    CHECK(!parseImapDateTime("1-Feb-1994 00:00:00 +0000"));
    CHECK_EQ(0, *parseImapDate("1-Jan-1970"));
    CHECK_EQ(31, *parseImapDate("01-Feb-1970"));
    CHECK(!parseImapDate("31-Feb-1970"));
  }
};
SUITE(DateTest);
