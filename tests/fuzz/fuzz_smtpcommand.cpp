// room: smtp
// The command grammar: what is accepted prints to something that is accepted again and prints the same; no printed
// command and no error text holds a line break. The first octet chooses the leniency.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "base/Text.h"
#include "base/Unicode.h"
#include "smtp/Grammar.h"
#include "smtp/Xtext.h"

using namespace mox;
using namespace mox::smtp;

namespace {

template <class T>
void checkError(const Parsed<T>& parsed) {
  if (parsed) return;
  if (!isOneLine(parsed.error().text) || parsed.error().text.empty() || parsed.error().code < 500) abort();
}

void mail(std::string_view arguments, const Leniency& leniency) {
  auto parsed = parseMail(arguments, leniency);
  checkError(parsed);
  if (!parsed) return;
  std::string text = commandText(*parsed);
  if (!isPlainUtf8(text)) abort();
  auto again = parseMail(std::string_view(text).substr(4), leniency);
  // Unquoting and IDN may change lengths, so that what is printed can pass a limit; nothing else may fail.
  if (!again && again.error().text.find("longer") == std::string::npos) abort();
  if (again && commandText(*again) != text) abort();
}

void rcpt(std::string_view arguments, const Leniency& leniency, bool utf8) {
  auto parsed = parseRcpt(arguments, leniency, utf8);
  checkError(parsed);
  if (!parsed) return;
  std::string text = commandText(*parsed, utf8);
  if (!isPlainUtf8(text)) abort();
  auto again = parseRcpt(std::string_view(text).substr(4), leniency, utf8);
  if (!again && again.error().text.find("longer") == std::string::npos) abort();
  if (again && commandText(*again, utf8) != text) abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  std::string_view input(reinterpret_cast<const char*>(data) + 1, size - 1);
  const Leniency all[] = {Leniency::delivery(), Leniency::submission(), Leniency::pedantic()};
  const auto& leniency = all[data[0] % 3];
  auto next = nextLine(input);
  std::string_view line = next ? next->text : input.substr(0, maxCommandLine);
  auto command = splitCommand(line);
  checkError(command);
  // The parsers must hold without splitCommand's look at controls.
  std::string_view arguments = command ? command->arguments : line;
  mail(arguments, leniency);
  rcpt(arguments, leniency, (data[0] & 4) != 0);
  auto hello = parseEhlo(arguments, leniency);
  checkError(hello);
  if (hello && hello->host && !parseEhlo(" " + hostText(*hello->host), leniency)) abort();
  if (hello && !isOneLine(hello->text)) abort();
  checkError(parseHelo(arguments, leniency));
  checkError(parseAuth(arguments, leniency));
  checkError(parseLookup(arguments, leniency));
  checkError(parseNothing(arguments, leniency));
  if (auto text = decodeXtext(line); text && decodeXtext(encodeXtext(*text)) != text) abort();
  return 0;
}
