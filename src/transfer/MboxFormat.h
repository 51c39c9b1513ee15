// The small parts of mbox files (RFC 4155 and what programs really write): the line before a message, quoting,
// flags in header fields.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/Clock.h"
#include "imap/Flags.h"

namespace mox::transfer {

/// A line that begins a message.
struct FromLine {
  std::optional<Time> date;  ///< UTC unless the line says a zone; newer Thunderbird writes none
};

/// `line` without its line end. Needs a date that can be read, so that text which happens to begin with "From " is
/// none; without any sender and date ("From ", "From -") only `afterBlank`.
std::optional<FromLine> parseFromLine(std::string_view line, bool afterBlank);
/// A line that begins with "From ", but parseFromLine() does not know its form: what else speaks for it.
/// A time of day with seconds, as programs write dates ("2024-01-02T15:04:05Z", "Mo 2. Jan 15:04:05 24") and people do not.
bool hasTimeOfDay(std::string_view line);
/// "Name: value", as a message begins after its From_ line. An address like "http://..." is none.
bool isFieldLine(std::string_view line);

/// "From MAILER-DAEMON Thu Jan  1 00:00:00 1970\n".
std::string fromLine(Time received);

/// mboxrd: "From " behind any number of ">". Such a line is written with one more and read with one less.
bool isQuotedFrom(std::string_view line);

/// True for header fields that are the mailbox's and not the message's: Status, X-Status, X-Keywords, X-UID, X-IMAP,
/// X-IMAPbase and Thunderbird's X-Mozilla-Status, -Status2 and -Keys.
bool isMailboxField(std::string_view name);
/// Adds the flags one of these fields says.
void addFieldFlags(std::string_view name, std::string_view value, imap::Flags& flags);
/// Status, X-Status and X-Keywords, in this order and always all three, LF line ends: MboxReader then knows that only
/// they are ours.
std::string statusFields(const imap::Flags& flags);

}  // namespace mox::transfer
