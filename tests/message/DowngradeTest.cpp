#include "message/Downgrade.h"

#include "base/Text.h"
#include "base/Unicode.h"
#include "message/DowngradeHeader.h"
#include "support/Test.h"

using namespace mox;
using namespace mox::message;

namespace {

Downgraded downgraded(const std::string& text, DowngradeNeeds needs) {
  return Downgraded(parse(text).root, text.size(), needs,
                    [text](std::uint64_t offset, std::size_t count, std::string& out) {
                      if (offset < text.size()) out.append(text, static_cast<std::size_t>(offset), count);
                    });
}

std::string octets(const Downgraded& message) {
  std::string out;
  message.readInto(0, static_cast<std::size_t>(message.size()), out);
  return out;
}

std::string header(const std::string& fields) { return downgradeHeader(fields, {true, "", true}); }

}  // namespace

struct DowngradeTest : mox::test::Suite<DowngradeTest> {
  static void list(List& l) {
    l.add("texts", &DowngradeTest::texts);
    l.add("addresses", &DowngradeTest::addressLists);
    l.add("parameters", &DowngradeTest::parameters);
    l.add("what is ASCII stays octet for octet", &DowngradeTest::untouched);
    l.add("tree, size and lines are those of the octets", &DowngradeTest::consistent);
    l.add("any piece of the octets is the same as of the whole", &DowngradeTest::pieces);
    l.add("messages without a header, parts without one", &DowngradeTest::bare);
  }

  void texts() {
    CHECK_EQ(std::string("Subject: =?utf-8?b?Y2Fmw6k=?= au lait\r\n"), header("Subject: caf\xc3\xa9 au lait\r\n"));
    // Unmarked octets of an old charset are not UTF-8: as they are.
    CHECK_EQ(std::string("Subject: caf\xe9\r\n"), header("Subject: caf\xe9\r\n"));
    CHECK_EQ(std::string("To: J\xf6rg <j@x.example>\r\nX: =?utf-8?b?w6k=?=\r\n"), header("To: J\xf6rg <j@x.example>\r\nX: \xc3\xa9\r\n"));
    // White space next to another encoded word must not get lost.
    CHECK_EQ(std::string("X: =?utf-8?q?a?= =?utf-8?b?IMOp?= b\r\n"), header("X: =?utf-8?q?a?=\r\n \xc3\xa9 b\r\n"));
    CHECK_EQ(std::string("X: =?utf-8?b?w6kg?= =?utf-8?q?a?=\r\n"), header("X: \xc3\xa9 =?utf-8?q?a?=\r\n"));
    CHECK_EQ(std::string("X: ab\r\n"), header(std::string("X: a\0b\r\n", 9)));
  }

  void addressLists() {
    CHECK_EQ(std::string("To: =?utf-8?b?SsO2cmc=?= <j@x.example>, \"a, b\" <c@x.example>\r\n"),
             header("To: J\xc3\xb6rg <j@x.example>, \"a, b\" <c@x.example>\r\n"));
    CHECK_EQ(std::string("To: friends: =?utf-8?b?w6k=?= <a@x.example>;, b@x.example\r\n"),
             header("To: friends: \xc3\xa9 <a@x.example>;, b@x.example\r\n"));
    CHECK_EQ(std::string("From: a@xn--bcher-kva.example\r\n"), header("From: a@b\xc3\xbc" "cher.example\r\n"));
    CHECK(header("From: \"x y\" <\xc3\xa9@x.example>\r\n").find("<invalid@internationalized-address.invalid>") != std::string::npos);
    CHECK_EQ(std::string("Cc: =?utf-8?b?w6k=?= <\"a b\"@x.example>\r\n"), header("Cc: \xc3\xa9 <\"a b\"@x.example>\r\n"));
  }

  void parameters() {
    CHECK_EQ(std::string("Content-Type: multipart/mixed; boundary=\"b c\"; name*=utf-8''%C3%A9\r\n"),
             header("Content-Type: multipart/mixed; boundary=\"b c\"; name=\"\xc3\xa9\"\r\n"));
    CHECK_EQ(std::string("Content-Disposition: attachment; filename*=utf-8''%C3%A9.txt\r\n"),
             header("Content-Disposition: attachment; filename=\xc3\xa9.txt\r\n"));
    CHECK_EQ(std::string("Content-Disposition: attachment; filename=\xe9.txt\r\n"), header("Content-Disposition: attachment; filename=\xe9.txt\r\n"));
    CHECK(isAscii(header("Content-Type: \xc3\xa9; name=a\r\n")));
  }

  void untouched() {
    std::string ascii = "From:a@b (x)\n  folded\r\nX-\tno field\r\n\r\n";
    CHECK_EQ(ascii, header(ascii));
    CHECK_EQ("From : <a@b>\r\nX: =?utf-8?b?w6k=?=\r\n\r\n" + std::string(), header("From : <a@b>\r\nX: \xc3\xa9\r\n\r\n"));
    CHECK_EQ(std::string("X: \xc3\xa9\r\n\r\n"), downgradeHeader("X: \xc3\xa9\r\n\r\n", {}));
  }

  /// Whatever is downgraded parses to the tree that was told.
  void check(const std::string& text) {
    auto parsed = parse(text);
    for (DowngradeNeeds needs : {DowngradeNeeds{parsed.utf8Headers, parsed.hasNul}, DowngradeNeeds{false, parsed.hasNul}}) {
      auto message = downgraded(text, needs);
      auto out = octets(message);
      CHECK_EQ(message.size(), std::uint64_t(out.size()));
      auto again = parse(out);
      CHECK_EQ(hex(encode(again.root)), hex(encode(message.tree())));
      CHECK(!again.hasNul);
      CHECK(!needs.headers || !again.utf8Headers || !isUtf8(text));
    }
  }

  void consistent() {
    std::string nul(1, '\0');
    check("Subject: \xc3\xa9\r\n\r\nbody\r\n");
    check("Subject: x\r\n\r\na" + nul + "b");
    check("Content-Type: multipart/mixed; boundary=b\r\nX: \xe9\r\n\r\npre" + nul + "\r\n--b\r\nX: \xe9\r\n\r\none\r\n--b\r\n\r\n" + nul +
          "\r\n--b\r\nContent-Type: message/rfc822\r\n\r\nSubject: \xe9\xe9 " + std::string(200, 'x') + " \xe9\r\n\r\n" + std::string(500, '\0') +
          "\r\n--b--\r\nafter" + nul);
    check("Content-Type: message/rfc822\r\n\r\nContent-Type: multipart/digest; boundary=\"c\"\r\n\r\n--c\r\n\r\nSubject: \xc3\xa9\r\n\r\nx\r\n--c--\r\n");
    check("Content-Transfer-Encoding: base64\r\nSubject: \xc3\xa9\r\n\r\nYW" + nul + "Jj\r\n");
    check("Content-Type: multipart/mixed\r\nSubject: \xc3\xa9\r\n\r\n" + nul);
    // A line that is no field because of its NUL ends the header, and must not become one.
    check("Content-Transfer-Encoding: x-odd\r\nX" + nul + "Y: \xff\r\n");
    // Without its NUL a name means something: then it did before.
    auto mixed = "Content-Type: multipart/mixed; bound" + nul + "ary=ab\r\n\r\n--ab\r\nSubject: \xc3\xa9" + nul + "\r\n\r\nx\r\n--ab--\r\n";
    CHECK_EQ(std::size_t(1), parse(mixed).root.children.size());
    check(mixed);
    // A control character in a name keeps it from meaning something, also when it is not there any more.
    check("Content-Type: multipart/mixed; boundary\x10=ab" + nul + "\r\n\r\n--ab\r\nSubject: \xc3\xa9\r\n\r\nx\r\n--ab--\r\n");
    check("Content-Type: multipart/mixed; boundary\x10=ab\r\nX: \xc3\xa9\r\n\r\n--ab\r\nSubject: \xc3\xa9\r\n\r\nx\r\n--ab--\r\n");
    check("Content-Type: " + nul + "/" + nul + "; a" + nul + "=b\r\nContent-Disposition: " + nul + "inline\r\nContent-Language: " + nul + "\r\nX: \xc3\xa9\r\n\r\n");
  }

  void pieces() {
    std::string text = "Subject: \xc3\xa9\r\nContent-Type: application/x\r\n\r\n";
    for (int i = 0; i < 300; ++i) text += static_cast<char>(i);
    auto message = downgraded(text, {true, true});
    auto whole = octets(message);
    for (std::size_t offset = 0; offset <= whole.size(); offset += 7)
      for (std::size_t count : {std::size_t{1}, std::size_t{13}, std::size_t{78}, std::size_t{400}}) {
        std::string piece;
        message.readInto(offset, count, piece);
        CHECK_EQ(whole.substr(offset, count), piece);
      }
  }

  void bare() {
    std::string nul(3, '\0');
    CHECK_EQ(std::string("MIME-Version: 1.0\r\nContent-Transfer-Encoding: base64\r\n\r\nAAAA\r\n"), octets(downgraded(nul, {false, true})));
    CHECK_EQ(std::string("Subject: x\r\nMIME-Version: 1.0\r\nContent-Transfer-Encoding: base64\r\n\r\nAAAA\r\n"),
             octets(downgraded("Subject: x\r\n\r\n" + nul, {false, true})));
    CHECK_EQ(std::string(""), octets(downgraded("", {true, true})));
  }
};
SUITE(DowngradeTest);
