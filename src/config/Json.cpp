// JSON into a Document. Poco decides what is JSON; a scan over the same text,
// which by then is known to be well formed, tells the line of each token.
#include <Poco/Exception.h>
#include <Poco/JSON/Handler.h>
#include <Poco/JSON/ParseHandler.h>
#include <Poco/JSON/Parser.h>

#include <limits>
#include <set>

#include "base/Text.h"
#include "base/Unicode.h"
#include "config/Document.h"
#include "config/JsonFault.h"

namespace mox::config {

namespace {

/// Lines of the tokens that the handler below is called for: brackets that open, strings, numbers, words.
std::vector<int> tokenLines(std::string_view text) {
  std::vector<int> lines;
  int line = 1;
  bool inWord = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    bool word = isAlpha(c) || isDigit(c) || c == '-' || c == '+' || c == '.';
    if (word && !inWord) lines.push_back(line);
    inWord = word;
    if (c == '\n') ++line;
    if (c == '{' || c == '[') lines.push_back(line);
    if (c != '"') continue;
    lines.push_back(line);
    for (++i; i < text.size() && text[i] != '"'; ++i) {
      if (text[i] == '\\') ++i;
    }
  }
  return lines;
}

/// Builds the tree. Calls come in the order of the text.
class TreeBuilder final : public Poco::JSON::Handler {
 public:
  TreeBuilder(Document& document, std::vector<int> lines) : document_(document), lines_(std::move(lines)) {}

  void reset() override {}
  void startObject() override { open(Node::Kind::record); }
  void endObject() override { close(); }
  void startArray() override { open(Node::Kind::list); }
  void endArray() override { close(); }
  void key(const std::string& k) override {
    keyLine_ = nextLine();
    key_ = k;
  }
  void null() override { add(Node::Kind::null); }
  void value(int v) override { integer(v); }
  void value(unsigned v) override { integer(v); }
#if defined(POCO_HAVE_INT64)
  void value(Poco::Int64 v) override { integer(v); }
  void value(Poco::UInt64 v) override {
    if (v > static_cast<Poco::UInt64>(std::numeric_limits<std::int64_t>::max())) add(Node::Kind::number).number = static_cast<double>(v);
    else integer(static_cast<std::int64_t>(v));
  }
#endif
  void value(const std::string& v) override { add(Node::Kind::text).text = v; }
  void value(double v) override { add(Node::Kind::number).number = v; }
  void value(bool v) override { add(Node::Kind::boolean).boolean = v; }

  bool finished() const { return open_.empty(); }

 private:
  struct Open {
    Node node;
    std::string key;
    std::set<std::string> keys;
  };

  int nextLine() { return at_ < lines_.size() ? lines_[at_++] : 0; }
  void integer(std::int64_t v) { add(Node::Kind::integer).integer = v; }

  /// Line of the key where there is one: that is where people look.
  int lineOfValue() {
    int own = nextLine();
    bool inRecord = !open_.empty() && open_.back().node.kind == Node::Kind::record;
    return inRecord ? keyLine_ : own;
  }

  void open(Node::Kind kind) {
    Open next;
    next.node.line = lineOfValue();
    next.node.kind = kind;
    next.key = key_;
    open_.push_back(std::move(next));
  }

  void close() {
    Open done = std::move(open_.back());
    open_.pop_back();
    if (open_.empty()) document_.root = std::move(done.node);
    else insert(std::move(done.key), std::move(done.node));
  }

  Node& add(Node::Kind kind) {
    Node node;
    node.line = lineOfValue();
    node.kind = kind;
    return insert(key_, std::move(node));
  }

  Node& insert(std::string key, Node node) {
    if (open_.empty()) return document_.root = std::move(node);  // a scalar at the top
    auto& parent = open_.back();
    bool isRecord = parent.node.kind == Node::Kind::record;
    if (isRecord && !parent.keys.insert(key).second) document_.errorAt(node.line, "duplicate key \"" + printable(key) + "\"");
    return parent.node.entries.emplace_back(isRecord ? std::move(key) : std::string(), std::move(node)).value;
  }

  Document& document_;
  std::vector<int> lines_;
  std::size_t at_ = 0;
  std::vector<Open> open_;
  std::string key_;
  int keyLine_ = 0;
};

}  // namespace

Document parseJson(std::string file, std::string_view text) {
  Document document(std::move(file), Form::json);
  document.root.kind = Node::Kind::record;
  document.root.line = 1;
  if (text.size() > maxFileBytes) {
    document.errorAt(0, "file is larger than 16 MiB");
  } else if (!isUtf8(text)) {
    document.errorAt(0, "file is not valid UTF-8");
  } else if (text.find('\0') != std::string_view::npos) {
    document.errorAt(0, "file holds a NUL octet");
  } else {
    try {
      Poco::JSON::Handler::Ptr builder(new TreeBuilder(document, tokenLines(text)));  // Poco's reference counting owns it
      Poco::JSON::Parser parser(builder);
      parser.setDepth(maxDepth);
      parser.parse(std::string(text));
    } catch (const Poco::Exception& e) {
      auto fault = findJsonFault(text);
      document.errorAt(fault ? fault->line : 0, "not valid JSON: " + (fault ? fault->text : printable(e.displayText())));
    }
  }
  if (document.ok() && document.root.kind != Node::Kind::record) document.errorAt(1, "expected an object at the top");
  return document;
}

}  // namespace mox::config
