// DEFLATE on the engine, RFC 4978; the client is zlib by itself.
#include <zlib.h>

#include "Peer.h"
#include "base/Random.h"
#include "net/Compression.h"

using namespace mox;
using namespace mox::net;
using namespace mox::net::test;

namespace {

/// The client's half, flushed in the way a test chooses.
class Zlib {
 public:
  Zlib() {
    ::deflateInit2(&out_, 6, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY);
    ::inflateInit2(&in_, -15);
  }
  ~Zlib() {
    ::deflateEnd(&out_);
    ::inflateEnd(&in_);
  }
  std::string fold(std::string_view text, int flush = Z_SYNC_FLUSH) { return run(out_, text, [&] { return ::deflate(&out_, flush); }); }
  std::string unfold(std::string_view bytes) { return run(in_, bytes, [&] { return ::inflate(&in_, Z_SYNC_FLUSH); }); }

 private:
  template <class Step>
  static std::string run(z_stream& z, std::string_view from, Step step) {
    std::string to, buffer(64 * 1024, '\0');
    z.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(from.data()));
    z.avail_in = static_cast<uInt>(from.size());
    do {
      z.next_out = reinterpret_cast<Bytef*>(buffer.data());
      z.avail_out = static_cast<uInt>(buffer.size());
      int result = step();
      if (result != Z_OK && result != Z_BUF_ERROR) throw std::runtime_error("zlib");
      to.append(buffer, 0, buffer.size() - z.avail_out);
    } while (z.avail_out == 0);
    return to;
  }
  z_stream out_{}, in_{};
};

class Pieces final : public Producer {
 public:
  bool produce(std::string& out) override {
    for (int i = 0; i < 1000; ++i) out += "line " + std::to_string(left_ * 1000 + i) + " of a long answer\r\n";
    return --left_ > 0;
  }

 private:
  int left_ = 200;
};

}  // namespace

struct CompressionTest : mox::test::Suite<CompressionTest> {
  static void list(List& l) {
    l.add("what is pipelined after the command is compressed already", &CompressionTest::pipelined);
    l.add("each answer leaves at once; input is taken as far as it was flushed", &CompressionTest::flushes);
    l.add("a long answer through a small socket", &CompressionTest::longAnswer);
    l.add("compression inside TLS", &CompressionTest::insideTls);
    l.add("a bomb of lines is eaten piece by piece", &CompressionTest::bombOfLines);
    l.add("a bomb without an end is cut off", &CompressionTest::endlessBomb);
    l.add("what is no DEFLATE ends the connection", &CompressionTest::garbage);
    l.add("unfolding never gives more than there is room for", &CompressionTest::room);
  }

  /// "go" is answered in the clear and starts compression; "long" is answered by Pieces; other lines are echoed.
  static void answer(ScriptSession& s) {
    s.line = [](ScriptSession&, Channel& c, std::string_view text) {
      if (text == "go") {
        c.write("ok\r\n");
        c.startCompression();
      } else if (text == "long") {
        c.stream(std::make_unique<Pieces>());
      } else {
        c.write(std::string(text) + "\r\n");
      }
    };
  }

  static std::string line(Peer& peer, Zlib& zlib, std::string& held) {
    while (held.find('\n') == std::string::npos) held += zlib.unfold(peer.bytes(1));
    auto end = held.find('\n') + 1;
    auto out = held.substr(0, end);
    held.erase(0, end);
    return out;
  }

  void pipelined() {
    World world;
    Peer peer(world.listen(answer));
    Zlib zlib;
    std::string held;
    peer.send("go\r\n" + zlib.fold("first\r\nsecond\r\n"));
    CHECK_EQ(std::string("ok\r\n"), peer.line());
    CHECK_EQ(std::string("first\r\n"), line(peer, zlib, held));
    CHECK_EQ(std::string("second\r\n"), line(peer, zlib, held));
  }

  void flushes() {
    World world;
    Peer peer(world.listen(answer));
    Zlib zlib;
    std::string held;
    peer.send("go\r\n");
    CHECK_EQ(std::string("ok\r\n"), peer.line());
    for (int flush : {Z_SYNC_FLUSH, Z_PARTIAL_FLUSH, Z_FULL_FLUSH, Z_BLOCK, Z_PARTIAL_FLUSH}) {
      auto said = "flush " + std::to_string(flush) + "\r\n";
      auto bytes = zlib.fold(said, flush);
      if (flush == Z_BLOCK) bytes += zlib.fold("", Z_SYNC_FLUSH);  // a block's last bits stay inside
      for (char byte : bytes) peer.send(std::string_view(&byte, 1));
      CHECK_EQ(said, line(peer, zlib, held));
    }
  }

  void longAnswer() {
    World world;
    Peer peer(world.listen(answer), 4096);
    converse(peer);
  }

  void insideTls() {
    SystemClock clock;
    SystemRandom random;
    TlsServerOptions options;
    options.certificates = {selfSigned({"a.example"}, clock, random)};
    World world;
    Peer peer(world.listen(answer, TlsContext::server(options).value()));
    TlsClientOptions client;
    client.systemRoots = false;
    peer.startTls(TlsContext::client(client).value());
    converse(peer);
  }

  static void converse(Peer& peer) {
    Zlib zlib;
    peer.send("go\r\n" + zlib.fold("long\r\nafter\r\n"));
    CHECK_EQ(std::string("ok\r\n"), peer.line());
    std::string expected, got;
    Pieces pieces;
    while (pieces.produce(expected)) {
    }
    expected += "after\r\n";
    std::size_t raw = 0;
    while (got.size() < expected.size()) {
      got += zlib.unfold(peer.bytes(1));
      ++raw;
    }
    CHECK(got == expected);
    CHECK_MSG(std::to_string(raw), raw * 3 < expected.size());
  }

  void bombOfLines() {
    World world;
    std::atomic<std::size_t> lines{0};
    Mailbox<int> done;
    Peer peer(world.listen([&](ScriptSession& s) {
      s.line = [&](ScriptSession&, Channel& c, std::string_view text) {
        if (text == "go") {
          c.write("ok\r\n");
          c.startCompression();
        } else if (text == "end") {
          done.put(1);
        } else {
          ++lines;
        }
      };
    }));
    Zlib zlib;
    std::string many;
    for (int i = 0; i < 1'000'000; ++i) many += "x\r\n";
    auto bomb = zlib.fold(many + "end\r\n");
    CHECK(bomb.size() < 20'000);
    peer.send("go\r\n" + bomb);
    done.take();
    CHECK_EQ(std::size_t{1'000'000}, lines.load());
  }

  void endlessBomb() {
    World world;
    Peer peer(world.listen(answer));
    Zlib zlib;
    peer.send("go\r\n" + zlib.fold(std::string(50'000'000, 'x')));
    CHECK(world.ends.take().end == End::closed);  // onOverrun() closes
  }

  void garbage() {
    World world;
    Peer peer(world.listen(answer));
    peer.send("go\r\n");
    CHECK_EQ(std::string("ok\r\n"), peer.line());
    peer.send("this is no deflate\r\n");
    auto ended = world.ends.take();
    CHECK(ended.end == End::reset);
    CHECK_EQ(std::string("malformed compressed data"), ended.detail);
  }

  void room() {
    Zlib zlib;
    Compression compression;
    compression.give(zlib.fold(std::string(1'000'000, 'x')));
    std::string out;
    std::size_t steps = 0;
    while (compression.hasInput()) {
      auto before = out.size();
      CHECK(compression.take(out, 1000));
      CHECK(out.size() - before <= 1000);
      ++steps;
    }
    CHECK_EQ(std::size_t{1'000'000}, out.size());
    CHECK(steps >= 1000);
  }
};
SUITE(CompressionTest);
