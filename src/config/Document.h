// A configuration file as a tree, before it is known which fields there are.
// sconf and JSON both become this, so that one reader with one set of checks
// and messages serves both.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "base/Describe.h"
#include "config/Problems.h"

namespace mox::config {

/// Limits of both forms.
inline constexpr std::size_t maxFileBytes = 16 << 20;
inline constexpr int maxDepth = 24;  ///< nesting; the schema has 7

struct Entry;

struct Node {
  enum class Kind {
    raw,   ///< sconf: text whose type the schema decides
    text,  ///< JSON string
    boolean,
    integer,
    number,
    null,
    list,
    record,
  };

  Kind kind = Kind::raw;
  int line = 0;
  std::string text;  ///< raw, text
  bool boolean = false;
  std::int64_t integer = 0;
  double number = 0;
  std::vector<Entry> entries;  ///< record: in order, keys differ; list: keys are empty
};

struct Entry {
  Entry(std::string k, Node v) : key(std::move(k)), value(std::move(v)) {}

  std::string key;
  Node value;
};

enum class Form { sconf, json };

/// A file that was parsed, and what was found wrong with it so far. Later checks add to it by path.
class Document {
 public:
  Document(std::string file, Form form) : file_(std::move(file)), form_(form) {}

  Node root;

  const std::string& file() const { return file_; }
  Form form() const { return form_; }

  /// Counts beyond maxProblems without keeping them.
  void error(const Path& path, std::string message);
  /// For what has no path: syntax.
  void errorAt(int line, std::string message);
  void warning(const Path& path, std::string message);
  void warningAt(int line, std::string message);

  bool ok() const { return errors_.empty(); }
  bool full() const { return errors_.size() >= maxProblems; }
  const std::vector<Problem>& errors() const { return errors_; }
  const std::vector<Problem>& warnings() const { return warnings_; }

 private:
  /// Line of the value, or of the nearest thing around it.
  int lineOf(const Path& path) const;
  std::string shown(const Path& path) const { return form_ == Form::json ? path.pointer() : path.dotted(); }

  std::string file_;
  Form form_;
  std::vector<Problem> errors_;
  std::vector<Problem> warnings_;
};

/// Parses sconf: see Sconf.cpp for the grammar. The result always holds what could be read.
Document parseSconf(std::string file, std::string_view text);
/// Parses JSON (RFC 8259); the top must be an object. Duplicate keys are errors.
Document parseJson(std::string file, std::string_view text);

/// Fills `value` from the part of the document at `path`; adds errors for unknown, missing and malformed fields
/// and warnings for what is deprecated or not yet available.
void read(Document& document, const Path& path, const Node& node, const described::Type& type, void* value);

template <class T>
T read(Document& document) {
  T out{};
  read(document, Path(), document.root, described::typeOf<T>(), &out);
  return out;
}

}  // namespace mox::config
