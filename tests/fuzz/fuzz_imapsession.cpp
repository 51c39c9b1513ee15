// room: imapserver
// sources: support/FakeChannel.cpp support/Dialogue.cpp imapserver/ImapWorld.cpp
// A whole IMAP session on a store of its own, whatever the client says: it never throws, keeps the contract of its channel
// (which throws otherwise), and what it answers ends with a line. The first octet chooses how the octets come.
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string_view>

#include "imapserver/ImapWorld.h"
#include "support/FakeChannel.h"

using namespace mox;

namespace {

constexpr int inputsPerWorld = 300;  ///< so that what one input left behind is met by few others

test::ImapWorld& world() {
  static std::unique_ptr<test::ImapWorld> current;
  static int inputs = 0;
  if (inputs++ % inputsPerWorld == 0) {
    current.reset();
    current = std::make_unique<test::ImapWorld>();
    current->deliverAll("mjl", "Inbox", {"Subject: one\r\n\r\nbody\r\n",
                                         "From: a@b.example\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\ntext\r\n--b\r\n"
                                         "Content-Type: text/html\r\nContent-Transfer-Encoding: base64\r\n\r\nPGI+eDwvYj4=\r\n--b--\r\n"});
  }
  return *current;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  std::string_view input(reinterpret_cast<const char*>(data + 1), size - 1);
  auto& house = world();
  auto session = house.connect();
  test::FakeChannel channel(*session, house.clock());
  channel.openTls();
  bool logIn = (data[0] & 1) != 0, bytewise = (data[0] & 2) != 0, steps = (data[0] & 4) != 0;
  if (logIn) channel.feed("l LOGIN mjl@mox.example test1234\r\ns SELECT Inbox\r\n");
  if (steps) channel.setReader(test::FakeChannel::Reader::steps);
  if (bytewise) channel.feedBytewise(input);
  else channel.feed(input);
  while (channel.drainStep()) {
  }
  channel.advance(std::chrono::hours(1));
  while (channel.drainStep()) {
  }
  const auto& output = channel.output();
  if (!output.ends_with("\r\n")) std::abort();
  if (!channel.ended()) channel.peerCloses();
  return 0;
}
