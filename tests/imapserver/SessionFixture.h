// SessionFixture: one IMAP session of an ImapWorld, spoken with line by line.
#pragma once

#include <memory>
#include <string>

#include "imapserver/ImapWorld.h"
#include "support/FakeChannel.h"
#include "support/Test.h"

namespace mox::test {

struct SessionFixture {
  std::unique_ptr<ImapWorld> world = std::make_unique<ImapWorld>();
  std::unique_ptr<net::Session> session;
  std::unique_ptr<FakeChannel> channel;

  void connect(bool tls = true) {
    channel.reset();
    session = world->connect();
    channel = std::make_unique<FakeChannel>(*session, world->clock());
    if (tls) channel->openTls();
    else channel->open();
    channel->take();
  }

  /// What the server answers to a line.
  std::string say(const std::string& line) {
    channel->feed(line + "\r\n");
    return channel->take();
  }

  /// In a session of its own.
  void logIn() {
    connect();
    CHECK(say("a LOGIN mjl@mox.example test1234").find("a OK") == 0);
  }
};

}  // namespace mox::test
