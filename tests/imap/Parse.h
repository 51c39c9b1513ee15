// Short ways from wire text to a command, for the suites of this room.
#pragma once

#include <string>
#include <string_view>

#include "imap/Parser.h"
#include "support/Test.h"

namespace mox::imap::test {

/// `wire` without the last CRLF; literals inline. The command as cut by the reader; empty text if it did not get there.
inline Framed frame(std::string_view wire) {
  CommandReader reader(limitsAfterLogin);
  std::string input = std::string(wire) + "\r\n";
  std::string_view rest = input;
  for (;;) {
    auto step = reader.feed(rest);
    rest.remove_prefix(step.taken);
    if (step.outcome == ReadOutcome::needContinuation) continue;
    if (step.outcome == ReadOutcome::messageLiteral) return reader.framed();
    return step.outcome == ReadOutcome::command && rest.empty() ? reader.take() : Framed();
  }
}

/// "" or the reason of the refusal.
inline std::string whyNot(std::string_view wire, bool utf8 = false) {
  auto command = parseCommand(frame(wire), {utf8});
  return command ? std::string() : command.error().reason;
}

template <class Arguments>
Arguments arguments(std::string_view wire, bool utf8 = false) {
  auto command = parseCommand(frame(wire), {utf8});
  CPPUNIT_ASSERT_MESSAGE(std::string(wire) + ": " + (command ? "" : command.error().reason), command.has_value());
  CPPUNIT_ASSERT_MESSAGE(std::string(wire), std::holds_alternative<Arguments>(command->arguments));
  return command->template as<Arguments>();
}

}  // namespace mox::imap::test
