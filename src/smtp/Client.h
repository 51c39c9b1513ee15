// The values an SMTP client session deals in: what it is told, what it reports.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/Address.h"
#include "base/Clock.h"
#include "base/Log.h"
#include "base/Random.h"
#include "net/Session.h"
#include "sasl/Client.h"
#include "smtp/Extensions.h"
#include "smtp/ReplyTimes.h"

namespace mox::smtp {

/// RFC 5321 §4.5.3.2, each for one reply; a queue with little patience sets less.
struct ClientTimeouts {
  Duration greeting = std::chrono::minutes(5);
  Duration command = std::chrono::minutes(5);      ///< EHLO, STARTTLS, AUTH, MAIL, RCPT, RSET
  Duration perPipelined = std::chrono::seconds(1);  ///< added to `command` for each reply of a pipeline
  Duration dataStart = std::chrono::minutes(2);    ///< DATA until 354
  Duration transfer = std::chrono::minutes(30);    ///< the message as a whole, for the peer may read it slowly
  Duration dataEnd = std::chrono::minutes(10);     ///< the final dot until its reply
  Duration quit = std::chrono::seconds(10);        ///< ours: a server that forgets to answer QUIT costs little
  /// How long a connection stays that has nothing to do but may soon have; zero: not at all. Much less than the five
  /// minutes a server should wait for a command, for a connection costs both sides.
  Duration parked = std::chrono::seconds(2);
};

enum class ClientTls {
  none,           ///< never STARTTLS
  opportunistic,  ///< STARTTLS if announced; in plaintext if not, or if refused
  required,       ///< STARTTLS or fail
  immediate,      ///< the connection was dialled with TLS
};

struct ClientAuth {
  sasl::ClientCredentials credentials;
  std::vector<std::string> mechanisms = sasl::defaultClientMechanisms();  ///< allowed, best first
  /// PLAIN and LOGIN are not used on a connection without TLS unless this says so.
  bool passwordWithoutTls = false;
};

struct ClientOptions {
  std::string hello;       ///< our name for EHLO: a domain or an address literal
  std::string serverName;  ///< for SNI and verification
  ClientTls tls = ClientTls::opportunistic;
  std::shared_ptr<net::TlsContext> tlsContext;  ///< for opportunistic and required
  std::optional<ClientAuth> auth;
  /// Octets above 127 need 8BITMIME of the server; else they are sent to any, as everybody does.
  bool strict8bit = false;
  ClientTimeouts timeouts;
  ReplyTimes* replyTimes = nullptr;  ///< told of each reply; outlives the session
  Log log;
};

/// What is known of the server at the end of EHLO.
struct PeerInfo {
  std::string greeting;         ///< text of its 220
  std::string name;             ///< as it calls itself in the EHLO reply, printable
  bool esmtp = false;
  Extensions extensions;        ///< those in force: after TLS, if there is TLS
  bool announcedStartTls = false;
  std::optional<net::TlsInfo> tls;
  std::string authMechanism;    ///< used, "" if none
};

struct Transaction {
  ReversePath from;
  std::vector<Mailbox> recipients;  ///< at least one
  std::uint64_t size = 0;           ///< octets of the message, for SIZE
  bool has8bit = false;
  bool smtpUtf8 = false;    ///< the server must have SMTPUTF8
  bool requireTls = false;  ///< the server must have TLS and REQUIRETLS, RFC 8689
  /// The message, not dot-stuffed, CRLF lines; never null. Called when the server has said 354.
  std::function<std::unique_ptr<net::Producer>()> message;
};

enum class Outcome {
  delivered,
  temporary,  ///< 4yz, a lost connection, a timeout
  permanent,  ///< 5yz
  tooMany,    ///< the server takes no more recipients in this transaction: use another one
};

/// Why, where it was not the server's reply.
enum class LocalReason {
  none,
  noSmtpUtf8,      ///< needed and not announced; temporary, another host may have it
  noRequireTls,    ///< needed and not announced or no TLS; permanent, 5.7.30
  tooLarge,        ///< beyond the announced SIZE; permanent, 5.3.4
  no8bitMime,      ///< under strict8bit; temporary
  badMessage,      ///< bare CR, bare LF or NUL in the message; permanent
  connectionLost,  ///< in any way, timeouts too; temporary. Lost between the final dot and its reply, the
                   ///< message may have been delivered and will be delivered again (RFC 1047).
  protocol,        ///< the server answers nonsense; temporary
};

struct RecipientResult {
  Outcome outcome = Outcome::temporary;
  unsigned code = 0;        ///< of the reply, 0 if there was none
  std::string enhanced;     ///< of the reply, or ours for a local reason, "" if none
  std::string text;         ///< one printable line
  LocalReason local = LocalReason::none;
};

struct TransactionResult {
  std::vector<RecipientResult> recipients;  ///< one for each of the transaction, in order
};

/// Where a connection failed that did not get as far as a transaction, or broke between two.
enum class ClientPhase { connect, greeting, hello, startTls, handshake, auth, idle };

struct ClientFailure {
  ClientPhase phase = ClientPhase::connect;
  Outcome outcome = Outcome::temporary;  ///< never delivered or tooMany
  unsigned code = 0;                     ///< of the reply, 0 if there was none
  std::string enhanced, text;
  net::End end = net::End::closed;       ///< for phases connect and handshake: how
};

/// What a connection does that has no transaction now.
enum class Idle {
  quit,
  park,  ///< stays for ClientTimeouts::parked, without a thread
};
using NextStep = std::variant<Transaction, Idle>;

class ClientSession;

/// Who wants mail delivered. Called on a worker thread of the engine, one call at a time per session; must
/// not block for anything but our own disk. Must outlive the session or be kept by it (shared_ptr).
class ClientOwner {
 public:
  virtual ~ClientOwner() = default;
  /// The session is ready for a transaction. Asked again after each, when the waker was used on a parked session, and
  /// when its time is up. `waker` (good for any thread, harmless when the connection is gone) comes before the answer so
  /// that an owner can note it under the lock under which it saw that there is nothing to do. Null where the session
  /// cannot be parked: its time is up or zero. Idle::park means QUIT then.
  virtual NextStep onReady(ClientSession& session, const std::shared_ptr<net::Waker>& waker) = 0;
  /// Exactly once for each transaction given.
  virtual void onResult(ClientSession& session, const TransactionResult& result) = 0;
  /// At most once, outside transactions. Not for a connection lost, or ended by the server, while quitting or parked.
  virtual void onFailed(ClientSession& session, const ClientFailure& failure) = 0;
  /// The last call, always.
  virtual void onClosed(ClientSession& session) { (void)session; }
};

}  // namespace mox::smtp
