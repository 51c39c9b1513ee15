// What readers found, kept for checks.
#pragma once

#include <string>
#include <vector>

#include "transfer/Found.h"
#include "transfer/LineEnds.h"

namespace mox::transfer::test {

struct Collected {
  std::string mailbox, bytes, where;
  imap::Flags flags;
  std::optional<Time> received;
};

struct Collect final : FoundSink {
  std::vector<Collected> messages;
  std::vector<std::string> problems, mailboxes;
  Collected current;

  void begin(Found found) override { current = {found.mailbox, "", found.where, found.flags, found.received}; }
  void append(std::string_view bytes) override { current.bytes += bytes; }
  Result<void> end(const imap::Flags& flags) override {
    current.flags = imap::unite(current.flags, flags);
    messages.push_back(current);
    return {};
  }
  void drop(const Error& reason) override { problems.push_back(current.where + ": " + reason.text); }
  void mailbox(const std::string& name) override { mailboxes.push_back(name); }
  void problem(const std::string& where, const std::string& reason) override { problems.push_back(where + ": " + reason); }
};

}  // namespace mox::transfer::test
