// LoggedIn: who is logged in, so that sessions of an account can be ended when it may not be used any more.
#pragma once

#include <atomic>
#include <functional>
#include <list>
#include <memory>
#include <string>

#include "base/Guarded.h"
#include "net/Session.h"

namespace mox::imapserver {

/// Thread safe.
class LoggedIn {
 public:
  /// One session, from login to logout. It is asked when its waker was called.
  class Entry {
   public:
    bool mustEnd() const { return mustEnd_; }

   private:
    friend class LoggedIn;
    Entry(std::string account, std::shared_ptr<net::Waker> waker) : account_(std::move(account)), waker_(std::move(waker)) {}
    const std::string account_;
    const std::shared_ptr<net::Waker> waker_;
    std::atomic<bool> mustEnd_{false};
    std::list<Entry*>::iterator place_;
  };

  /// Until the pointer goes.
  std::shared_ptr<Entry> add(std::string account, std::shared_ptr<net::Waker> waker);
  /// Has all sessions end whose account this is true for; how many.
  std::size_t end(const std::function<bool(const std::string& account)>& wanted);

 private:
  using Entries = Guarded<std::list<Entry*>>;
  /// Shared with the entries, which may go after this.
  const std::shared_ptr<Entries> entries_ = std::make_shared<Entries>();
};

}  // namespace mox::imapserver
