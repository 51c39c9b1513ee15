#include "transfer/ImapDial.h"

#include <Poco/Exception.h>
#include <Poco/Net/SocketAddress.h>
#include <Poco/Net/StreamSocket.h>
#include <Poco/Timespan.h>
#include <fmt/format.h>

#include <array>
#include <optional>

#include "base/Text.h"
#include "net/TlsContext.h"
#include "net/TlsSocketImpl.h"

namespace mox::transfer {

namespace {

constexpr long connectSeconds = 30;

class SocketStream final : public ByteStream {
 public:
  SocketStream(const ImapServerAddress& address, std::shared_ptr<net::TlsContext> context, const Clock& clock)
      : address_(address), context_(std::move(context)), clock_(clock) {}

  /// Runs what Poco may throw in.
  template <class F>
  auto guarded(F&& f) -> decltype(f()) {
    try {
      return f();
    } catch (const Poco::TimeoutException&) {
      return fail(Errc::timeout, address_.host + " does not answer in time");
    } catch (const Poco::Exception& error) {
      return fail(Errc::temporary, address_.host + ": " + error.displayText());
    }
  }

  Result<void> connect() {
    return guarded([&]() -> Result<void> {
      Poco::Net::StreamSocket plain;
      plain.connect(Poco::Net::SocketAddress(address_.host, address_.port), Poco::Timespan(connectSeconds, 0));
      socket_.emplace(new net::TlsSocketImpl(plain, clock_, clock_.steady() + imapSilenceLimit));
      return {};
    });
  }

  Result<void> startTls() {
    return guarded([&]() -> Result<void> {
      socket_->tlsImpl().setDeadline(clock_.steady() + imapSilenceLimit);
      socket_->tlsImpl().startTls(context_, address_.host);
      return {};
    });
  }

  Result<std::string_view> read() override {
    return guarded([&]() -> Result<std::string_view> {
      socket_->tlsImpl().setDeadline(clock_.steady() + imapSilenceLimit);
      int count = socket_->receiveBytes(buffer_.data(), static_cast<int>(buffer_.size()));
      return std::string_view(buffer_.data(), count > 0 ? static_cast<std::size_t>(count) : 0);
    });
  }

  Result<void> write(std::string_view bytes) override {
    return guarded([&]() -> Result<void> {
      socket_->tlsImpl().setDeadline(clock_.steady() + imapSilenceLimit);
      while (!bytes.empty()) bytes.remove_prefix(static_cast<std::size_t>(socket_->sendBytes(bytes.data(), static_cast<int>(bytes.size()))));
      return {};
    });
  }

 private:
  const ImapServerAddress address_;
  const std::shared_ptr<net::TlsContext> context_;
  const Clock& clock_;
  std::optional<net::TlsSocket> socket_;
  std::array<char, 64 * 1024> buffer_{};
};

}  // namespace

std::string ImapServerAddress::text() const {
  bool isIpv6 = host.find(':') != std::string::npos;
  return isIpv6 ? fmt::format("[{}]:{}", host, port) : fmt::format("{}:{}", host, port);
}

Result<ImapServerAddress> imapServerAddress(std::string_view text, bool startTls) {
  ImapServerAddress out;
  out.startTls = startTls;
  if (startTls) out.port = 143;
  std::string_view host = text, rest;
  if (text.starts_with('[')) {
    auto end = text.find(']');
    if (end == text.npos) return fail(Errc::syntax, "an address without its \"]\": " + printable(text));
    host = text.substr(1, end - 1);
    rest = text.substr(end + 1);
  } else if (auto colon = text.find(':'); colon != text.npos && text.find(':', colon + 1) == text.npos) {
    host = text.substr(0, colon);
    rest = text.substr(colon);
  }  // with more colons it is an IPv6 address, whose port is said only behind brackets
  out.host = host;
  if (host.empty()) return fail(Errc::syntax, "not a server: " + printable(text));
  if (rest.empty()) return out;
  auto port = rest.front() == ':' ? parseUnsigned(rest.substr(1)) : std::nullopt;
  if (!port || *port == 0 || *port > 65'535) return fail(Errc::syntax, "not a port: " + printable(rest));
  out.port = static_cast<std::uint16_t>(*port);
  return out;
}

Result<DialledImap> dialImap(const ImapServerAddress& address, const Clock& clock) {
  net::TlsClientOptions options;
  options.extraRootsPem = address.extraRootsPem;
  options.policy.verify = net::TlsPolicy::Verify::pkix;
  auto context = net::TlsContext::client(options);
  if (!context) return tl::unexpected(context.error());
  auto stream = std::make_unique<SocketStream>(address, *context, clock);
  if (auto done = stream->connect(); !done) return tl::unexpected(done.error());
  auto connection = std::make_unique<ImapConnection>(*stream);
  if (!address.startTls)
    if (auto done = stream->startTls(); !done) return tl::unexpected(done.error());
  auto greeting = connection->greeting();
  if (!greeting) return tl::unexpected(greeting.error());
  if (address.startTls) {
    if (greeting->condition == "PREAUTH") return fail(Errc::denied, "the server lets anybody in without TLS");
    if (auto asked = connection->command("STARTTLS"); !asked) return tl::unexpected(asked.error());
    // What came in plain text after the answer is not for us: a new connection forgets it.
    connection = std::make_unique<ImapConnection>(*stream);
    if (auto done = stream->startTls(); !done) return tl::unexpected(done.error());
  }
  return DialledImap{std::move(stream), std::move(connection), std::move(*greeting)};
}

}  // namespace mox::transfer
