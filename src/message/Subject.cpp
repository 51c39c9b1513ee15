#include "message/Subject.h"

#include "base/Text.h"
#include "base/Unicode.h"
#include "message/Charset.h"
#include "message/EncodedWords.h"

namespace mox::message {

namespace {

/// Step 1: one space for any run of white space.
std::string collapsed(std::string_view text) {
  std::string out;
  for (char c : text) {
    bool blank = isWsp(c) || c == '\r' || c == '\n';
    if (!blank) out += c;
    else if (!out.empty() && out.back() != ' ') out += ' ';
  }
  if (!out.empty() && out.back() == ' ') out.pop_back();
  return out;
}

void trimFront(std::string_view& text) {
  while (!text.empty() && text[0] == ' ') text.remove_prefix(1);
}

/// subj-blob: "[" without brackets in it "]" and white space.
bool takeBlob(std::string_view& text) {
  if (text.empty() || text[0] != '[') return false;
  auto end = text.find_first_of("[]", 1);
  if (end == std::string_view::npos || text[end] != ']') return false;
  text.remove_prefix(end + 1);
  trimFront(text);
  return true;
}

/// subj-refwd: "re", "fw" or "fwd", white space, a blob perhaps, ":".
bool takeReFwd(std::string_view& text) {
  auto rest = text;
  if (startsWithNoCase(rest, "re") || startsWithNoCase(rest, "fw")) rest.remove_prefix(2);
  else return false;
  if (startsWithNoCase(text, "fwd")) rest.remove_prefix(1);
  trimFront(rest);
  takeBlob(rest);
  if (rest.empty() || rest[0] != ':') return false;
  rest.remove_prefix(1);
  trimFront(rest);
  text = rest;
  return true;
}

class Stripper {
 public:
  explicit Stripper(std::string_view text) : text_(text) {}

  void run() {
    do {
      trailers();
      leaders();
    } while (wrapper());
  }
  std::string_view text() const { return text_; }
  bool isReplyOrForward() const { return isReplyOrForward_; }

 private:
  /// Step 2.
  void trailers() {
    while (true) {
      while (text_.ends_with(' ')) text_.remove_suffix(1);
      if (text_.size() < 5 || !equalsNoCase(text_.substr(text_.size() - 5), "(fwd)")) return;
      text_.remove_suffix(5);
      isReplyOrForward_ = true;
    }
  }

  /// Steps 3 to 5: "Re:" with blobs in front of it, then one blob if something is left behind it.
  void leaders() {
    while (true) {
      trimFront(text_);
      auto rest = text_;
      while (takeBlob(rest)) {}
      if (takeReFwd(rest)) {
        isReplyOrForward_ = true;
        text_ = rest;
        continue;
      }
      rest = text_;
      if (!takeBlob(rest) || rest.empty()) return;
      text_ = rest;
      // Blobs that no "Re:" follows: each may go as long as something is left; looking for "Re:" again would make
      // a row of blobs cost the square of its length.
      for (rest = text_; takeBlob(rest) && !rest.empty(); rest = text_) text_ = rest;
    }
  }

  /// Step 6.
  bool wrapper() {
    if (!startsWithNoCase(text_, "[fwd:") || !text_.ends_with(']')) return false;
    text_.remove_prefix(5);
    text_.remove_suffix(1);
    isReplyOrForward_ = true;
    return true;
  }

  std::string_view text_;
  bool isReplyOrForward_ = false;
};

}  // namespace

BaseSubject baseSubject(std::string_view value) {
  auto decoded = collapsed(decodeWords(trim(value).substr(0, maxSubject)));
  Stripper stripper(decoded);
  stripper.run();
  return {std::string(cutUtf8(foldCase(stripper.text()), maxBaseSubject)), stripper.isReplyOrForward()};
}

}  // namespace mox::message
