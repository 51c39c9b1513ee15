// room: imap
// CommandReader and Parser: any split gives the same commands; what is parsed and printed parses to the same again.
//
// Input: octet 0 chooses the split and the mode, the rest is the stream.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "imap/Output.h"
#include "imap/Parser.h"

using namespace mox;
using namespace mox::imap;

namespace {

void require(bool good) {
  if (!good) abort();
}

std::string describeSet(const SequenceSet& set) {
  auto text = set.text();
  if (set.isSaved() || set.hasStar() || !set.numbers().empty()) require(SequenceSet::parse(text) == set);
  return text;
}

/// The search in IMAP syntax; it must parse back to the same tree.
std::string describeSearch(const SearchKey& root) {
  auto text = searchText(root);
  CommandReader reader(limitsAfterLogin);
  std::string line = "t SEARCH " + text + "\r\n";
  std::string_view rest = line;
  for (;;) {
    auto step = reader.feed(rest);
    rest.remove_prefix(step.taken);
    if (step.outcome == ReadOutcome::needContinuation) continue;
    // Printed text may be longer than what was sent (quotes), and so beyond a limit.
    if (step.outcome != ReadOutcome::command) return text;
    break;
  }
  auto again = parseCommand(reader.take(), {});
  // One level deeper than it came: parentheses around all.
  if (!again) {
    require(again.error().limit == &searchDepth || again.error().limit == &searchKeys);
    return text;
  }
  require(searchText(again->as<args::Search>().program.root) == "(" + text + ")");
  return text;
}

std::string describe(const Command& command) {
  std::string out = command.tag + " " + std::string(name(command.kind));
  if (const auto* fetch = std::get_if<args::Fetch>(&command.arguments)) {
    out += describeSet(fetch->set);
    for (const auto& item : fetch->items) {
      out += " " + item.responseName();
      auto section = parseSection(sectionText(item.section));
      require(section && sectionText(*section) == sectionText(item.section));
    }
  } else if (const auto* search = std::get_if<args::Search>(&command.arguments)) {
    out += describeSearch(search->program.root);
  } else if (const auto* store = std::get_if<args::Store>(&command.arguments)) {
    out += describeSet(store->set) + flagsText(store->flags);
  } else if (const auto* login = std::get_if<args::Login>(&command.arguments)) {
    out += " ";
    writeAstring(out, login->user);
    writeAstring(out, login->password);
  } else if (const auto* mailboxes = std::get_if<args::List>(&command.arguments)) {
    for (const auto& pattern : mailboxes->patterns) writeAstring(out, pattern);
  } else if (const auto* metadata = std::get_if<args::SetMetadata>(&command.arguments)) {
    for (const auto& entry : metadata->entries) {
      out += entry.name;
      writeNstring(out, entry.value);
    }
  } else if (const auto* append = std::get_if<args::Append>(&command.arguments)) {
    out += append->mailbox + flagsText(append->first.flags);
  }
  return out;
}

class Driver {
 public:
  Driver(bool utf8, const ReaderLimits& limits) : mode_{utf8}, reader_(limits) {}

  /// Feeds a piece; false when the connection is over.
  bool feed(std::string_view piece) {
    while (!piece.empty()) {
      if (messageMissing_ > 0) {
        auto taken = std::min<std::uint64_t>(messageMissing_, piece.size());
        messageMissing_ -= taken;
        piece.remove_prefix(static_cast<std::size_t>(taken));
        if (messageMissing_ == 0) reader_.messageDone();
        continue;
      }
      auto step = reader_.feed(piece);
      require(step.taken <= piece.size());
      require(step.outcome != ReadOutcome::incomplete || step.taken == piece.size());
      piece.remove_prefix(step.taken);
      if (!outcome(step.outcome)) return false;
    }
    return true;
  }
  const std::string& log() const { return log_; }

 private:
  bool outcome(ReadOutcome what) {
    log_ += "\n" + std::to_string(static_cast<int>(what));
    switch (what) {
      case ReadOutcome::incomplete: log_.resize(log_.size() - 2); return true;
      case ReadOutcome::needContinuation: return true;
      case ReadOutcome::command: parse(reader_.take()); return true;
      case ReadOutcome::messageLiteral:
        parse(reader_.framed());
        messageMissing_ = reader_.framed().message.size;
        if (messageMissing_ == 0) reader_.messageDone();
        return true;
      case ReadOutcome::refused: reader_.abandon(); return true;
      case ReadOutcome::tooLong:
      case ReadOutcome::badSync: log_ += readTag(reader_.framed().text); return false;
    }
    return false;
  }

  void parse(const Framed& framed) {
    if (framed.afterMessage) {
      auto next = parseAfterMessage(framed, previousUtf8_);
      log_ += next ? (*next ? "+" + flagsText((*next)->flags) : "end") : next.error().reason;
      previousUtf8_ = next && *next && (*next)->utf8;
      return;
    }
    auto command = parseCommand(framed, mode_);
    log_ += command ? describe(*command) : command.error().tag + "!" + command.error().reason;
    if (!command) {
      require(!command.error().reason.empty());
      for (char c : command.error().reason) require(c >= ' ' && c < 0x7f);
    }
    const auto* append = command ? std::get_if<args::Append>(&command->arguments) : nullptr;
    previousUtf8_ = append != nullptr && append->first.utf8;
  }

  ParseMode mode_;
  CommandReader reader_;
  std::string log_;
  std::uint64_t messageMissing_ = 0;
  bool previousUtf8_ = false;
};

std::string run(std::string_view stream, std::size_t piece, bool utf8, const ReaderLimits& limits) {
  Driver driver(utf8, limits);
  for (std::size_t at = 0; at < stream.size(); at += piece)
    if (!driver.feed(stream.substr(at, piece))) break;
  return driver.log();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  std::string_view stream(reinterpret_cast<const char*>(data) + 1, size - 1);
  bool utf8 = (data[0] & 1) != 0;
  ReaderLimits limits = (data[0] & 2) != 0 ? limitsBeforeLogin : limitsAfterLogin;
  auto whole = run(stream, size, utf8, limits);
  require(whole == run(stream, 1, utf8, limits));
  require(whole == run(stream, std::size_t(data[0] >> 2) + 2, utf8, limits));
  return 0;
}
