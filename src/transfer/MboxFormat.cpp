#include "transfer/MboxFormat.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <vector>

#include "base/Date.h"
#include "base/Text.h"
#include "transfer/Keywords.h"

namespace mox::transfer {

namespace {

using imap::Flag;

constexpr std::array<std::string_view, 7> dayNames{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
constexpr std::array<std::string_view, 12> monthNames{"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

/// Words of a From_ line that are looked at.
constexpr std::size_t wordsAtMost = 20;

std::vector<std::string_view> words(std::string_view text) {
  std::vector<std::string_view> out;
  for (auto word : split(text, ' ')) {
    if (!word.empty()) out.push_back(word);
    if (out.size() == wordsAtMost) break;
  }
  return out;
}

bool isDayName(std::string_view word) {
  if (word.ends_with(',')) word.remove_suffix(1);
  return std::any_of(dayNames.begin(), dayNames.end(), [&](auto day) { return equalsNoCase(word, day); });
}

/// "Jan 2 15:04:05 2006" with a zone before or after the year, in the order of a date in a header field.
std::optional<Time> asctime(const std::vector<std::string_view>& from, std::size_t month) {
  if (from.size() < month + 4) return std::nullopt;
  std::string_view year, zone = "+0000";
  for (std::size_t i = month + 3; i < from.size() && i < month + 6; ++i) {
    if (from[i].size() == 4 && std::all_of(from[i].begin(), from[i].end(), isDigit) && year.empty()) year = from[i];
    else zone = from[i];
  }
  if (year.empty()) return std::nullopt;
  auto date = parseRfc5322Date(fmt::format("{} {} {} {} {}", from[month + 1], from[month], year, from[month + 2], zone));
  return date ? std::optional(date->time) : std::nullopt;
}

std::optional<Time> dateOf(std::string_view rest) {
  auto parts = words(rest);
  for (std::size_t i = 0; i + 1 < parts.size(); ++i) {
    if (!isDayName(parts[i])) continue;
    if (auto date = asctime(parts, i + 1)) return date;
    auto text = rest.substr(static_cast<std::size_t>(parts[i].data() - rest.data()));
    if (auto date = parseRfc5322Date(text)) return date->time;
  }
  return std::nullopt;
}

struct Letter {
  char letter;
  Flag flag;
};
constexpr Letter statusLetters[] = {{'R', Flag::seen}, {'A', Flag::answered}, {'F', Flag::flagged}, {'T', Flag::draft}, {'D', Flag::deleted}};

/// The bits of Thunderbird's nsMsgMessageFlags.
struct MozillaBit {
  std::uint32_t bit;
  Flag flag;
};
constexpr MozillaBit mozillaBits[] = {{0x1, Flag::seen}, {0x2, Flag::answered}, {0x4, Flag::flagged}, {0x8, Flag::deleted}, {0x1000, Flag::forwarded}};

void addMozilla(std::string_view value, imap::Flags& flags) {
  std::uint32_t bits = 0;
  for (char c : value.substr(0, 8)) {
    auto digit = std::string_view("0123456789abcdef").find(asciiLower(c));
    if (digit == std::string_view::npos) return;
    bits = bits * 16 + static_cast<std::uint32_t>(digit);
  }
  for (auto [bit, flag] : mozillaBits)
    if ((bits & bit) != 0) flags.set(flag);
}

}  // namespace

std::optional<FromLine> parseFromLine(std::string_view line, bool afterBlank) {
  constexpr std::string_view start = "From ";
  if (!line.starts_with(start)) return std::nullopt;
  auto rest = line.substr(start.size());
  if (auto date = dateOf(rest)) return FromLine{date};
  auto bare = trim(rest);
  if (afterBlank && (bare.empty() || bare == "-")) return FromLine{};
  return std::nullopt;
}

bool hasTimeOfDay(std::string_view line) {
  constexpr std::string_view form = "0:00:00";
  for (std::size_t at = 0; at + form.size() <= line.size(); ++at) {
    auto part = line.substr(at, form.size());
    bool fits = std::equal(part.begin(), part.end(), form.begin(), [](char c, char f) { return f == ':' ? c == ':' : isDigit(c); });
    if (fits) return true;
  }
  return false;
}

bool isFieldLine(std::string_view line) {
  auto field = cut(line, ':');
  auto isNameOctet = [](char c) { return c > 32 && c < 127; };
  return field && !field->first.empty() && std::all_of(field->first.begin(), field->first.end(), isNameOctet) && !field->second.starts_with("//");
}

std::string fromLine(Time received) {
  using namespace std::chrono;
  auto second = floor<seconds>(received);
  auto day = floor<days>(second);
  year_month_day date(day);
  hh_mm_ss time(second - day);
  return fmt::format("From MAILER-DAEMON {} {} {:2} {:02}:{:02}:{:02} {:04}\n", dayNames[weekday(day).c_encoding()],
                     monthNames[static_cast<unsigned>(date.month()) - 1], static_cast<unsigned>(date.day()), time.hours().count(),
                     time.minutes().count(), time.seconds().count(), static_cast<int>(date.year()));
}

bool isQuotedFrom(std::string_view line) {
  auto start = line.find_first_not_of('>');
  return start != std::string_view::npos && line.substr(start).starts_with("From ");
}

bool isMailboxField(std::string_view name) {
  static constexpr std::string_view names[] = {"Status", "X-Status", "X-Keywords", "X-UID", "X-IMAP", "X-IMAPbase",
                                               "X-Mozilla-Status", "X-Mozilla-Status2", "X-Mozilla-Keys"};
  return std::any_of(std::begin(names), std::end(names), [&](auto known) { return equalsNoCase(name, known); });
}

void addFieldFlags(std::string_view name, std::string_view value, imap::Flags& flags) {
  value = trim(value);
  if (equalsNoCase(name, "Status") || equalsNoCase(name, "X-Status")) {
    for (auto [letter, flag] : statusLetters)
      if (value.find(letter) != std::string_view::npos) flags.set(flag);
  } else if (equalsNoCase(name, "X-Keywords") || equalsNoCase(name, "X-Mozilla-Keys")) {
    addForeignList(value, flags);
  } else if (equalsNoCase(name, "X-Mozilla-Status")) {
    addMozilla(value, flags);
  }
}

std::string statusFields(const imap::Flags& flags) {
  std::string marks;
  for (auto [letter, flag] : statusLetters)
    if (letter != 'R' && flags.has(flag)) marks.push_back(letter);
  return fmt::format("Status: {}O\nX-Status: {}\nX-Keywords: {}\n", flags.has(Flag::seen) ? "R" : "", marks, keywordList(flags));
}

}  // namespace mox::transfer
