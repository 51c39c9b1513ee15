// sconf, the form of mox.conf and domains.conf: one value a line, nesting by
// tabs, no quoting.
//
//   block  = record / list                    ; all lines at one indent
//   record = *( key ":" ( " " value / LF block-one-deeper / "" ) LF )
//   list   = *( "-" ( " " value / LF block-one-deeper / "" ) LF )
//
// Empty lines and lines whose first visible character is "#" mean nothing.
// Whether an empty value is text or a missing block is for the schema to say.
#include <optional>
#include <unordered_map>

#include "base/Text.h"
#include "base/Unicode.h"
#include "config/Document.h"

namespace mox::config {

namespace {

struct Line {
  int number = 0;
  std::size_t tabs = 0;
  std::string_view text;  ///< behind the tabs
};

/// The lines that mean something; complains about the rest.
std::vector<Line> significantLines(Document& document, std::string_view text) {
  std::vector<Line> lines;
  int number = 0;
  bool toldCr = false;
  for (auto raw : split(text, '\n')) {
    ++number;
    if (raw.empty()) continue;
    auto first = raw.find_first_not_of(" \t\r");
    if (first != std::string_view::npos && raw[first] == '#') continue;
    if (raw.back() == '\r' && !toldCr) {
      toldCr = true;
      document.warningAt(number, "line ends with a carriage return, which is taken as part of the value; save the file with LF line ends");
    }
    if (first == std::string_view::npos) {
      document.errorAt(number, raw == "\r" ? "stray whitespace: a carriage return on an empty line" : "stray whitespace on an empty line");
      continue;
    }
    if (raw.find('\0') != std::string_view::npos) {
      document.errorAt(number, "line holds a NUL octet");
      continue;
    }
    auto tabs = raw.find_first_not_of('\t');
    if (raw[tabs] == ' ') {
      document.errorAt(number, "line is indented with spaces: use one tab for each level");
      continue;
    }
    lines.push_back({number, tabs, raw.substr(tabs)});
  }
  return lines;
}

class Parser {
 public:
  Parser(Document& document, std::vector<Line> lines) : document_(document), lines_(std::move(lines)) {}

  Node top() {
    Node node = block(0);
    if (node.kind == Node::Kind::list) document_.errorAt(node.line, "expected \"Key: value\", found a list");
    return node;
  }

 private:
  bool more() const { return at_ < lines_.size() && !document_.full(); }
  bool deeperThan(std::size_t depth) const { return at_ < lines_.size() && lines_[at_].tabs > depth; }
  static bool isItem(std::string_view text) { return text == "-" || text.starts_with("- "); }

  Node block(std::size_t depth) {
    Node node;
    node.kind = more() && isItem(lines_[at_].text) ? Node::Kind::list : Node::Kind::record;
    node.line = more() ? lines_[at_].number : 1;
    std::unordered_map<std::string, int> seen;
    while (more() && lines_[at_].tabs >= depth) {
      const Line line = lines_[at_];
      if (line.tabs > depth) {
        document_.errorAt(line.number,
                          "line is indented too deep: expected " + std::to_string(depth) + " tabs, found " + std::to_string(line.tabs));
        skipDeeper(depth);
        continue;
      }
      ++at_;
      if (node.kind == Node::Kind::list) item(node, line, depth);
      else entry(node, line, depth, seen);
    }
    return node;
  }

  void item(Node& list, const Line& line, std::size_t depth) {
    if (!isItem(line.text)) {
      document_.errorAt(line.number, line.text.front() == '-' ? "missing space after \"-\"" : "expected \"- \" of a list item");
      return skipDeeper(depth);
    }
    list.entries.emplace_back("", value(line, line.text.substr(1), depth));
  }

  void entry(Node& record, const Line& line, std::size_t depth, std::unordered_map<std::string, int>& seen) {
    if (isItem(line.text)) {  // as a key it could only stand behind others, and not be written again
      document_.errorAt(line.number, "expected \"Key: value\", found an item of a list");
      return skipDeeper(depth);
    }
    auto parts = cut(line.text, ':');
    if (!parts || parts->first.empty()) {
      document_.errorAt(line.number, parts ? "empty key" : "expected \"Key: value\", found no colon");
      return skipDeeper(depth);
    }
    std::string key(parts->first);
    if (!isPlainUtf8(key)) {
      document_.errorAt(line.number, "key holds a control character");
      return skipDeeper(depth);
    }
    Node node = value(line, parts->second, depth);
    auto [first, added] = seen.emplace(key, line.number);
    if (added) record.entries.emplace_back(std::move(key), std::move(node));
    else document_.errorAt(line.number, "duplicate key \"" + key + "\", first in line " + std::to_string(first->second));
  }

  /// `rest` is what follows the colon or dash.
  Node value(const Line& line, std::string_view rest, std::size_t depth) {
    Node node;
    if (rest.empty() && deeperThan(depth) && depth + 1 < static_cast<std::size_t>(maxDepth)) {
      node = block(depth + 1);
    } else {
      if (!rest.empty() && rest != "\r" && rest.front() != ' ') document_.errorAt(line.number, "missing space after colon");
      if (!rest.empty() && rest.front() == ' ') rest.remove_prefix(1);
      node.text = rest;
      if (deeperThan(depth)) tooDeep(depth, node.text);
    }
    node.line = line.number;
    return node;
  }

  void tooDeep(std::size_t depth, const std::string& text) {
    int number = lines_[at_].number;
    if (depth + 1 >= static_cast<std::size_t>(maxDepth)) document_.errorAt(number, "nested too deep");
    else if (trim(text).empty()) document_.errorAt(number, "the line that opens this block has blanks behind the colon");
    else document_.errorAt(number, "unexpected indent: the line before has a value already");
    skipDeeper(depth);
  }

  void skipDeeper(std::size_t depth) {
    while (deeperThan(depth)) ++at_;
  }

  Document& document_;
  std::vector<Line> lines_;
  std::size_t at_ = 0;
};

}  // namespace

Document parseSconf(std::string file, std::string_view text) {
  Document document(std::move(file), Form::sconf);
  document.root.kind = Node::Kind::record;
  if (text.size() > maxFileBytes) {
    document.errorAt(0, "file is larger than 16 MiB");
  } else if (!isUtf8(text)) {
    document.errorAt(0, "file is not valid UTF-8");
  } else {
    document.root = Parser(document, significantLines(document, text)).top();
  }
  return document;
}

}  // namespace mox::config
