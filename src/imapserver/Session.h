// Session: an IMAP connection as a state machine (RFC 9051 §3), fed by a net::Channel.
//
// Bytes become commands (imap::CommandReader, imap::Parser), the state table says whether a command is legal now, and
// its handler does it. One command at a time, in order: what is pipelined waits in the connection's buffer.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "imap/CommandReader.h"
#include "imap/Parser.h"
#include "imapserver/Append.h"
#include "imapserver/Context.h"

namespace mox::imapserver {

class Session final : public net::Session {
 public:
  struct Known {
    std::string account, address;
  };
  /// `known`: who the client is, if that is known already.
  Session(Services& services, std::shared_ptr<const ListenerSettings> listener, std::optional<Known> known = std::nullopt);

  void onOpen(net::Channel& channel) override;
  std::size_t onInput(net::Channel& channel, std::string_view input) override;
  void onTls(net::Channel& channel, const net::TlsInfo& info) override;
  void onDrained(net::Channel& channel) override;
  void onWake(net::Channel& channel) override;
  void onDeadline(net::Channel& channel) override;
  void onShutdown(net::Channel& channel) override;
  void onEnd(net::End end, std::string_view detail) override;
  void onOverrun(net::Channel& channel) override;

 private:
  std::optional<Known> knownClient() const;
  void greet();
  std::size_t takeInput(std::string_view input);
  void refuseLiteral(imap::ReadOutcome outcome);
  void takeLine();
  void takeCommand();
  void refuseSyntax(const imap::SyntaxError& error);
  /// Counts a hit; null is none.
  void noteLimit(const Limit* limit);
  void refuseNumbers(const imap::Command& command);
  void run(const imap::Command& command);
  void takeMessageLiteral();
  void beginAppend();
  void continueAppend();
  void acceptMessage(const imap::args::AppendMessage& message);
  void endIdle(std::string_view line);
  void afterCommand();
  void restartDeadline();
  /// Runs `f`; what our own side breaks is logged and answered NO or BYE, never passed on.
  template <class F>
  void guarded(net::Channel& channel, F&& f);

  Context context_;
  std::optional<Known> known_;
  imap::CommandReader reader_;
  std::unique_ptr<Append> append_;
  bool anyCommand_ = false;  ///< a first command was understood: the peer speaks IMAP
};

}  // namespace mox::imapserver
