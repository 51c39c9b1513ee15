#include "message/HtmlText.h"

#include <algorithm>
#include <array>
#include <optional>

#include "base/Text.h"
#include "message/Charset.h"

namespace mox::message {

namespace {

constexpr std::array<std::string_view, 10> unread{"dialog", "head", "map", "math", "script", "style", "svg", "template", "title", "textarea"};
constexpr std::array<std::string_view, 4> rawText{"script", "style", "title", "textarea"};  ///< hold text, never tags
constexpr std::array<std::string_view, 28> blocks{"address", "article", "aside", "blockquote", "body", "br", "center", "div", "dl", "dt", "dd",
                                                  "footer", "form", "h1", "h2", "h3", "h4", "h5", "h6", "header", "hr", "li", "ol", "p",
                                                  "pre", "table", "tr", "ul"};
constexpr std::size_t maxQuoteDepth = 100;

struct Named {
  std::string_view name, text;
};
constexpr std::array<Named, 24> entities{{{"amp", "&"}, {"lt", "<"}, {"gt", ">"}, {"quot", "\""}, {"apos", "'"}, {"nbsp", " "},
    {"shy", ""}, {"zwnj", ""}, {"zwj", ""}, {"copy", "\u00a9"}, {"reg", "\u00ae"}, {"trade", "\u2122"}, {"euro", "\u20ac"},
    {"hellip", "\u2026"}, {"mdash", "\u2014"}, {"ndash", "\u2013"}, {"lsquo", "\u2018"}, {"rsquo", "\u2019"}, {"ldquo", "\u201c"},
    {"rdquo", "\u201d"}, {"laquo", "\u00ab"}, {"raquo", "\u00bb"}, {"bull", "\u2022"}, {"middot", "\u00b7"}}};

template <std::size_t size>
bool oneOf(const std::array<std::string_view, size>& list, std::string_view name) {
  return std::any_of(list.begin(), list.end(), [&](std::string_view one) { return equalsNoCase(one, name); });
}

void appendCodePoint(std::uint32_t c, std::string& out) {
  if (c < 0x20 || c > 0x10ffff || (c >= 0xd800 && c < 0xe000) || (c >= 0x7f && c < 0xa0)) c = c == '\t' || c == '\n' ? ' ' : 0xfffd;
  if (c < 0x80) {
    out += static_cast<char>(c);
    return;
  }
  if (c < 0x800) out += static_cast<char>(0xc0 | c >> 6);
  else if (c < 0x10000) out += static_cast<char>(0xe0 | c >> 12);
  else out += static_cast<char>(0xf0 | c >> 18);
  if (c >= 0x10000) out += static_cast<char>(0x80 | (c >> 12 & 0x3f));
  if (c >= 0x800) out += static_cast<char>(0x80 | (c >> 6 & 0x3f));
  out += static_cast<char>(0x80 | (c & 0x3f));
}

/// The reference "&...;" in front of `text`; how many octets it took, 0 if it is none.
std::size_t characterReference(std::string_view text, std::string& out) {
  constexpr std::size_t longest = 12;
  auto semicolon = text.substr(0, longest).find(';');
  if (semicolon == std::string_view::npos || semicolon < 2) return 0;
  auto name = text.substr(1, semicolon - 1);
  if (name[0] != '#') {
    auto at = std::find_if(entities.begin(), entities.end(), [&](const Named& one) { return one.name == name; });
    if (at == entities.end()) return 0;
    out += at->text;
    return semicolon + 1;
  }
  bool isHex = name.size() > 1 && asciiLower(name[1]) == 'x';
  std::uint32_t value = 0;
  name.remove_prefix(isHex ? 2 : 1);
  if (name.empty() || name.size() > 8) return 0;
  for (char c : name) {
    char l = asciiLower(c);
    bool letter = isHex && l >= 'a' && l <= 'f';
    if (!isDigit(c) && !letter) return 0;
    value = value * (isHex ? 16 : 10) + static_cast<std::uint32_t>(letter ? l - 'a' + 10 : c - '0');
  }
  appendCodePoint(value, out);
  return semicolon + 1;
}

struct Tag {
  std::string_view name;
  bool closes = false, selfClosed = false;
};

class Tokenizer {
 public:
  Tokenizer(std::string_view html, std::size_t limit) : html_(html), limit_(limit) {}

  std::string run() {
    while (at_ < html_.size() && out_.size() <= limit_) {  // beyond it, so that it is seen whether a character ends there
      if (html_[at_] == '<' && markup()) continue;
      character();
    }
    return std::string(cutUtf8(out_, limit_));
  }

 private:
  void character() {
    char c = html_[at_];
    if (c == '\r' || c == '\n' || c == '\0' || isWsp(c)) {
      space_ = true;
      ++at_;
      return;
    }
    std::string text;
    if (c == '&') {
      if (auto used = characterReference(html_.substr(at_), text); used > 0) {
        at_ += used;
        if (text == " ") space_ = true;
        else if (!text.empty()) word(text);
        return;
      }
    }
    word(html_.substr(at_++, 1));
  }

  void word(std::string_view text) {
    bool lineStart = out_.empty() || out_.back() == '\n';
    if (lineStart && quotes_ > 0) out_ += "> ";
    else if (space_ && !lineStart) out_ += ' ';
    space_ = false;
    out_ += text;
  }

  void newline() {
    space_ = false;
    if (!out_.empty() && out_.back() != '\n') out_ += '\n';
  }

  /// At "<": a tag, comment or declaration; false if it is just a less-than sign.
  bool markup() {
    auto rest = html_.substr(at_);
    if (rest.starts_with("<!--")) {
      auto end = rest.find("-->", 4);
      at_ = end == std::string_view::npos ? html_.size() : at_ + end + 3;
      return true;
    }
    if (rest.size() == 1) {  // cut off, or nothing
      ++at_;
      return true;
    }
    if (!(isAlpha(rest[1]) || rest[1] == '/' || rest[1] == '!' || rest[1] == '?')) return false;
    Tag tag = readTag();
    if (oneOf(unread, tag.name) && !tag.closes && !tag.selfClosed) {
      skipElement(tag.name);
      return true;
    }
    if (oneOf(blocks, tag.name)) newline();
    if (equalsNoCase(tag.name, "blockquote")) {
      if (!tag.closes) quotes_ = std::min(quotes_ + 1, maxQuoteDepth);
      else if (quotes_ > 0) --quotes_;
    } else if (equalsNoCase(tag.name, "td") || equalsNoCase(tag.name, "th")) {
      space_ = true;
    }
    return true;
  }

  /// Goes past ">", which does not count in a quoted attribute value; to the end if there is none.
  Tag readTag() {
    Tag tag;
    ++at_;
    tag.closes = at_ < html_.size() && html_[at_] == '/';
    at_ += tag.closes ? 1 : 0;
    auto start = at_;
    while (at_ < html_.size() && (isAlpha(html_[at_]) || isDigit(html_[at_]) || html_[at_] == '-' || html_[at_] == ':')) ++at_;
    tag.name = html_.substr(start, at_ - start);
    char quote = 0, before = 0;
    for (; at_ < html_.size(); ++at_) {
      char c = html_[at_];
      if (quote != 0) quote = c == quote ? '\0' : quote;
      else if (c == '>') break;
      else if ((c == '"' || c == '\'') && before == '=') quote = c;
      if (!isWsp(c)) before = c;
    }
    tag.selfClosed = before == '/';
    at_ += at_ < html_.size() ? 1 : 0;
    return tag;
  }

  /// To the end of an element that is not read, those of the same name in it counted. A head also ends at the body,
  /// because its end tag may be left out.
  void skipElement(std::string_view name) {
    bool raw = oneOf(rawText, name);
    bool head = equalsNoCase(name, "head");
    for (std::size_t depth = 1; depth > 0;) {
      auto next = html_.find('<', at_);
      if (next == std::string_view::npos) {
        at_ = html_.size();
        return;
      }
      at_ = next;
      auto rest = html_.substr(at_);
      bool isEnd = rest.size() > 2 && rest[1] == '/' && startsWithNoCase(rest.substr(2), name);
      bool isBody = head && startsWithNoCase(rest, "<body");
      if (isBody) return;
      if (raw && !isEnd) {
        ++at_;
        continue;
      }
      if (!raw && rest.starts_with("<!--")) {
        auto end = rest.find("-->", 4);
        at_ = end == std::string_view::npos ? html_.size() : at_ + end + 3;
        continue;
      }
      Tag tag = readTag();
      if (!equalsNoCase(tag.name, name)) {
        // Raw text within: what looks like a tag there is none.
        if (!raw && !tag.closes && !tag.selfClosed && oneOf(rawText, tag.name)) skipRaw(tag.name);
        continue;
      }
      if (tag.closes) --depth;
      else if (!tag.selfClosed) ++depth;
    }
  }

  void skipRaw(std::string_view name) {
    while ((at_ = std::min(html_.find("</", at_), html_.size())) < html_.size()) {
      if (startsWithNoCase(html_.substr(at_ + 2), name)) {
        readTag();
        return;
      }
      at_ += 2;
    }
  }

  std::string_view html_;
  std::size_t limit_;
  std::size_t at_ = 0;
  std::size_t quotes_ = 0;
  bool space_ = false;
  std::string out_;
};

}  // namespace

std::string htmlToText(std::string_view html, std::size_t limit) { return Tokenizer(html, limit).run(); }

}  // namespace mox::message
