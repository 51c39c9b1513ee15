#include "imap/Output.h"

#include <algorithm>

#include "base/Date.h"
#include "base/Text.h"
#include "base/Unicode.h"
#include "imap/Lexer.h"
#include "imap/MailboxName.h"

namespace mox::imap {

namespace {

bool fitsQuoted(std::string_view value, OutputMode mode) {
  if (value.size() > maxQuotedLength || !isOneLine(value)) return false;
  return isAscii(value) || (mode.utf8 && isUtf8(value));
}

void writeQuoted(std::string& out, std::string_view value) {
  out += '"';
  for (char c : value) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  out += '"';
}

}  // namespace

void writeLiteralHeader(std::string& out, std::uint64_t size, bool binary) {
  out += binary ? "~{" : "{";
  out += std::to_string(size);
  out += "}\r\n";
}

void writeLiteral(std::string& out, std::string_view value) {
  writeLiteralHeader(out, value.size());
  out += value;
}

void writeString(std::string& out, std::string_view value, OutputMode mode) {
  if (fitsQuoted(value, mode)) return writeQuoted(out, value);
  writeLiteralHeader(out, value.size(), value.find('\0') != std::string_view::npos);
  out += value;
}

void writeNstring(std::string& out, const std::optional<std::string>& value, OutputMode mode) {
  if (value) return writeString(out, *value, mode);
  out += "NIL";
}

void writeAstring(std::string& out, std::string_view value, OutputMode mode) {
  bool bare = !value.empty() && value.size() <= maxQuotedLength && !equalsNoCase(value, "NIL") &&
              std::all_of(value.begin(), value.end(), isAstringChar);
  if (bare) {
    out += value;
  } else {
    writeString(out, value, mode);
  }
}

void writeMailbox(std::string& out, std::string_view utf8Name, OutputMode mode) {
  if (mode.utf8) return writeString(out, utf8Name, mode);
  writeString(out, encodeModifiedUtf7(utf8Name));
}

void writeFlags(std::string& out, const Flags& flags) { out += flagsText(flags); }

void writeDateTime(std::string& out, Time time) {
  out += '"';
  out += imapDateTime(time);
  out += '"';
}

void writeEsearch(std::string& out, const EsearchResponse& response, OutputMode mode) {
  out += "* ESEARCH (TAG ";
  writeString(out, response.tag);
  if (response.mailbox) {
    out += " MAILBOX ";
    writeMailbox(out, *response.mailbox, mode);
    out += " UIDVALIDITY " + std::to_string(response.uidValidity);
  }
  out += ')';
  if (response.uid) out += " UID";
  if (response.min) out += " MIN " + std::to_string(*response.min);
  if (response.max) out += " MAX " + std::to_string(*response.max);
  if (response.count) out += " COUNT " + std::to_string(*response.count);
  if (!response.all.empty()) out += " ALL " + response.all;
  if (response.partial) {
    const auto& part = *response.partial;
    out += " PARTIAL (" + std::to_string(part.first) + ":" + std::to_string(part.last) + " ";
    out += part.numbers.empty() ? "NIL" : part.numbers;
    out += ')';
  }
  if (response.modSeq) out += " MODSEQ " + std::to_string(*response.modSeq);
  if (!response.relevancy.empty()) out += " RELEVANCY (" + response.relevancy + ")";
  out += "\r\n";
}

void writeVanished(std::string& out, const NumberSet& uids, bool earlier) {
  for (const auto& text : uids.texts(vanishedLineBytes)) {
    out += earlier ? "* VANISHED (EARLIER) " : "* VANISHED ";
    out += text;
    out += "\r\n";
  }
}

void writeStatus(std::string& out, std::string_view tag, std::string_view condition, std::string_view code, std::string_view text) {
  constexpr std::size_t maxText = 1000;
  out += tag;
  out += ' ';
  out += condition;
  out += ' ';
  if (!code.empty()) {
    out += '[';
    out += code;
    out += "] ";
  }
  // The grammar wants at least one character of text.
  out += text.empty() ? std::string(condition) : printable(text, maxText);
  out += "\r\n";
}

void writeContinuation(std::string& out, std::string_view text) {
  out += "+ ";
  out += text;
  out += "\r\n";
}

std::string appendUidCode(std::uint32_t uidValidity, const NumberSet& uids) {
  return "APPENDUID " + std::to_string(uidValidity) + " " + uids.text();
}

std::string copyUidCode(std::uint32_t uidValidity, const std::vector<std::uint32_t>& source,
                        const std::vector<std::uint32_t>& destination) {
  return "COPYUID " + std::to_string(uidValidity) + " " + orderedSetText(source) + " " + orderedSetText(destination);
}

std::string orderedSetText(const std::vector<std::uint32_t>& numbers) {
  std::string out;
  for (std::size_t i = 0; i < numbers.size();) {
    std::size_t last = i;
    while (last + 1 < numbers.size() && numbers[last] != 0xffffffff && numbers[last + 1] == numbers[last] + 1) ++last;
    if (!out.empty()) out += ',';
    out += std::to_string(numbers[i]);
    if (last > i) out += ":" + std::to_string(numbers[last]);
    i = last + 1;
  }
  return out;
}

}  // namespace mox::imap
