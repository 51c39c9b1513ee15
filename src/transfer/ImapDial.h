// ImapDial: a TLS connection to another IMAP server, with its certificate verified. Blocking, for commands.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/Clock.h"
#include "base/Result.h"
#include "transfer/ImapConnection.h"

namespace mox::transfer {

/// Without an octet from the server for this long the import ends; it can be run again.
inline constexpr Duration imapSilenceLimit = std::chrono::minutes(3);

struct ImapServerAddress {
  std::string host;  ///< name or IP; the certificate must carry it
  std::uint16_t port = 993;
  bool startTls = false;  ///< RFC 9051 §6.2.1; else TLS from the start
  std::string extraRootsPem;  ///< authorities beside the system's

  /// As imapServerAddress() takes it, always with the port.
  std::string text() const;
};

/// Of "host", "host:143", "2001:db8::1", "[2001:db8::1]" or "[2001:db8::1]:143"; the port is the usual one unless said.
/// Errc::syntax.
Result<ImapServerAddress> imapServerAddress(std::string_view text, bool startTls);

struct DialledImap {
  std::unique_ptr<ByteStream> stream;
  std::unique_ptr<ImapConnection> connection;
  imap::ServerResponse greeting;
};

/// `clock` outlives the connection. Errc::timeout, temporary (network), denied (certificate, BYE), syntax.
Result<DialledImap> dialImap(const ImapServerAddress& address, const Clock& clock);

}  // namespace mox::transfer
