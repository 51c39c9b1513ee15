// A client session against a scripted server: the test plays the server.
#pragma once

#include <deque>

#include "smtp/ClientSession.h"
#include "smtp/Path.h"
#include "support/FakeChannel.h"
#include "support/Test.h"

namespace mox::smtp::test {

struct TextProducer final : net::Producer {
  explicit TextProducer(std::string t, std::size_t s = 7) : text(std::move(t)), step(s) {}
  bool produce(std::string& out) override {
    out += text.substr(at, step);
    at += step;
    return at < text.size();
  }
  std::string text;
  std::size_t step, at = 0;
};

inline std::string outcomeText(const RecipientResult& r) {
  const char* names[] = {"delivered", "temporary", "permanent", "tooMany"};
  return std::string(names[static_cast<int>(r.outcome)]) + " " + std::to_string(r.code) + " " + r.enhanced;
}

struct RecordingOwner final : ClientOwner {
  std::deque<Transaction> todo;
  std::vector<TransactionResult> results;
  std::vector<ClientFailure> failures;
  int ready = 0, closed = 0;
  bool parks = false;
  std::shared_ptr<net::Waker> waker;  ///< of the last onReady()

  NextStep onReady(ClientSession&, const std::shared_ptr<net::Waker>& with) override {
    CHECK_EQ(0, closed);
    ++ready;
    waker = with;
    if (todo.empty()) return parks ? Idle::park : Idle::quit;
    auto next = std::move(todo.front());
    todo.pop_front();
    return next;
  }
  void onResult(ClientSession&, const TransactionResult& result) override { results.push_back(result); }
  void onFailed(ClientSession&, const ClientFailure& failure) override { failures.push_back(failure); }
  void onClosed(ClientSession&) override { ++closed; }
};

inline Mailbox mailbox(const std::string& text) { return parseMailbox(text, {}).value(); }

inline Transaction transaction(const std::string& from, const std::vector<std::string>& to, const std::string& text = "a: b\r\n\r\n.hi\r\n") {
  Transaction t;
  if (!from.empty()) t.from = mailbox(from);
  for (const auto& r : to) t.recipients.push_back(mailbox(r));
  t.size = text.size();
  t.message = [text] { return std::make_unique<TextProducer>(text); };
  return t;
}

struct ClientFixture {
  FakeClock clock;
  FakeRandom random;
  std::shared_ptr<RecordingOwner> owner = std::make_shared<RecordingOwner>();
  ClientOptions options;
  std::unique_ptr<ClientSession> session;
  std::unique_ptr<mox::test::FakeChannel> channel;

  ClientFixture() {
    options.hello = "client.example";
    options.serverName = "mx.example";
  }

  void start() {
    session = std::make_unique<ClientSession>(options, owner, random);
    channel = std::make_unique<mox::test::FakeChannel>(*session, clock);
    channel->open();
  }
  /// The server says this; what the client answers.
  std::string say(const std::string& lines) {
    channel->feed(lines);
    return channel->take();
  }
  /// Greeting and EHLO with these extensions; what the client sends then.
  std::string greet(const std::string& extensions = "") {
    start();
    CHECK_EQ(std::string(), channel->take());
    CHECK_EQ(std::string("EHLO client.example\r\n"), say("220 mx.example ESMTP\r\n"));
    return say(ehlo(extensions));
  }
  static std::string ehlo(const std::string& extensions) {
    std::string out = "250-mx.example hello\r\n";
    std::string_view rest = extensions;
    while (!rest.empty()) {
      auto end = rest.find(',');
      out += "250-" + std::string(rest.substr(0, end)) + "\r\n";
      rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
    }
    return out + "250 HELP\r\n";
  }
  std::string result(std::size_t transaction, std::size_t recipient) { return outcomeText(owner->results.at(transaction).recipients.at(recipient)); }
};

}  // namespace mox::smtp::test
