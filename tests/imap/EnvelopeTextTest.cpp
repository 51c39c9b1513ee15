// What renderEnvelope writes is read back as it was.
#include "imap/EnvelopeText.h"

#include "imap/Structure.h"
#include "support/Test.h"

using namespace mox;

struct EnvelopeTextTest : test::Suite<EnvelopeTextTest> {
  static void list(List& l) {
    l.add("what was rendered comes back", &EnvelopeTextTest::identity);
    l.add("anything else is nothing", &EnvelopeTextTest::refused);
  }

  void identity() {
    for (std::string text : {"", "Subject: a \"quoted\\ thing\"\r\n\r\n", "From: =?utf-8?q?x?= <a@b>\r\nTo: g: c@d, e@f;, h@i\r\nDate: now\r\nMessage-ID: <x@y>\r\nIn-Reply-To: <z@y>\r\n\r\n",
                             "Subject: \xc3\xa9\xff\r\nCc: NIL <nil@nil>\r\nBcc: \"(\" <a@b>\r\n\r\n"}) {
      auto envelope = message::parse(text).root.envelope.value();
      auto rendered = imap::renderEnvelope(envelope);
      auto back = imap::parseEnvelope(rendered);
      CHECK_MSG(rendered, back.has_value());
      CHECK_EQ(rendered, imap::renderEnvelope(*back));
      CHECK(back->subject == envelope.subject && back->from.size() == envelope.from.size() && back->to.size() == envelope.to.size());
    }
  }

  void refused() {
    auto good = imap::renderEnvelope(message::parse("Subject: some\r\nFrom: a <b@c>\r\n\r\n").root.envelope.value());
    CHECK(imap::parseEnvelope(good).has_value());
    for (std::size_t cut = 0; cut < good.size(); ++cut) CHECK_MSG(std::to_string(cut), !imap::parseEnvelope(good.substr(0, cut)));
    CHECK(!imap::parseEnvelope(good + " "));
    CHECK(!imap::parseEnvelope("(NIL {99999999999999999999}\r\nx"));
    CHECK(!imap::parseEnvelope("(NIL {9}\r\nx"));
    CHECK(!imap::parseEnvelope("(NIL \"\\"));
  }
};
SUITE(EnvelopeTextTest);
