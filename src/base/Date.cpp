#include "base/Date.h"

#include <fmt/format.h>

#include <array>
#include <vector>

#include "base/Text.h"

namespace mox {

namespace {

namespace chr = std::chrono;

constexpr std::array<std::string_view, 12> months{"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
constexpr std::array<std::string_view, 7> weekdays{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};

struct Fields {
  int year = 0;
  unsigned month = 0, day = 0;
  int hour = 0, minute = 0, second = 0;
  int zoneMinutes = 0;
};

struct Civil {
  Fields at;
  unsigned weekday = 0;
  int millis = 0;
};

Civil civil(Time time) {
  auto day = chr::floor<chr::days>(time);
  chr::year_month_day date(day);
  chr::hh_mm_ss clock(chr::floor<chr::milliseconds>(time - day));
  Civil out;
  out.at = {int(date.year()), unsigned(date.month()), unsigned(date.day()), int(clock.hours().count()),
            int(clock.minutes().count()), int(clock.seconds().count()), 0};
  out.weekday = chr::weekday(day).c_encoding();
  out.millis = int(clock.subseconds().count());
  return out;
}

std::optional<ZonedTime> moment(const Fields& f) {
  chr::year_month_day date(chr::year(f.year), chr::month(f.month), chr::day(f.day));
  if (!date.ok() || f.year < 1 || f.year > 9999) return std::nullopt;
  // A leap second is the moment after: 23:59:60 counts on.
  if (f.hour > 23 || f.minute > 59 || f.second > 60 || f.zoneMinutes < -24 * 60 || f.zoneMinutes > 24 * 60) return std::nullopt;
  Time time = chr::sys_days(date) + chr::hours(f.hour) + chr::minutes(f.minute - f.zoneMinutes) + chr::seconds(f.second);
  return ZonedTime{time, f.zoneMinutes};
}

std::optional<unsigned> monthNumber(std::string_view name) {
  for (unsigned i = 0; i < months.size(); ++i)
    if (startsWithNoCase(name, months[i])) return i + 1;
  return std::nullopt;
}

std::optional<int> number(std::string_view text, std::size_t maxDigits) {
  if (text.size() > maxDigits) return std::nullopt;
  auto value = parseUnsigned(text);
  if (!value) return std::nullopt;
  return static_cast<int>(*value);
}

std::optional<int> zone(std::string_view text) {
  if (text.size() == 5 && (text[0] == '+' || text[0] == '-')) {
    auto digits = number(text.substr(1), 4);
    if (!digits || *digits % 100 > 59) return std::nullopt;
    int minutes = *digits / 100 * 60 + *digits % 100;
    return text[0] == '-' ? -minutes : minutes;
  }
  struct Named { std::string_view name; int hours; };
  constexpr std::array<Named, 11> named{{{"UT", 0}, {"UTC", 0}, {"GMT", 0}, {"EST", -5}, {"EDT", -4}, {"CST", -6},
                                         {"CDT", -5}, {"MST", -7}, {"MDT", -6}, {"PST", -8}, {"PDT", -7}}};
  for (const auto& [name, hours] : named)
    if (equalsNoCase(text, name)) return hours * 60;
  // RFC 5322 §4.3: other names and single letters say nothing reliable: -0000.
  for (char c : text)
    if (!isAlpha(c)) return std::nullopt;
  return 0;
}

/// "hh:mm" or "hh:mm:ss".
bool clockFields(std::string_view text, Fields& f) {
  auto parts = split(text, ':');
  if (parts.size() < 2 || parts.size() > 3) return false;
  auto hour = number(parts[0], 2), minute = number(parts[1], 2);
  auto second = parts.size() == 3 ? number(parts[2], 2) : std::optional<int>(0);
  if (!hour || !minute || !second) return false;
  f.hour = *hour;
  f.minute = *minute;
  f.second = *second;
  return true;
}

/// Words between blanks and commas, comments left out (nested ones too).
std::vector<std::string_view> words(std::string_view text) {
  std::vector<std::string_view> out;
  std::size_t start = 0;
  int depth = 0;
  auto flush = [&](std::size_t end) {
    if (end > start && out.size() < 16) out.push_back(text.substr(start, end - start));
  };
  for (std::size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    bool blank = isWsp(c) || c == '\r' || c == '\n' || c == ',';
    if (depth == 0 && (blank || c == '(')) flush(i);
    if (c == '(') ++depth;
    if (depth > 0 || blank) start = i + 1;
    if (c == ')' && depth > 0) --depth;
  }
  if (depth == 0) flush(text.size());
  return out;
}

}  // namespace

std::string rfc5322Date(Time time) {
  auto c = civil(time);
  return fmt::format("{}, {:02} {} {:04} {:02}:{:02}:{:02} +0000", weekdays[c.weekday], c.at.day, months[c.at.month - 1], c.at.year,
                     c.at.hour, c.at.minute, c.at.second);
}

std::string rfc3339(Time time) {
  auto c = civil(time);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", c.at.year, c.at.month, c.at.day, c.at.hour, c.at.minute, c.at.second, c.millis);
}

std::string rfc3339Seconds(Time time) {
  auto c = civil(time);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z", c.at.year, c.at.month, c.at.day, c.at.hour, c.at.minute, c.at.second);
}

std::optional<ZonedTime> parseRfc5322Date(std::string_view text) {
  auto parts = words(text);
  if (!parts.empty() && isAlpha(parts[0][0])) parts.erase(parts.begin());  // day of week
  if (parts.size() < 4) return std::nullopt;
  Fields f;
  auto day = number(parts[0], 2);
  auto month = monthNumber(parts[1]);
  auto year = number(parts[2], 4);
  if (!day || !month || !year || !clockFields(parts[3], f)) return std::nullopt;
  f.day = static_cast<unsigned>(*day);
  f.month = *month;
  // RFC 5322 §4.3: two digits below 50 are 20xx, else 19xx; three digits count from 1900.
  f.year = *year;
  if (parts[2].size() == 2) f.year += *year < 50 ? 2000 : 1900;
  if (parts[2].size() == 3) f.year += 1900;
  if (parts.size() > 4) f.zoneMinutes = zone(parts[4]).value_or(0);
  return moment(f);
}

std::optional<Time> parseRfc3339(std::string_view text) {
  if (text.size() < 20 || text[4] != '-' || text[7] != '-' || asciiUpper(text[10]) != 'T') return std::nullopt;
  Fields f;
  auto year = number(text.substr(0, 4), 4), month = number(text.substr(5, 2), 2), day = number(text.substr(8, 2), 2);
  if (!year || !month || !day || !clockFields(text.substr(11, 8), f)) return std::nullopt;
  f.year = *year;
  f.month = static_cast<unsigned>(*month);
  f.day = static_cast<unsigned>(*day);
  auto rest = text.substr(19);
  if (rest[0] == '.') {
    auto end = rest.find_first_not_of("0123456789", 1);
    if (end == 1 || end == std::string_view::npos) return std::nullopt;
    rest.remove_prefix(end);
  }
  if (rest == "Z" || rest == "z") {
    // zone stays 0
  } else if (rest.size() == 6 && rest[3] == ':') {
    auto offset = zone(std::string(rest.substr(0, 3)) + std::string(rest.substr(4)));
    if (!offset) return std::nullopt;
    f.zoneMinutes = *offset;
  } else {
    return std::nullopt;
  }
  auto at = moment(f);
  if (!at) return std::nullopt;
  return at->time;
}

std::string imapDateTime(Time time) {
  auto c = civil(time);
  return fmt::format("{:2}-{}-{:04} {:02}:{:02}:{:02} +0000", c.at.day, months[c.at.month - 1], c.at.year, c.at.hour, c.at.minute, c.at.second);
}

namespace {

/// "d-Mon-yyyy" with one or two digits of day.
bool imapDateFields(std::string_view text, Fields& f) {
  auto parts = split(text, '-');
  if (parts.size() != 3 || parts[1].size() != 3 || parts[2].size() != 4) return false;
  auto day = number(parts[0], 2), year = number(parts[2], 4);
  auto month = monthNumber(parts[1]);
  if (!day || !month || !year) return false;
  f.day = static_cast<unsigned>(*day);
  f.month = *month;
  f.year = *year;
  return true;
}

}  // namespace

std::optional<ZonedTime> parseImapDateTime(std::string_view text) {
  if (text.size() != 26 || text[11] != ' ' || text[20] != ' ') return std::nullopt;
  Fields f;
  auto date = text.substr(0, 11);
  if (date[0] == ' ') date.remove_prefix(1);
  if (!imapDateFields(date, f) || text[14] != ':' || text[17] != ':' || !clockFields(text.substr(12, 8), f)) return std::nullopt;
  if (text[21] != '+' && text[21] != '-') return std::nullopt;
  auto offset = zone(text.substr(21));
  if (!offset) return std::nullopt;
  f.zoneMinutes = *offset;
  return moment(f);
}

std::optional<int> parseImapDate(std::string_view text) {
  Fields f;
  if (!imapDateFields(text, f)) return std::nullopt;
  chr::year_month_day date(chr::year(f.year), chr::month(f.month), chr::day(f.day));
  if (!date.ok()) return std::nullopt;
  return static_cast<int>(chr::sys_days(date).time_since_epoch().count());
}

}  // namespace mox
