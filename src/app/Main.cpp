// The program's front door: global options, the table of commands, help.
#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <istream>
#include <ostream>

#include "app/Command.h"
#include "base/Text.h"

namespace mox::app {

namespace {

std::size_t wordCount(std::string_view words) { return split(words, ' ').size(); }

bool startsWithWords(const std::vector<std::string>& args, std::string_view words) {
  auto wanted = split(words, ' ');
  if (args.size() < wanted.size()) return false;
  for (std::size_t i = 0; i < wanted.size(); ++i)
    if (args[i] != wanted[i]) return false;
  return true;
}

std::string usageLine(const Command& command) {
  return fmt::format("mox {}{}{}", command.words, command.params.empty() ? "" : " ", command.params);
}

void listCommands(std::ostream& out, const std::vector<const Command*>& which) {
  for (const auto* command : which) out << "  " << usageLine(*command) << "\n";
}

void usage(std::ostream& out) {
  out << "usage: mox [-config path] [-pedantic] [-loglevel level] command ...\n\n";
  std::vector<const Command*> all;
  for (const auto& command : commands()) all.push_back(&command);
  listCommands(out, all);
  out << "\n\"mox help command\" tells more of one.\n";
}

/// Commands of which these are the first words, or all.
std::vector<const Command*> beginningWith(const std::vector<std::string>& words) {
  std::vector<const Command*> out;
  for (const auto& command : commands()) {
    auto own = split(command.words, ' ');
    if (own.size() >= words.size() && std::equal(words.begin(), words.end(), own.begin())) out.push_back(&command);
  }
  return out;
}

/// Of what is no command the rest that could be meant: what begins with as many of its words as there is anything for.
void unknownCommand(std::vector<std::string> words, std::ostream& err) {
  auto given = join(words, " ");
  auto near = beginningWith(words);
  bool isBeginning = !near.empty();
  for (; near.empty(); near = beginningWith(words)) words.pop_back();
  err << (isBeginning ? "incomplete command: " : "unknown command: ") << printable(given) << "\n";
  if (words.empty()) return usage(err);
  listCommands(err, near);
}

int help(const std::vector<std::string>& words, std::ostream& out, std::ostream& err) {
  if (words.empty()) {
    usage(out);
    return 0;
  }
  auto found = beginningWith(words);
  for (const auto* command : found)
    if (wordCount(command->words) == words.size()) {
      found = {command};
      break;
    }
  if (found.empty()) {
    err << "no such command: " << join(words, " ") << "\n";
    return 2;
  }
  if (found.size() > 1) {
    listCommands(out, found);
    return 0;
  }
  out << "usage: " << usageLine(*found[0]) << "\n\n" << found[0]->help << "\n";
  return 0;
}

std::string environment(const char* name, std::string_view fallback) {
  const char* value = std::getenv(name);
  return value != nullptr && *value != '\0' ? value : std::string(fallback);
}

int dispatch(Invocation& call) {
  if (call.args.empty()) {
    usage(call.err);
    return 2;
  }
  if (call.args[0] == "help") return help({call.args.begin() + 1, call.args.end()}, call.out, call.err);
  if (call.args[0] == "version") {
    call.out << "mox " << MOX_VERSION << "\n";
    return 0;
  }
  const auto* command = findCommand(call.args);
  if (command == nullptr) {
    unknownCommand(call.args, call.err);
    return 2;
  }
  call.args.erase(call.args.begin(), call.args.begin() + static_cast<std::ptrdiff_t>(wordCount(command->words)));
  call.words = command->words;
  return command->run(call);
}

}  // namespace

const Command* findCommand(const std::vector<std::string>& args) {
  const Command* best = nullptr;
  for (const auto& command : commands())
    if (startsWithWords(args, command.words) && (best == nullptr || command.words.size() > best->words.size())) best = &command;
  return best;
}

bool parseFlags(Invocation& call, const Flags& flags, std::size_t minArgs, std::size_t maxArgs) {
  auto rest = flags.parse(call.args);
  if (rest && rest->size() >= minArgs && rest->size() <= maxArgs) {
    call.args = std::move(*rest);
    return true;
  }
  call.err << (rest ? "wrong number of arguments" : rest.error().text) << "; see \"mox help\"\n" << flags.usage();
  return false;
}

int runMain(const std::vector<std::string>& args, std::istream& in, std::ostream& out, std::ostream& err) {
  Invocation call{environment("MOXCONF", "config/mox.conf"), false, "", {}, in, out, err};
  Flags global;
  global.text("config", call.configPath, "path of mox.conf; domains.conf stands beside it")
      .toggle("pedantic", call.pedantic, "protocol violations are errors instead of tolerated")
      .text("loglevel", call.logLevel, "log level, instead of the configured one");
  auto rest = global.parse(args);
  if (!rest) {
    err << rest.error().text << "\n";
    return 2;
  }
  call.args = std::move(*rest);
  try {
    return dispatch(call);
  } catch (const std::exception& broken) {
    err << "error: " << broken.what() << "\n";
    return 1;
  }
}

}  // namespace mox::app
