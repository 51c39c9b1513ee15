// Dates as text: RFC 5322, RFC 3339, IMAP. All output is in UTC.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/Clock.h"

namespace mox {

/// "Mon, 02 Jan 2006 15:04:05 +0000", RFC 5322 §3.3.
std::string rfc5322Date(Time time);
/// "2006-01-02T15:04:05.123Z".
std::string rfc3339(Time time);
/// "2006-01-02T15:04:05Z".
std::string rfc3339Seconds(Time time);

/// A moment and the zone it was written in, minutes east of UTC.
struct ZonedTime {
  Time time{};
  int zoneMinutes = 0;
};

/// RFC 5322 §3.3 and the obsolete and sloppy forms mail really has (two-digit years, names of zones, missing
/// seconds, comments, no weekday). Nothing for text that is no date, or outside years 1..9999.
std::optional<ZonedTime> parseRfc5322Date(std::string_view text);
/// RFC 3339 with "Z" or an offset.
std::optional<Time> parseRfc3339(std::string_view text);

/// RFC 9051 date-time without quotes: "17-Jul-1996 02:44:25 -0700"; day padded with a space.
std::string imapDateTime(Time time);
std::optional<ZonedTime> parseImapDateTime(std::string_view text);
/// RFC 9051 date: "1-Feb-1994" as days since 1970-01-01.
std::optional<int> parseImapDate(std::string_view text);

}  // namespace mox
