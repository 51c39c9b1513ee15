#include <vector>

#include "smtp/DataReader.h"
#include "smtp/DotStuffer.h"
#include "support/Test.h"

using namespace mox;
using namespace mox::smtp;
using namespace std::string_literals;

namespace {

struct Outcome {
  std::string message;
  std::size_t consumed = 0;
  bool done = false, refused = false, tooLarge = false, nul = false, bareLf = false;
  std::uint64_t size = 0;
  friend bool operator==(const Outcome&, const Outcome&) = default;
};

/// Cuts the input at the given offsets.
Outcome read(std::string_view input, const std::vector<std::size_t>& cuts, DataReader::Options options = {}) {
  Outcome out;
  DataReader reader(options, [&](std::string_view piece) { out.message += piece; });
  std::size_t from = 0;
  auto give = [&](std::size_t to) {
    while (from < to && !reader.done()) {
      auto used = reader.feed(input.substr(from, to - from));
      CHECK(used > 0);
      from += used;
    }
  };
  for (auto cut : cuts) give(cut);
  give(input.size());
  if (reader.refused()) out.message.clear();  // what a refused message held does not matter
  out.consumed = from;
  out.done = reader.done();
  out.refused = reader.refused();
  out.tooLarge = reader.tooLarge();
  out.nul = reader.sawNul();
  out.bareLf = reader.sawBareLf();
  out.size = reader.size();
  return out;
}

/// Reads whole, in single octets, and at every one and two cuts; all must agree.
Outcome readEveryWay(const std::string& input, DataReader::Options options = {}) {
  const Outcome whole = read(input, {}, options);
  std::vector<std::size_t> each;
  for (std::size_t i = 0; i <= input.size(); ++i) each.push_back(i);
  CHECK_MSG("bytewise", whole == read(input, each, options));
  for (std::size_t i = 0; i <= input.size(); ++i) {
    CHECK_MSG("cut at " + std::to_string(i), whole == read(input, {i}, options));
    for (std::size_t k = i; k <= input.size(); ++k) CHECK_MSG("cuts", whole == read(input, {i, k}, options));
  }
  return whole;
}

std::string stuff(std::string_view message, std::size_t step = 1 << 20) {
  DotStuffer stuffer;
  std::string out;
  for (std::size_t at = 0; at < message.size(); at += step)
    if (auto done = stuffer.add(message.substr(at, step), out); !done) return "error: " + done.error().text;
  if (auto done = stuffer.finish(out); !done) return "error: " + done.error().text;
  return out;
}

}  // namespace

struct SmtpDataTest : test::Suite<SmtpDataTest> {
  static void list(List& l) {
    l.add("plain messages", &SmtpDataTest::plain);
    l.add("smuggling sequences, hostile inputs 1-9, at every split", &SmtpDataTest::smuggling);
    l.add("bare CR anywhere, hostile input 10", &SmtpDataTest::bareCr);
    l.add("bare LF is stored as CRLF, or refused", &SmtpDataTest::bareLf);
    l.add("NUL", &SmtpDataTest::nul);
    l.add("what follows the end is not touched", &SmtpDataTest::pipelined);
    l.add("size limit and discarding find the end", &SmtpDataTest::sizes);
    l.add("large pieces stay large", &SmtpDataTest::pieces);
    l.add("many bare CRs and LFs stay linear", &SmtpDataTest::linear);
    l.add("stuffing", &SmtpDataTest::stuffing);
    l.add("stuffing refuses what could smuggle, hostile input 12", &SmtpDataTest::stuffingRefuses);
    l.add("stuffer then reader is identity", &SmtpDataTest::identity);
  }

  void plain() {
    CHECK_EQ(""s, readEveryWay(".\r\n").message);
    CHECK_EQ("\r\n"s, readEveryWay("\r\n.\r\n").message);
    CHECK_EQ("a: b\r\n\r\nc\r\n"s, readEveryWay("a: b\r\n\r\nc\r\n.\r\n").message);
    CHECK_EQ(".\r\n..x\r\n.y\r\n"s, readEveryWay("..\r\n...x\r\n..y\r\n.\r\n").message);
    CHECK_EQ("x\r\n"s, readEveryWay(".x\r\n.\r\n").message);  // not what a sender should do, but the dot goes
    auto out = readEveryWay("a\r\n.b\r\n.\r\n");
    CHECK(out.done && !out.refused && !out.bareLf);
    CHECK_EQ(std::uint64_t(6), out.size);
    CHECK(!readEveryWay("a\r\n.\r").done);
    CHECK(!readEveryWay("a.\r\n").done);
  }

  void smuggling() {
    const std::vector<std::string> sequences = {"\n.\n",       "\n.\r\n",         "\r\n.\n",      "\r.\r",          "\r\n.\r",  "\r\n.\r\r\n",
                                                "\r\r\n.\r\r\n", "\r\n\0.\r\n"s, "\r\n.\0\r\n"s, "\r.\r\n",        "\r\n.\r.\r\n", "\n\0.\r\n"s,
                                                "\r\n\0.\0\r\n"s, "\r.\n",       "\n.\r",        "\r\n.\0\n"s,     "\r\n\0.\n"s};
    for (const auto& sequence : sequences) {
      std::string input = "a: b\r\n\r\nx" + sequence + "MAIL FROM:<e@v.il>\r\ny\r\n.\r\n";
      auto out = readEveryWay(input);
      CHECK_MSG("done", out.done);
      CHECK_MSG("refused", out.refused);
      CHECK_EQ(input.size(), out.consumed);
    }
    // At the very start of the data too.
    for (std::string input : {".\nx\r\n.\r\n"s, "\0.\r\nx\r\n.\r\n"s, ".\rx\r\n.\r\n"s, ".\r\r\nx\r\n.\r\n"s}) {
      auto out = readEveryWay(input);
      CHECK(out.done && out.refused && out.consumed == input.size());
    }
  }

  void bareCr() {
    for (std::string message : {"a\rb: c\r\n\r\nd\r\n", "a: b\r\n\r\nc\rd\r\n", "\r\r\n", "a\r\r\n", "\r\n\rx\r\n"}) {
      auto out = readEveryWay(message + ".\r\n");
      CHECK(out.done && out.refused);
    }
    // A CR as the last octet of a piece, with its LF in the next, is no bare CR (mox had that wrong).
    std::string line(10'000, 'x');
    for (std::size_t cut : {4095, 4096, 4097, 10'000, 10'001, 10'002}) CHECK(!read(line + "\r\n.\r\n", {cut}).refused);
  }

  void bareLf() {
    auto out = readEveryWay("a\nb\n\n.c\nd\r\n.\r\n");
    CHECK(out.done && !out.refused && out.bareLf);
    CHECK_EQ("a\r\nb\r\n\r\n.c\r\nd\r\n"s, out.message);
    CHECK_EQ(std::uint64_t(out.message.size()), out.size);
    DataReader::Options strict;
    strict.refuseBareLf = true;
    CHECK(readEveryWay("a\nb\r\n.\r\n", strict).refused);
    CHECK(!readEveryWay("a\r\nb\r\n.\r\n", strict).refused);
  }

  void nul() {
    auto out = readEveryWay("a\0b\r\n\0\r\n.\0x\r\n\0.x\r\n.\r\n"s);
    CHECK(out.done && !out.refused && out.nul);
    CHECK_EQ("a\0b\r\n\0\r\n\0x\r\n\0.x\r\n"s, out.message);
    DataReader::Options strict;
    strict.refuseNul = true;
    CHECK(readEveryWay("a\0b\r\n.\r\n"s, strict).refused);
    CHECK(!readEveryWay("ab\r\n.\r\nNOOP\0"s, strict).refused);
  }

  void pipelined() {
    std::string input = "x\r\n.\r\nMAIL FROM:<>\r\n";
    auto out = readEveryWay(input);
    CHECK(out.done);
    CHECK_EQ(std::size_t(6), out.consumed);
    CHECK_EQ("x\r\n"s, out.message);
  }

  void sizes() {
    DataReader::Options small;
    small.maxSize = 4;
    CHECK(!read("ab\r\n.\r\n", {}, small).tooLarge);
    auto out = read("abc\r\n.\r\nQUIT", {}, small);
    CHECK(out.tooLarge && out.done);
    CHECK_EQ(std::size_t(8), out.consumed);
    CHECK_EQ(std::uint64_t(5), out.size);
    CHECK(out.message.size() <= 4);
    std::string got;
    DataReader reader({}, [&](std::string_view piece) { got += piece; });
    reader.feed("ab\r\n");
    reader.discard();
    CHECK_EQ(std::size_t(8), reader.feed("cde\r\n.\r\n"));
    CHECK(reader.done());
    CHECK_EQ("ab\r\n"s, got);
    CHECK_EQ(std::size_t(0), reader.feed("more"));
  }

  void pieces() {
    std::string input;
    while (input.size() < 60'000) input += "the quick brown fox jumps over the lazy dog\r\n";
    std::size_t calls = 0;
    DataReader reader({}, [&](std::string_view) { ++calls; });
    reader.feed(input);
    CHECK_EQ(std::size_t(1), calls);
    std::string lfs(60'000, '\n');
    calls = 0;
    DataReader again({}, [&](std::string_view) { ++calls; });
    again.feed(lfs);
    CHECK(calls <= 3);
  }

  void linear() {
    // Quadratic search would take minutes here.
    for (char c : {'\r', '\n', '.', '\0'}) {
      std::string input(4 << 20, c);
      auto out = read(input + "\r\nx\r\n.\r\n", {});
      CHECK(out.done);
    }
    std::string pairs;
    for (int i = 0; i < 1'000'000; ++i) pairs += "x\r";
    CHECK(read(pairs + "\r\n.\r\n", {}).refused);
  }

  void stuffing() {
    CHECK_EQ(".\r\n"s, stuff(""));
    CHECK_EQ("a\r\n.\r\n"s, stuff("a"));
    CHECK_EQ("a\r\n.\r\n"s, stuff("a\r\n"));
    CHECK_EQ("..\r\n...\r\na.\r\n..b\r\n.\r\n"s, stuff(".\r\n..\r\na.\r\n.b"));
    const std::string message = ".a\r\n\r\n.\r\n..\r\nb.c\r\n.";
    for (std::size_t step = 1; step < message.size(); ++step) CHECK_EQ(stuff(message), stuff(message, step));
  }

  void stuffingRefuses() {
    for (std::string bad : {"a\nb"s, "a\rb"s, "\n"s, "\r"s, "a\r"s, "a\r\r\n"s, "\n.\n"s, "\r\n.\n"s, "\r\n\0.\r\n"s, "a\0"s, "a\r\n\n"s})
      for (std::size_t step = 1; step <= bad.size(); ++step) CHECK_MSG(bad, stuff(bad, step).starts_with("error: "));
  }

  void identity() {
    for (std::string message : {"", "\r\n", ".\r\n", "..\r\n.\r\n", "a\r\n.\r\n.\r\nb\r\n", "...x\r\n\r\n.\r\n"}) {
      auto out = readEveryWay(stuff(message));
      CHECK(out.done && !out.refused);
      CHECK_EQ(message, out.message);
    }
  }
};
SUITE(SmtpDataTest);
