// Courier: one connection at a time to a destination, host after host and address after address until one serves.
//
// It is the owner of smtp::ClientSession, which calls it on a worker of the engine, one call at a time; only cancel() comes
// from other threads. A host that refuses TLS half-way is dialled once more without (RFC 7435: opportunistic).
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/Guarded.h"
#include "net/Engine.h"
#include "queue/Dispatcher.h"
#include "smtp/ClientSession.h"

namespace mox::queue {

class Courier final : public smtp::ClientOwner, public std::enable_shared_from_this<Courier> {
 public:
  /// `firstHost`: an index of the plan's hosts.
  Courier(Dispatcher& dispatcher, std::string key, std::shared_ptr<Destination> destination, std::size_t firstHost);

  /// Dials; everything after that happens in callbacks, the last of which is Dispatcher::onEnded().
  void start();
  void cancel();

  const std::string& key() const { return key_; }
  const std::shared_ptr<Destination>& destination() const { return destination_; }
  std::size_t firstHost() const { return firstHost_; }
  std::size_t host() const { return host_; }
  const std::vector<Dial>& dialled() const { return dialled_; }
  /// "mx.example.org (192.0.2.1)" of the last dial.
  std::string remote() const;
  /// At the end, if no host would serve: what that means for a message that waited.
  Answer answerFor(const Parcel& parcel, const Claim& claim) const;

  smtp::NextStep onReady(smtp::ClientSession& session, const std::shared_ptr<net::Waker>& waker) override;
  void onResult(smtp::ClientSession& session, const smtp::TransactionResult& result) override;
  void onFailed(smtp::ClientSession& session, const smtp::ClientFailure& failure) override;
  void onClosed(smtp::ClientSession& session) override;

 private:
  const Plan& plan() const { return *destination_->plan; }
  const DialHost& hostNow() const { return plan().hosts.at(host_); }
  void dial();
  smtp::ClientOptions clientOptions() const;
  std::optional<smtp::Transaction> begin(Parcel parcel);
  void fail(Parcel parcel, const Refusal& why);
  bool retryWithoutTls();
  bool nextAddress();
  bool nextHost();
  void noteAnswer();
  bool isStale(const smtp::ClientSession& session, const Parcel& parcel, const smtp::RecipientResult& result) const;
  bool isForLackOfTls(std::string_view enhanced, unsigned code, int attempts) const;
  bool deservesOtherFamily(const Claim& claim, const smtp::RecipientResult& result) const;

  Dispatcher& dispatcher_;
  const std::string key_;
  const std::shared_ptr<Destination> destination_;
  const std::size_t firstHost_;
  std::size_t host_;
  std::size_t address_ = 0;
  bool withoutTls_ = false;
  bool isEstablishedNow_ = false;  ///< on this connection
  bool wasParked_ = false;         ///< this connection
  std::string tlsMode_ = "none";
  std::vector<Dial> dialled_;
  std::optional<Parcel> parcel_;  ///< in the transaction under way
  std::shared_ptr<bool> bodyAsked_;  ///< the server has said 354 to it
  std::optional<smtp::ClientFailure> failure_;
  std::optional<Answer> answer_;       ///< of the hosts that would not serve
  bool otherFamilyMayServe_ = false;   ///< one of them
  struct Link {
    std::shared_ptr<net::Dialled> dialled;
    std::uint64_t number = 0;  ///< of the dial
    bool cancelled = false;
  };
  Guarded<Link> link_;
};

}  // namespace mox::queue
