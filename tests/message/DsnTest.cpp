#include "message/Dsn.h"

#include "base/Text.h"
#include "message/HeaderFields.h"
#include "support/Test.h"

using namespace mox;
using namespace mox::message;

namespace {

Dsn sample(bool utf8) {
  auto mx = Domain::make("mx.example").value();
  return Dsn{utf8, {"", {Localpart::make("postmaster").value(), mx}}, {Localpart::make("sender").value(), Domain::make("example.org").value()},
             "mail delivery failed", "Sorry.\n", mx, "env1", Host(Domain::make("client.example").value()), fromUnixSeconds(0), "",
             {}, "Orig@Example.org", "Subject: hello\r\nMessage-ID: <Orig@Example.org>\r\n"};
}

DsnRecipient failed(std::string_view localpart) {
  DsnRecipient r{{Localpart::make(localpart).value(), Domain::make("remote.example").value()}, "rfc822;orig@remote.example", DsnAction::failed, "5.1.1",
                 "no (such) user", "mail.remote.example", "550-5.1.1 No\r\nsuch\nBcc: x@y\r\n550 user", fromUnixSeconds(60), fromUnixSeconds(120)};
  return r;
}

}  // namespace

struct DsnTest : test::Suite<DsnTest> {
  static void list(List& l) {
    l.add("written and read back", &DsnTest::roundTrip);
    l.add("remote text is harmless", &DsnTest::hostile);
    l.add("RFC 3464 appendix E", &DsnTest::rfc3464);
    l.add("what is no report", &DsnTest::none);
  }

  void roundTrip() {
    for (bool utf8 : {false, true}) {
      auto dsn = sample(utf8);
      dsn.recipients = {failed("user"), failed("\xc3\xbcser+x")};
      dsn.recipients[1].action = DsnAction::delayed;
      dsn.recipients[1].status = "junk";
      FakeRandom random;
      auto message = composeDsn(dsn, fromUnixSeconds(1'000), random).value();
      auto p = parse(message);
      CHECK(p.isDsn && p.hasBody);
      CHECK_EQ(utf8, p.has8bit);
      CHECK(!p.hasBareLf && !p.utf8Headers);
      CHECK_EQ(std::string("postmaster@mx.example"), p.from->text());
      CHECK_EQ(std::string("orig@example.org"), p.references.at(0));
      CHECK_EQ(std::string(utf8 ? "global-delivery-status" : "delivery-status"), p.root.children[1].subtype);
      CHECK_EQ(std::string(utf8 ? "global-headers" : "rfc822-headers"), p.root.children[2].subtype);
      auto report = parseDsn(p.root, message).value();
      CHECK_EQ(std::string("mx.example"), report.reportingMta);
      CHECK_EQ(std::string("env1"), report.originalEnvelopeId);
      CHECK_EQ(std::string("orig@example.org"), report.originalMessageId);
      CHECK(report.arrivalDate == fromUnixSeconds(0));
      CHECK_EQ(std::size_t(2), report.recipients.size());
      const auto& a = report.recipients[0];
      CHECK_EQ(std::string("user@remote.example"), a.finalRecipient);
      CHECK_EQ(std::string("orig@remote.example"), a.originalRecipient);
      CHECK(a.action == DsnAction::failed && a.smtpCode == 550 && a.lastAttempt == fromUnixSeconds(60) && !a.willRetryUntil);
      CHECK_EQ(std::string("5.1.1"), a.status);
      CHECK_EQ(std::string("no (such) user"), a.statusComment);
      CHECK_EQ(std::string("mail.remote.example"), a.remoteMta);
      CHECK_EQ(std::string("550-5.1.1 No such Bcc: x@y 550 user"), a.diagnosticCode);
      const auto& b = report.recipients[1];
      CHECK_EQ(std::string("\xc3\xbcser+x@remote.example"), b.finalRecipient);
      CHECK_EQ(std::string("4.0.0"), b.status);
      CHECK(b.action == DsnAction::delayed && b.willRetryUntil == fromUnixSeconds(120));
    }
  }

  void hostile() {
    auto dsn = sample(false);
    dsn.recipients = {failed("user")};
    std::string evil = "x\r\n\r\n--=_\r\nInjected: yes\r\n\0\xff";
    evil += std::string(1'000'000, 'z');
    for (auto* text : {&dsn.recipients[0].diagnosticCode, &dsn.recipients[0].statusComment, &dsn.recipients[0].remoteMta, &dsn.recipients[0].originalRecipient,
                       &dsn.originalEnvelopeId, &dsn.futureRelease, &dsn.originalMessageId, &dsn.text}) *text = evil;
    std::string header;
    for (int i = 0; i < 100'000; ++i) header += "X: y\r\n";
    dsn.originalHeader = header;
    FakeRandom random;
    auto message = composeDsn(dsn, fromUnixSeconds(0), random).value();
    CHECK(isAscii(message));
    auto p = parse(message);
    CHECK_EQ(std::size_t(3), p.root.children.size());
    const auto& status = p.root.children[1];
    CHECK(status.end - status.bodyStart < 8'000);
    CHECK(message.substr(status.bodyStart, status.end - status.bodyStart).find("\nInjected") == std::string::npos);
    CHECK(p.root.children[2].end - p.root.children[2].bodyStart <= maxReturnedHeader);
    CHECK_EQ(std::size_t(1), parseDsn(p.root, message)->recipients.size());
    dsn.subject = "a\nb";
    CHECK(!composeDsn(dsn, fromUnixSeconds(0), random));
  }

  void rfc3464() {
    std::string m =
        "Date: Thu, 7 Jul 1994 17:16:05 -0400\r\nFrom: Mail Delivery Subsystem <MAILER-DAEMON@CS.UTK.EDU>\r\nTo: <owner-info-mime@cs.utk.edu>\r\n"
        "MIME-Version: 1.0\r\nContent-Type: multipart/report; report-type=delivery-status;\r\n      boundary=\"RAA14128.773615765/CS.UTK.EDU\"\r\n"
        "Subject: Returned mail: Cannot send message for 5 days\r\n\r\n--RAA14128.773615765/CS.UTK.EDU\r\n\r\nThe original message was received\r\n"
        "--RAA14128.773615765/CS.UTK.EDU\r\ncontent-type: message/delivery-status\r\n\r\nReporting-MTA: dns; cs.utk.edu\r\n\r\n"
        "Original-Recipient: rfc822;louisl@larry.slip.umd.edu\r\nFinal-Recipient: rfc822;louisl@larry.slip.umd.edu\r\nAction: failed\r\nStatus: 4.0.0\r\n"
        "Diagnostic-Code: smtp; 426 connection timed out\r\nLast-Attempt-Date: Thu, 7 Jul 1994 17:15:49 -0400\r\n\r\n"
        "--RAA14128.773615765/CS.UTK.EDU\r\ncontent-type: message/rfc822\r\n\r\nMessage-ID: <o@x>\r\n\r\nx\r\n--RAA14128.773615765/CS.UTK.EDU--\r\n";
    auto p = parse(m);
    CHECK(p.isDsn);
    auto report = parseDsn(p.root, m).value();
    CHECK_EQ(std::string("cs.utk.edu"), report.reportingMta);
    CHECK_EQ(std::string("o@x"), report.originalMessageId);
    const auto& r = report.recipients.at(0);
    CHECK_EQ(std::string("louisl@larry.slip.umd.edu"), r.finalRecipient);
    CHECK(r.action == DsnAction::failed && r.smtpCode == 426 && r.status == "4.0.0");
    CHECK_EQ(std::string("connection timed out"), r.diagnosticCode.substr(4));
    CHECK(r.lastAttempt.has_value());
  }

  void none() {
    auto read = [](const std::string& m) { return parseDsn(parse(m).root, m).has_value(); };
    CHECK(!read("") && !read("Content-Type: multipart/report; boundary=b\r\n\r\n--b\r\n\r\nx\r\n--b--\r\n"));
    std::string head = "Content-Type: multipart/report; boundary=b\r\n\r\n--b\r\nContent-Type: message/delivery-status\r\n";
    CHECK(!read(head + "\r\nReporting-MTA: dns; x\r\n\r\n"));
    CHECK(!read(head + "Content-Transfer-Encoding: x\r\n\r\nFinal-Recipient: rfc822; a@b\r\n"));
    CHECK(read(head + "Content-Transfer-Encoding: base64\r\n\r\n" + base64("Reporting-MTA: dns; x\nFinal-Recipient: rfc822; a@b\n")));
    std::string many = head + "\r\nReporting-MTA: dns; x\r\n\r\n";
    for (int i = 0; i < 10'000; ++i) many += "Final-Recipient: rfc822; a@b\r\n\r\n";
    CHECK_EQ(maxDsnRecipients, parseDsn(parse(many).root, many)->recipients.size());
  }
};
SUITE(DsnTest);
