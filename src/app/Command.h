// Command: one thing `mox` can be told to do, and the table of them all.
#pragma once

#include <iosfwd>
#include <string>
#include <string_view>
#include <vector>

#include "app/Flags.h"

namespace mox::app {

/// What a command is run with. Streams are given so that tests can read and feed them.
struct Invocation {
  std::string configPath;          ///< -config, else MOXCONF, else "config/mox.conf"
  bool pedantic = false;           ///< -pedantic
  std::string logLevel;            ///< -loglevel, "" for the configured one
  std::vector<std::string> args;   ///< after the command's words
  std::istream& in;
  std::ostream& out;
  std::ostream& err;
  std::string_view words = {};     ///< the command's words
};

/// Exit status: 0 done, 1 failed, 2 called wrongly.
using Run = int (*)(Invocation&);

struct Command {
  std::string_view words;   ///< "queue list"
  std::string_view params;  ///< "[-account name] id"
  std::string_view help;    ///< first line is the summary
  Run run;
};

/// All commands, in the order help lists them.
const std::vector<Command>& commands();

/// Finds the command with the most words that starts `args`; null if none does.
const Command* findCommand(const std::vector<std::string>& args);

/// The program: global options, then a command. Never throws.
int runMain(const std::vector<std::string>& args, std::istream& in, std::ostream& out, std::ostream& err);

/// Parses a command's own options; on an error says so with the usage line and gives nothing: return 2 then.
bool parseFlags(Invocation& call, const Flags& flags, std::size_t minArgs, std::size_t maxArgs);

}  // namespace mox::app
