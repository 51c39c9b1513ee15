// One transaction of a client session: which commands to send, what the
// replies mean for each recipient. Knows no channel and no time.
//
//   Delivery d(transaction, peer);
//   if (!d.finished()) write(d.nextCommands(pipelining)); then onReply() for each reply
//   until wantsBody() (stream it, then bodySent()) or finished().
#pragma once

#include <deque>
#include <string>
#include <vector>

#include "smtp/Client.h"
#include "smtp/Reply.h"

namespace mox::smtp {

class Delivery {
 public:
  /// What a reply is awaited for.
  enum class Awaiting { nothing, mail, rcpt, data, end, emptyEnd };

  /// Decides at once what cannot be sent: then finished() is true.
  Delivery(Transaction transaction, const PeerInfo& peer, bool strict8bit);

  /// Command lines that may be sent now, "" if replies must come first. With `pipelining` all of MAIL, RCPT
  /// and DATA at once (RFC 2920).
  std::string nextCommands(bool pipelining);
  Awaiting awaiting() const { return awaited_.empty() ? Awaiting::nothing : awaited_.front(); }
  /// Replies due.
  std::size_t awaited() const { return awaited_.size(); }
  void onReply(const Reply& reply);
  /// The server said 354 for at least one recipient; stream the message, then call bodySent().
  bool wantsBody() const { return wantsBody_; }
  void bodySent();
  /// The body cannot be sent: the connection must go, without the final dot.
  void badMessage(std::string_view why);
  /// Every recipient not decided yet gets this.
  void abort(LocalReason reason, std::string_view text, const Reply* reply = nullptr);

  bool finished() const { return finished_; }
  /// The server holds a transaction that it must be told to forget (RSET).
  bool needsReset() const { return needsReset_; }
  const Transaction& transaction() const { return transaction_; }
  const TransactionResult& result() const { return result_; }

 private:
  void checkPeer(const PeerInfo& peer, bool strict8bit);
  void queueCommands(const PeerInfo& peer);
  void onMail(const Reply& reply);
  void onRcpt(const Reply& reply);
  void onData(const Reply& reply);
  void onEnd(const Reply& reply);
  void skipRest();
  void decideOpen(const RecipientResult& result);
  bool anyAccepted() const;

  struct Command {
    Awaiting kind;
    std::string line;
  };

  Transaction transaction_;
  TransactionResult result_;
  std::vector<bool> decided_;
  std::vector<bool> accepted_;
  std::deque<Command> commands_;    ///< not sent yet
  std::deque<Awaiting> awaited_;    ///< sent, reply due
  std::size_t limit_ = 0;           ///< recipients that take part; the others are tooMany
  std::size_t nextRecipient_ = 0;   ///< whose RCPT reply is due next
  bool wantsBody_ = false, finished_ = false, needsReset_ = false;
};

}  // namespace mox::smtp
