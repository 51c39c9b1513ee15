#include <charconv>
#include <cstdio>
#include <optional>

#include "base/Text.h"
#include "config/Document.h"
#include "config/GoDuration.h"
#include "config/Write.h"

namespace mox::config {

namespace {

using described::Field;
using described::Kind;
using described::Type;

constexpr std::size_t commentColumns = 80;
constexpr std::size_t tabColumns = 4;

bool isBlock(const Type& type) {
  auto kind = type.bare().kind();
  return kind == Kind::list || kind == Kind::map || kind == Kind::record;
}

/// "%f" as mox writes it, unless that would lose digits.
std::string numberText(double value) {
  char fixed[400];
  std::snprintf(fixed, sizeof fixed, "%f", value);
  double back = 0;
  std::string_view text(fixed);
  std::from_chars(text.data(), text.data() + text.size(), back);
  if (back == value) return fixed;
  char shortest[64];
  auto end = std::to_chars(shortest, shortest + sizeof shortest, value).ptr;
  return std::string(shortest, end);
}

std::string scalarText(const Type& type, const void* value) {
  switch (type.kind()) {
    case Kind::boolean: return *static_cast<const bool*>(value) ? "true" : "false";
    case Kind::integer: return std::to_string(*static_cast<const std::int64_t*>(value));
    case Kind::number: return numberText(*static_cast<const double*>(value));
    case Kind::duration: return goDuration(*static_cast<const Duration*>(value));
    case Kind::bytes: return base64(static_cast<const Bytes*>(value)->octets);
    default: return *static_cast<const std::string*>(value);
  }
}

/// A comment at `depth`, broken between words.
std::string commentBlock(std::string_view text, std::size_t depth) {
  std::string out, line;
  auto columns = commentColumns - std::min(commentColumns / 2, depth * tabColumns) - 2;
  auto flush = [&] {
    if (!line.empty()) out += std::string(depth, '\t') + "# " + line + "\n";
    line.clear();
  };
  for (auto word : split(text, ' ')) {
    if (!line.empty() && line.size() + 1 + word.size() > columns) flush();
    line += (line.empty() ? "" : " ") + std::string(word);
  }
  flush();
  return out;
}

std::string noteOf(const Field& field) {
  std::string out(field.doc);
  auto add = [&](std::string_view name, std::string_view text) {
    if (!text.empty()) out += " " + std::string(name) + " " + std::string(text) + ".";
  };
  add("Unit:", field.unitText);
  add("Default:", field.standardText);
  std::string choices;
  for (auto choice : field.choiceTexts) choices += (choices.empty() ? "" : ", ") + std::string(choice);
  add("One of:", choices);
  if (field.isDeprecated) out += " Deprecated.";
  if (field.isLater) out += " Not available yet in this program.";
  return out + (field.isRequired ? "" : " (optional)");
}

/// Writes values; of a field that cannot be written remembers the first.
class Writer {
 public:
  explicit Writer(Comments comments) : comments_(comments) {}

  void record(const Type& type, const void* value, std::size_t depth, const Path& path) {
    // fields() needs a mutable address only so that readers can fill it; nothing is written through it.
    for (const auto& field : type.fields(const_cast<void*>(value))) {
      if (!field.isRequired && field.type->isZero(field.value)) continue;
      if (comments_ == Comments::brief) comment(field, depth);
      out_ += std::string(depth, '\t') + std::string(field.name) + ":";
      member(*field.type, field.value, depth, path / field.name);
    }
  }

  Result<std::string> result() {
    if (error_) return fail(Errc::unsupported, *error_);
    return std::move(out_);
  }

 private:
  void comment(const Field& field, std::size_t depth) {
    if (!out_.empty() && depth == 0) out_ += '\n';
    out_ += commentBlock(field.doc, depth);
  }

  void wrong(const Path& path, std::string_view reason) {
    if (!error_) error_ = path.dotted() + ": " + std::string(reason);
  }

  /// What follows "key:" or "-".
  void member(const Type& type, const void* value, std::size_t depth, const Path& path) {
    if (type.kind() == Kind::optional) {
      if (type.isZero(value)) out_ += " nil\n";  // an element of a list or map; the schema has none such
      else type.each(value, [&](const std::string&, const void* element) { member(type.element(), element, depth, path); });
      return;
    }
    if (!isBlock(type)) return scalar(type, value, path);
    auto before = out_.size();
    out_ += '\n';
    auto start = out_.size();
    block(type, value, depth + 1, path);
    if (out_.size() == start) out_.replace(before, 1, " nil\n");
  }

  void scalar(const Type& type, const void* value, const Path& path) {
    auto text = scalarText(type, value);
    if (!isOneLine(text) && (text.find('\n') != std::string::npos || text.find('\0') != std::string::npos))
      wrong(path, "text of several lines");
    out_ += " " + text + "\n";
  }

  void block(const Type& type, const void* value, std::size_t depth, const Path& path) {
    if (type.kind() == Kind::record) return record(type, value, depth, path);
    std::size_t position = 0;
    type.each(value, [&](const std::string& key, const void* element) {
      bool isMap = type.kind() == Kind::map;
      if (isMap && !isKey(key)) wrong(path, "name \"" + printable(key) + "\" cannot be written in sconf");
      out_ += std::string(depth, '\t') + (isMap ? key + ":" : "-");
      member(type.element(), element, depth, isMap ? path / key : path / position++);
    });
  }

  static bool isKey(std::string_view key) {
    if (key.empty() || key.front() == '#' || isWsp(key.front()) || key.front() == '\r' || key.starts_with("- ")) return false;
    return key.find_first_of(std::string_view(":\n\0", 3)) == std::string_view::npos;
  }

  Comments comments_;
  std::string out_;
  std::optional<std::string> error_;
};

void describeRecord(std::string& out, const Type& type, std::size_t depth);

/// What follows "key:" or "-" in a template.
void describeMember(std::string& out, const Field& field, const Type& type, std::size_t depth) {
  const Type& bare = type.bare();
  std::string indent(depth + 1, '\t');
  switch (bare.kind()) {
    case Kind::record: out += "\n"; return describeRecord(out, bare, depth + 1);
    case Kind::list: out += "\n" + indent + "-"; return describeMember(out, field, bare.element(), depth + 1);
    case Kind::map: out += "\n" + indent + std::string(field.keyText) + ":"; return describeMember(out, field, bare.element(), depth + 1);
    case Kind::boolean: out += " false\n"; return;
    case Kind::integer: out += " 0\n"; return;
    case Kind::number: out += " 0.000000\n"; return;
    case Kind::duration: out += " 0s\n"; return;
    default: out += " " + std::string(field.choiceTexts.empty() ? "" : field.choiceTexts.front()) + "\n"; return;
  }
}

void describeRecord(std::string& out, const Type& type, std::size_t depth) {
  bool first = true;
  for (const auto& field : type.blankFields()) {
    if (!first) out += '\n';
    first = false;
    out += commentBlock(noteOf(field), depth);
    out += std::string(depth, '\t') + std::string(field.name) + ":";
    describeMember(out, field, *field.type, depth);
  }
}

}  // namespace

Result<std::string> writeSconf(const Type& type, const void* value, Comments comments) {
  Writer writer(comments);
  writer.record(type, value, 0, Path());
  return writer.result();
}

std::string describeSconf(const Type& type) {
  std::string out;
  describeRecord(out, type, 0);
  return out;
}

}  // namespace mox::config
