// Driver: random commands by four sessions of two accounts, each answer compared with the truth.
//
// One thread and one seed: a failure comes back with the same seed. Its message has the client's last lines.
#pragma once

#include <memory>
#include <random>
#include <string>
#include <vector>

#include "imapserver/model/Client.h"

namespace mox::test::model {

class Driver {
 public:
  explicit Driver(std::uint64_t seed);
  /// One step: a command of a random client, or a delivery from outside. Throws std::runtime_error when a client was
  /// told what is not so.
  void step();
  /// Every client leaves and comes back; every mailbox is compared whole with the truth.
  void finish();
  /// Commands answered OK, by name: a test that only gets NO proves nothing.
  const std::map<std::string, int>& done() const { return done_; }

 private:
  struct Picked {
    std::string set;                   ///< as sent
    std::vector<std::uint32_t> uids;   ///< what it means, ascending, present or not
    bool valid = true;                 ///< false: a number beyond the end
  };
  /// RETURN of SEARCH.
  struct Return {
    bool min = false, max = false, count = false, all = false, save = false;
    std::optional<std::pair<std::uint32_t, std::uint32_t>> window;  ///< PARTIAL
    bool fromEnd = false;                                           ///< of the window
    bool tells() const { return min || max || count || all || window; }
    std::string text() const;
    std::string windowText() const;
    std::vector<std::uint32_t> inWindow(const std::vector<std::uint32_t>& found) const;
  };
  using Step = void (Driver::*)(Client&);

  // Randomness
  std::uint32_t below(std::uint32_t bound) { return static_cast<std::uint32_t>(random_() % bound); }
  bool chance(std::uint32_t percent) { return below(100) < percent; }
  FlagSet someFlags(bool keywords = true);
  std::string someName();
  std::string existingName(Account& account);
  Picked pick(const Client& client, bool uid);

  // Truth
  /// The account's last modseq, as the store has it.
  std::uint64_t modSeqNow(const Account& account);
  /// For a change that happened: the modseq must have moved.
  std::uint64_t newModSeq(Account& account);
  Message makeMessage(Account& account, std::uint32_t content, FlagSet flags, std::int64_t received);
  void deliver(Account& account);

  // Steps by file: DriverMailboxes.cpp, DriverMessages.cpp, DriverSearch.cpp, DriverOrder.cpp, DriverMetadata.cpp,
  // Driver.cpp
  void select(Client& client);
  void closeOrUnselect(Client& client);
  void noop(Client& client);
  void idle(Client& client);
  void reconnect(Client& client);
  void notify(Client& client);
  void status(Client& client);
  void listAll(Client& client);
  void create(Client& client);
  void remove(Client& client);
  void rename(Client& client);
  void subscribe(Client& client);
  void append(Client& client);
  void fetch(Client& client);
  void fetchBody(Client& client);
  void store(Client& client);
  void copyOrMove(Client& client, bool move);
  void copy(Client& client) { copyOrMove(client, false); }
  void move(Client& client) { copyOrMove(client, true); }
  void expunge(Client& client);
  void search(Client& client);
  void sort(Client& client);
  void thread(Client& client);
  void setMetadata(Client& client);
  void getMetadata(Client& client);

  Return someReturn();
  void checkExtended(Client& client, const Outcome& outcome, const Return& wanted, const std::vector<std::uint32_t>& found);
  void checkSaved(Client& client, const Return& wanted, const std::vector<std::uint32_t>& uids);
  /// What SORT and THREAD are asked of: the text of a program and the messages it finds, by number, in mailbox order.
  struct Searched {
    std::string text;
    std::vector<std::pair<std::uint32_t, const Message*>> found;
  };
  Searched someSet(Client& client, bool uid);
  void renameInbox(Account& account, const std::string& to);
  void checkFetched(Client& client, const Outcome& outcome, const Picked& picked, const std::function<void(const Message&, const Value&)>& check);
  void count(const std::string& what, const Outcome& outcome);
  /// For commands after which everything must be known; `client` then knows the truth.
  void synced(Client& client, const Outcome& outcome);

  std::mt19937_64 random_;
  ImapWorld world_;
  Account accounts_[2];
  std::map<std::string, std::uint64_t> lastModSeq_;
  std::vector<std::unique_ptr<Client>> clients_;
  std::map<std::string, int> done_;
};

}  // namespace mox::test::model
