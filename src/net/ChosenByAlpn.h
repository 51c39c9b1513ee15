// ChosenByAlpn: several protocols at one port (443). The session is made when the connection stands and the client has said
// by ALPN what it speaks (RFC 7301); until then there is none. Who said nothing, or a protocol that is over with the
// handshake (acme-tls/1), is let go.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "net/Session.h"

namespace mox::net {

class ChosenByAlpn final : public Session {
 public:
  using Make = std::function<std::unique_ptr<Session>()>;
  explicit ChosenByAlpn(std::map<std::string, Make> protocols) : protocols_(std::move(protocols)) {}

  void onTls(Channel& channel, const TlsInfo& info) override {
    auto chosen = protocols_.find(info.alpn);
    if (chosen == protocols_.end()) return channel.close();
    session_ = chosen->second();
    session_->onTls(channel, info);
  }
  void onOpen(Channel& channel) override { session_ ? session_->onOpen(channel) : channel.close(); }
  std::size_t onInput(Channel& channel, std::string_view input) override { return session_ ? session_->onInput(channel, input) : input.size(); }
  void onDrained(Channel& channel) override { session_ ? session_->onDrained(channel) : channel.close(); }
  void onWake(Channel& channel) override { session_ ? session_->onWake(channel) : channel.close(); }
  void onDeadline(Channel& channel) override { session_ ? session_->onDeadline(channel) : channel.close(); }
  void onShutdown(Channel& channel) override { session_ ? session_->onShutdown(channel) : channel.close(); }
  void onEnd(End end, std::string_view detail) override {
    if (session_) session_->onEnd(end, detail);
  }
  std::size_t inputLimit() const override { return session_ ? session_->inputLimit() : Session::inputLimit(); }
  void onOverrun(Channel& channel) override { session_ ? session_->onOverrun(channel) : channel.close(); }

 private:
  std::map<std::string, Make> protocols_;
  std::unique_ptr<Session> session_;
};

}  // namespace mox::net
