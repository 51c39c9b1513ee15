#include "message/EncodedWords.h"

#include <algorithm>
#include <optional>
#include <vector>

#include "base/Text.h"
#include "base/Unicode.h"
#include "message/Charset.h"
#include "message/Decode.h"

namespace mox::message {

namespace {

struct Word {
  std::string charset;  ///< lower case
  std::string bytes;
  std::size_t size = 0;  ///< octets of the word in the text
};

int hexDigit(char c) {
  if (isDigit(c)) return c - '0';
  char l = asciiLower(c);
  return l >= 'a' && l <= 'f' ? l - 'a' + 10 : -1;
}

/// RFC 2047 §4.2. A "=" without two hex digits stands for itself.
std::string decodeQ(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    int high = -1, low = -1;
    if (text[i] == '=' && i + 2 < text.size()) {
      high = hexDigit(text[i + 1]);
      low = hexDigit(text[i + 2]);
    }
    if (high >= 0 && low >= 0) {
      out += static_cast<char>(high * 16 + low);
      i += 2;
    } else {
      out += text[i] == '_' ? ' ' : text[i];
    }
  }
  return out;
}

/// RFC 2047 §4.1; padding may be missing, other characters may not be there.
std::optional<std::string> decodeB(std::string_view text) {
  while (!text.empty() && text.back() == '=') text.remove_suffix(1);
  bool clean = std::all_of(text.begin(), text.end(), [](char c) { return isAlpha(c) || isDigit(c) || c == '+' || c == '/'; });
  if (!clean || text.size() % 4 == 1) return std::nullopt;
  return decode(Encoding::base64, text);
}

/// The encoded word that starts at `at` ("=?"), if it is one.
std::optional<Word> wordAt(std::string_view text, std::size_t at) {
  auto charsetEnd = text.find_first_of("? \t\r\n", at + 2);
  if (charsetEnd == std::string_view::npos || text[charsetEnd] != '?' || charsetEnd == at + 2) return std::nullopt;
  if (charsetEnd - at > 2 + maxCharsetName || charsetEnd + 2 >= text.size() || text[charsetEnd + 2] != '?') return std::nullopt;
  auto start = charsetEnd + 3;
  auto end = text.find('?', start);
  if (end == std::string_view::npos || end + 1 >= text.size() || text[end + 1] != '=') return std::nullopt;
  auto body = text.substr(start, end - start);
  Word word;
  word.charset = lower(text.substr(at + 2, charsetEnd - at - 2));
  word.charset.resize(std::min(word.charset.find('*'), word.charset.size()));  // RFC 2231 §5 language
  word.size = end + 2 - at;
  char how = asciiLower(text[charsetEnd + 1]);
  if (how == 'q') {
    word.bytes = decodeQ(body);
    return word;
  }
  if (how != 'b') return std::nullopt;
  auto bytes = decodeB(body);
  if (!bytes) return std::nullopt;
  word.bytes = std::move(*bytes);
  return word;
}

/// Where plain text from `at` on ends: at white space or the next "=?", for senders glue words to other text.
std::size_t plainEnd(std::string_view text, std::size_t at) {
  for (++at; at < text.size(); ++at)
    if (isWsp(text[at]) || text.substr(at, 2) == "=?") break;
  return at;
}

/// Collects output; holds decoded words back until the charset changes or other text comes.
class WordJoiner {
 public:
  explicit WordJoiner(std::size_t& conversionsLeft) : conversionsLeft_(conversionsLeft) {}
  bool full() const { return out_.size() >= maxDecodedText; }
  bool mayConvert(std::string_view charset) const { return isBuiltInCharset(charset) || joins(charset) || conversionsLeft_ > 0; }

  void word(Word word) {
    if (!gap_.empty() && !afterWord_) out_ += gap_;
    gap_.clear();
    if (!joins(word.charset)) {
      flush();
      if (!isBuiltInCharset(word.charset)) --conversionsLeft_;
    }
    charset_ = std::move(word.charset);
    pending_ += word.bytes;
    afterWord_ = true;
  }
  void space(std::string_view text) { gap_ += text; }
  void plain(std::string_view text) {
    flush();
    out_ += gap_;
    gap_.clear();
    out_ += text;
    afterWord_ = false;
  }
  std::string take() {
    flush();
    out_ += gap_;
    if (out_.size() > maxDecodedText) out_.resize(maxDecodedText);
    for (char& c : out_)
      if (c == '\r' || c == '\n' || c == '\0') c = ' ';
    return isUtf8(out_) ? std::move(out_) : toUtf8(out_, "utf-8");
  }

 private:
  bool joins(std::string_view charset) const { return !pending_.empty() && charset == charset_; }
  void flush() {
    if (pending_.empty()) return;
    out_ += charsetToUtf8(pending_, charset_);
    pending_.clear();
  }

  std::size_t& conversionsLeft_;
  std::string out_, pending_, charset_, gap_;
  bool afterWord_ = false;
};

}  // namespace

std::string decodeWords(std::string_view value) {
  auto conversionsLeft = maxWordConversions;
  return decodeWords(value, conversionsLeft);
}

std::string decodeWords(std::string_view value, std::size_t& conversionsLeft) {
  std::string text = unfoldedWhole(trim(value));
  if (text.find("=?") == std::string::npos && isUtf8(text) && text.size() <= maxDecodedText) return text;
  WordJoiner out(conversionsLeft);
  for (std::size_t at = 0; at < text.size() && !out.full();) {
    if (isWsp(text[at])) {
      auto end = std::min(text.find_first_not_of(" \t", at), text.size());
      out.space(std::string_view(text).substr(at, end - at));
      at = end;
      continue;
    }
    if (text.compare(at, 2, "=?") == 0) {
      if (auto word = wordAt(text, at); word && out.mayConvert(word->charset)) {
        at += word->size;
        out.word(std::move(*word));
        continue;
      }
    }
    auto end = plainEnd(text, at);
    out.plain(std::string_view(text).substr(at, end - at));
    at = end;
  }
  return out.take();
}

namespace {

constexpr std::size_t maxWord = 64;  ///< RFC 2047 §2 allows 75, but the first should fit behind "Subject: "
constexpr std::string_view wordStart = "=?utf-8?q?", wordStartBase64 = "=?utf-8?b?", wordEnd = "?=";

/// RFC 2047 §5 (3): safe in a phrase too.
bool isPlainInQ(char c) { return isAlpha(c) || isDigit(c) || std::string_view("!*+-/").find(c) != std::string_view::npos; }

std::string encodeQ(std::string_view piece) {
  std::string out;
  for (char c : piece) {
    if (c == ' ') out += '_';
    else if (isPlainInQ(c)) out += c;
    else out += "=" + upper(hex(std::string_view(&c, 1)));
  }
  return out;
}

std::size_t characterSize(std::string_view text) {
  std::size_t size = 1;
  while (size < text.size() && (static_cast<unsigned char>(text[size]) & 0xc0) == 0x80) ++size;
  return size;
}

}  // namespace

std::string encodeWords(std::string_view text) {
  if (isAscii(text) && text.find("=?") == std::string_view::npos) return std::string(text);
  auto strange = static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) { return !isPlainInQ(c) && c != ' '; }));
  bool useBase64 = strange * 3 > text.size();
  std::string out, piece;
  auto flush = [&] {
    if (piece.empty()) return;
    if (!out.empty()) out += ' ';
    out += std::string(useBase64 ? wordStartBase64 : wordStart) + (useBase64 ? base64(piece) : encodeQ(piece)) + std::string(wordEnd);
    piece.clear();
  };
  constexpr std::size_t room = maxWord - wordStart.size() - wordEnd.size();
  std::size_t used = 0;
  while (!text.empty()) {
    auto character = text.substr(0, characterSize(text));
    auto cost = useBase64 ? (piece.size() + character.size() + 2) / 3 * 4 : used + encodeQ(character).size();
    if (cost > room && !piece.empty()) {
      flush();
      used = 0;
      continue;
    }
    piece += character;
    used = cost;
    text.remove_prefix(character.size());
  }
  flush();
  return out;
}

}  // namespace mox::message
