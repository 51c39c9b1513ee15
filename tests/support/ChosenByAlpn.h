// ChosenByAlpn: what a listener for several protocols on one port (443) does. The session is made when the connection stands
// and the client has said by ALPN what it speaks (RFC 7301); until then there is none. For tests that a protocol's session can
// be started so.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "net/Session.h"

namespace mox::test {

class ChosenByAlpn final : public net::Session {
 public:
  using Make = std::function<std::unique_ptr<net::Session>()>;
  explicit ChosenByAlpn(std::map<std::string, Make> protocols) : protocols_(std::move(protocols)) {}

  void onTls(net::Channel& channel, const net::TlsInfo& info) override {
    auto chosen = protocols_.find(info.alpn);
    if (chosen == protocols_.end()) return channel.close();
    session_ = chosen->second();
    session_->onTls(channel, info);
  }
  void onOpen(net::Channel& channel) override { session_->onOpen(channel); }
  std::size_t onInput(net::Channel& channel, std::string_view input) override { return session_->onInput(channel, input); }
  void onDrained(net::Channel& channel) override { session_->onDrained(channel); }
  void onWake(net::Channel& channel) override { session_->onWake(channel); }
  void onDeadline(net::Channel& channel) override { session_->onDeadline(channel); }
  void onShutdown(net::Channel& channel) override { session_->onShutdown(channel); }
  void onEnd(net::End end, std::string_view detail) override {
    if (session_) session_->onEnd(end, detail);
  }
  std::size_t inputLimit() const override { return session_ ? session_->inputLimit() : Session::inputLimit(); }
  void onOverrun(net::Channel& channel) override { session_->onOverrun(channel); }

 private:
  std::map<std::string, Make> protocols_;
  std::unique_ptr<net::Session> session_;
};

}  // namespace mox::test
