// Session: an SMTP connection as a state machine (RFC 5321), fed by a net::Channel; for port 25 and for submission.
//
// Lines become commands (smtp/Grammar.h), the state table says whether a command is legal now, its handler does it. One
// at a time, in order: what is pipelined waits in the connection's buffer.
#pragma once

#include <string_view>

#include "smtpserver/Context.h"

namespace mox::smtpserver {

class Session final : public net::Session {
 public:
  Session(Services& services, std::shared_ptr<const ListenerSettings> listener);

  void onOpen(net::Channel& channel) override;
  std::size_t onInput(net::Channel& channel, std::string_view input) override;
  void onTls(net::Channel& channel, const net::TlsInfo& info) override;
  void onDeadline(net::Channel& channel) override;
  void onShutdown(net::Channel& channel) override;
  void onOverrun(net::Channel& channel) override;
  void onEnd(net::End end, std::string_view detail) override;

 private:
  void takeInput(std::string_view input, std::size_t& taken);
  void takeData(std::string_view input, std::size_t& taken);
  void takeLine(std::string_view line);
  void run(const smtp::CommandLine& command);
  void traceLine(std::string_view line) const;
  /// Runs `f`; what our own side breaks is logged and answered 4xx, never passed on. Nothing was acknowledged.
  template <class F>
  void guarded(net::Channel& channel, F&& f);

  Context context_;
  bool anyCommand_ = false;   ///< a command was understood: the peer speaks SMTP
  bool tlsExpected_ = false;  ///< STARTTLS was agreed to
};

}  // namespace mox::smtpserver
