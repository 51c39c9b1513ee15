// room: smtpserver
// sources: support/FakeChannel.cpp support/Dialogue.cpp smtpserver/SmtpWorld.cpp
// A whole SMTP session on a store of its own, on port 25 or for submission, whatever the client says: it never throws, keeps the
// contract of its channel (which throws otherwise), and each of its lines is a reply of RFC 5321 §4.2.
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string_view>

#include "base/Text.h"
#include "smtpserver/SmtpWorld.h"
#include "support/FakeChannel.h"

using namespace mox;

namespace {

constexpr int inputsPerWorld = 300;  ///< so that what one input left behind is met by few others

struct House {
  smtpserver::Kind kind;
  std::unique_ptr<test::SmtpWorld> current = nullptr;
  int inputs = 0;

  test::SmtpWorld& world() {
    if (inputs++ % inputsPerWorld == 0) {
      current.reset();
      current = std::make_unique<test::SmtpWorld>(kind);
    }
    return *current;
  }
};

void requireReplies(std::string_view output) {
  if (!output.ends_with("\r\n")) std::abort();
  output.remove_suffix(2);
  for (auto line : split(output, '\n')) {
    if (line.ends_with('\r')) line.remove_suffix(1);
    bool isReply = line.size() >= 4 && line[0] >= '2' && line[0] <= '5' && isDigit(line[1]) && isDigit(line[2]) && (line[3] == ' ' || line[3] == '-');
    if (!isReply || line.find('\r') != std::string_view::npos || line.size() > 510) std::abort();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static House delivery{smtpserver::Kind::delivery}, submission{smtpserver::Kind::submission};
  if (size == 0) return 0;
  std::string_view input(reinterpret_cast<const char*>(data + 1), size - 1);
  bool isSubmission = (data[0] & 1) != 0, bytewise = (data[0] & 2) != 0, begun = (data[0] & 4) != 0;
  auto& house = (isSubmission ? submission : delivery).world();
  auto session = house.connect();
  test::FakeChannel channel(*session, house.clock());
  if (house.implicitTls()) channel.openTls();
  else channel.open();
  if (begun) channel.feed("EHLO client.example\r\n");
  if (begun && isSubmission) channel.feed("AUTH PLAIN AG1qbEBtb3guZXhhbXBsZQB0ZXN0MTIzNA==\r\n");
  if (bytewise) channel.feedBytewise(input);
  else channel.feed(input);
  channel.advance(std::chrono::hours(1));
  requireReplies(channel.output());
  if (!channel.ended()) channel.peerCloses();
  house.queue.added.clear();
  return 0;
}
