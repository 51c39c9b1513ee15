// room: smtp
// sources: support/FakeChannel.cpp
// A whole session as client of a server that says anything: it ends by itself, each transaction has one result with one line
// a recipient, "delivered" only after a 2yz to the final dot, and what we send are lines. The first octet chooses what we want.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "base/Text.h"
#include "smtp/ClientFixture.h"

using namespace mox;
using namespace mox::smtp;

namespace {

struct Wish {
  bool bytewise, begun, asks, parks, many;
  ClientTls tls;

  explicit Wish(std::uint8_t octet)
      : bytewise((octet & 1) != 0), begun((octet & 2) != 0), asks((octet & 4) != 0), parks((octet & 8) != 0), many((octet & 16) != 0),
        tls((octet & 32) != 0 ? ClientTls::required : ClientTls::opportunistic) {}
};

void require(bool holds) {
  if (!holds) std::abort();
}

void requireOneLine(std::string_view text) {
  for (char c : text) require(static_cast<unsigned char>(c) >= 0x20 && c != 0x7f);
}

void checkResult(const RecipientResult& result) {
  require(result.code == 0 || (result.code >= 200 && result.code <= 599));
  if (result.outcome == Outcome::delivered) require(result.code / 100 == 2 && result.local == LocalReason::none);
  if (result.outcome == Outcome::permanent) require(result.code / 100 == 5 || result.local != LocalReason::none);
  requireOneLine(result.text);
  requireOneLine(result.enhanced);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  Wish wish(data[0]);
  std::string_view input(reinterpret_cast<const char*>(data + 1), size - 1);
  smtp::test::ClientFixture client;
  client.options.tls = wish.tls;
  if (wish.asks) {
    client.options.auth = ClientAuth{{"user", "pencil", ""}};
    client.options.auth->mechanisms.insert(client.options.auth->mechanisms.end(), {"PLAIN", "LOGIN"});
  }
  client.owner->parks = wish.parks;
  std::vector<std::size_t> recipients = wish.many ? std::vector<std::size_t>{3, 120} : std::vector<std::size_t>{1};
  for (auto count : recipients) {
    std::vector<std::string> to;
    for (std::size_t i = 0; i < count; ++i) to.push_back("r" + std::to_string(i) + "@remote.example");
    client.owner->todo.push_back(smtp::test::transaction("a@b.example", to));
  }
  client.start();
  auto& channel = *client.channel;
  if (wish.begun) channel.feed("220 mx.example\r\n250-mx.example\r\n250-PIPELINING\r\n250-SIZE 1000\r\n250-STARTTLS\r\n250 AUTH SCRAM-SHA-256 CRAM-MD5 PLAIN LOGIN\r\n");
  if (!channel.ended() && wish.bytewise) channel.feedBytewise(input);
  else if (!channel.ended()) channel.feed(input);
  channel.advance(std::chrono::hours(24));
  require(channel.ended());  // whatever the server said or left out

  const auto& owner = *client.owner;
  require(owner.closed == 1 && owner.failures.size() <= 1);
  require(owner.results.size() + owner.todo.size() == recipients.size());
  for (std::size_t i = 0; i < owner.results.size(); ++i) {
    require(owner.results[i].recipients.size() == recipients[i]);
    for (const auto& result : owner.results[i].recipients) checkResult(result);
  }
  for (const auto& failure : owner.failures) {
    requireOneLine(failure.text);
    require(failure.outcome == Outcome::temporary || failure.outcome == Outcome::permanent);
  }
  const auto& output = channel.output();
  for (std::size_t i = 0; i < output.size(); ++i) {
    require(output[i] != '\0');
    require(output[i] != '\n' || (i > 0 && output[i - 1] == '\r'));
    require(output[i] != '\r' || (i + 1 < output.size() && output[i + 1] == '\n'));
  }
  return 0;
}
