// Context: the state of one IMAP session, as command handlers see it.
//
// A handler is a short function that reads its arguments, asks the account, writes responses and ends with exactly one
// of ok(), no(), bad(), or keeps the command open (stream, offload, IDLE) and ends it later. Responses gather in `out`
// and leave together.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "imap/Command.h"
#include "imap/MailboxName.h"
#include "imap/Output.h"
#include "imapserver/Selected.h"
#include "imapserver/Services.h"
#include "login/Exchange.h"
#include "net/Session.h"

namespace mox::imapserver {

class Notifications;

class Context {
 public:
  Context(Services& services, std::shared_ptr<const ListenerSettings> listener);
  ~Context();

  Services& services;
  std::shared_ptr<const ListenerSettings> listener;
  Log log;
  net::Channel* channel = nullptr;  ///< set while the channel calls the session

  // Who and where ------------------------------------------------------------------------------------------
  imap::State state = imap::State::notAuthenticated;
  std::shared_ptr<store::Account> account;  ///< null before login
  std::string loginAddress;
  std::shared_ptr<LoggedIn::Entry> entry;  ///< with account
  login::Exchange exchange;
  std::unique_ptr<Selected> selected;  ///< null unless state is selected
  std::unique_ptr<Notifications> notifications;  ///< null until ENABLE METADATA or NOTIFY

  // What was enabled, RFC 5161; never taken back -----------------------------------------------------------
  bool utf8 = false;       ///< IMAP4rev2 or UTF8=ACCEPT
  bool utf8Accept = false;  ///< UTF8=ACCEPT: no SEARCH names a charset, RFC 6855 §3
  bool rev2 = false;       ///< IMAP4rev2
  bool condstore = false;  ///< RFC 7162 §3.1, MODSEQ goes with flag changes: enableCondstore()
  bool qresync = false;    ///< RFC 7162 §3.2
  bool uidOnly = false;    ///< RFC 9586: no sequence numbers either way
  imap::OutputMode outputMode() const { return {utf8}; }
  TellMode tellMode() const { return {condstore, qresync || uidOnly, uidOnly, !rev2}; }
  /// For every CONDSTORE-enabling command.
  void enableCondstore();

  // The command under way ----------------------------------------------------------------------------------
  std::string tag;
  imap::CommandKind kind = imap::CommandKind::noop;
  bool running = false;  ///< a command has begun and not ended
  bool idling = false;
  bool closing = false;  ///< BYE was said or the peer is lost
  std::string out;       ///< responses not yet given to the channel

  void begin(std::string commandTag, imap::CommandKind commandKind);
  /// "* text\r\n".
  void untagged(std::string_view text);
  /// End the command. `code` without brackets, "" for none. Pending mailbox changes go out first where they may.
  void ok(std::string_view code, std::string_view text);
  void ok(std::string_view text) { ok("", text); }
  void no(std::string_view code, std::string_view text);
  void no(const Error& error);
  /// Of the store, where `full` is what Errc::tooMany means: counted.
  void no(const Error& error, const Limit& full);
  void bad(std::string_view text, std::string_view code = "");
  /// "* BYE text", then close.
  void bye(std::string_view text);

  /// Gives `out` to the channel.
  void flush();
  /// Sends `out`, then the producer, then calls `done`, which ends the command.
  void stream(std::unique_ptr<net::Producer> producer, std::function<void(Context&)> done);
  /// For the session: the stream has drained.
  void streamDone();
  /// Tells the client what changed in the selected mailbox, as far as it wants to know (NOTIFY).
  void sync();
  /// The same, whatever it wants to know.
  void catchUp() {
    if (selected) moveOn(tellMode());
  }
  /// notifications, made if they are not there yet.
  Notifications& listening();
  /// A change this session made itself: nothing is told of it.
  void own(ModSeq change);
  /// For the session, after each event: tells what NOTIFY asks for, if no command is under way.
  void tell();

  /// Counts the limit for the account, or for the address before there is one.
  void hit(const Limit& limit);

  /// What goes on after an offload or pause: through the session's own guard against failures.
  void resume(net::Channel& now, const std::function<void()>& f) { guard(now, f); }
  std::function<void(net::Channel&, const std::function<void()>&)> guard;

  // Help for handlers --------------------------------------------------------------------------------------
  /// Name as canonical type; says NO [CANNOT] and gives nothing if it is not valid.
  std::optional<imap::MailboxName> mailboxName(const std::string& name);
  /// For those who refuse a name themselves: counts the limit if it was too long.
  void noteName(const Error& refusal);
  /// The mailbox; says NO with `code` if it does not exist.
  std::optional<store::MailboxRow> mailbox(const std::string& name, std::string_view code = "NONEXISTENT");
  /// Octets this account may hold; negative is no limit.
  std::int64_t quota() const;
  /// Messages it may hold; negative is no limit.
  std::int64_t quotaMessages() const;
  /// Puts the session into the authenticated state. If the account was taken away this very moment, it is over after that.
  bool logIn(const std::string& accountName, const std::string& address);
  /// Back to where a new connection is; what is known of its user and what was enabled is forgotten.
  void logOut();

 private:
  void tellBeforeReply();
  void end(std::string_view condition, std::string_view code, std::string_view text);
  void moveOn(const TellMode& mode);
  std::function<void(Context&)> afterStream_;
  Steady began_{};
};

/// The response code for an error of the store, "" if none fits. RFC 5530.
std::string_view responseCode(Errc code);

}  // namespace mox::imapserver
