#include <algorithm>
#include <charconv>
#include <cmath>
#include <set>

#include "base/Text.h"
#include "base/Unicode.h"
#include "config/Document.h"
#include "config/GoDuration.h"

namespace mox::config {

namespace {

using described::Field;
using described::Kind;
using described::Type;

class Reader {
 public:
  explicit Reader(Document& document) : document_(document) {}

  void value(const Path& path, const Node& node, const Type& type, void* value) {
    if (document_.full()) return;
    switch (type.kind()) {
      case Kind::record: return record(path, node, type, value);
      case Kind::list: return list(path, node, type, value);
      case Kind::map: return map(path, node, type, value);
      case Kind::optional: return this->value(path, node, type.element(), type.engage(value));
      default: return scalar(path, node, type, value);
    }
  }

 private:
  /// True if there is nothing to read: "nil" or JSON null stand for a record, map or list without content.
  static bool isNil(const Node& node) { return (node.kind == Node::Kind::raw && node.text == "nil") || node.kind == Node::Kind::null; }

  bool expect(const Path& path, const Node& node, Node::Kind kind, std::string_view what) {
    if (node.kind == kind) return true;
    std::string message = "expected " + std::string(what);
    if (node.kind != Node::Kind::raw && document_.form() == Form::json)
      message = kind == Node::Kind::list ? "expected an array" : "expected an object";
    if (node.kind == Node::Kind::raw && trim(node.text).empty())
      message = "expected indent: " + std::string(what) + " in the lines below, one tab deeper";
    if (node.kind == Node::Kind::raw && node.text == "\r") message += "; there is a carriage return behind the colon";
    document_.error(path, message);
    return false;
  }

  void record(const Path& path, const Node& node, const Type& type, void* value) {
    auto fields = type.fields(value);
    static const Node empty = [] {
      Node none;
      none.kind = Node::Kind::record;
      return none;
    }();
    const Node& source = isNil(node) ? empty : node;
    if (!expect(path, source, Node::Kind::record, "a block of \"Key: value\" lines")) return;
    std::set<std::string_view> given;
    for (const auto& entry : source.entries) {
      const auto& key = entry.key;
      auto field = std::find_if(fields.begin(), fields.end(), [&](const Field& f) { return f.name == key; });
      if (field == fields.end()) {
        document_.error(path / key, unknownKey(key, fields));
        continue;
      }
      given.insert(field->name);
      member(path / key, entry.value, *field);
    }
    for (const auto& field : fields) {
      if (field.isRequired && !given.contains(field.name))
        document_.error(path, "missing required key \"" + std::string(field.name) + "\"");
    }
  }

  static std::string unknownKey(const std::string& key, const std::vector<Field>& fields) {
    std::string message = "unknown key";
    for (const auto& field : fields) {
      if (equalsNoCase(field.name, trim(key))) message += ", did you mean \"" + std::string(field.name) + "\"?";
    }
    return message;
  }

  void member(const Path& path, const Node& node, const Field& field) {
    auto errors = document_.errors().size();
    value(path, node, *field.type, field.value);
    if (document_.errors().size() > errors) return;
    if (field.isDeprecated) document_.warning(path, "deprecated: " + std::string(field.doc));
    if (field.isLater && asksForSomething(field) && told_.insert(pattern(path)).second) {
      document_.warning(path, std::string(notAvailableYet));
    }
    if (!field.choiceTexts.empty()) checkChoices(path, field);
  }

  /// Not zero, and not a record that is switched off.
  static bool asksForSomething(const Field& field) {
    if (field.type->isZero(field.value)) return false;
    if (field.type->kind() != Kind::record) return true;
    for (const auto& inner : field.type->fields(field.value)) {
      if (inner.name == "Enabled" && inner.type->isZero(inner.value)) return false;
    }
    return true;
  }

  /// The path with the names that the operator chose left out, so that each feature is told once.
  static std::string pattern(const Path& path) {
    std::string out;
    const auto& steps = path.steps();
    for (std::size_t i = 0; i < steps.size(); ++i) {
      bool chosen = steps[i].isPosition || (i == 1 && steps.size() > 2) || (i == 3 && steps.size() > 4);
      out += "/" + (chosen ? "*" : steps[i].name);
    }
    return out;
  }

  void checkChoices(const Path& path, const Field& field) {
    const auto& choices = field.choiceTexts;
    auto check = [&](const Path& at, const std::string& text) {
      if (std::find(choices.begin(), choices.end(), text) != choices.end()) return;
      std::string all;
      for (auto choice : choices) all += (all.empty() ? "" : ", ") + std::string(choice);
      document_.error(at, "unknown value \"" + shown(text) + "\", expected one of " + all);
    };
    if (field.type->kind() == Kind::text) {
      const auto& text = *static_cast<const std::string*>(field.value);
      if (!text.empty() || field.isRequired) check(path, text);
      return;
    }
    std::size_t position = 0;
    field.type->each(field.value, [&](const std::string& key, const void* element) {
      check(field.type->kind() == Kind::map ? path / key : path / position, *static_cast<const std::string*>(element));
      ++position;
    });
  }

  void list(const Path& path, const Node& node, const Type& type, void* value) {
    if (isNil(node) || !expect(path, node, Node::Kind::list, "a list of \"- \" items")) return;
    std::size_t position = 0;
    for (const auto& entry : node.entries) this->value(path / position++, entry.value, type.element(), type.append(value));
  }

  void map(const Path& path, const Node& node, const Type& type, void* value) {
    if (isNil(node) || !expect(path, node, Node::Kind::record, "a block of \"name: value\" lines")) return;
    for (const auto& [key, child] : node.entries) {
      if (key.empty()) document_.error(path, "empty key");
      else if (void* element = type.insert(value, key)) this->value(path / key, child, type.element(), element);
    }
  }

  static std::string shown(const std::string& text) { return isPlainUtf8(text) && text.size() < 100 ? text : printable(text, 100); }

  /// The text of a scalar in sconf, or of a JSON string.
  void wrong(const Path& path, const Node& node, std::string_view expected) {
    std::string message = "expected " + std::string(expected);
    if (node.kind == Node::Kind::raw || node.kind == Node::Kind::text) message += ", found \"" + shown(node.text) + "\"";
    if (node.kind == Node::Kind::list || node.kind == Node::Kind::record) message += ", found a block";
    if (node.text.ends_with('\r')) message += "; the line ends with a carriage return";
    document_.error(path, message);
  }

  void scalar(const Path& path, const Node& node, const Type& type, void* value) {
    switch (type.kind()) {
      case Kind::boolean: return boolean(path, node, *static_cast<bool*>(value));
      case Kind::integer: return integer(path, node, *static_cast<std::int64_t*>(value));
      case Kind::number: return number(path, node, *static_cast<double*>(value));
      case Kind::duration: return duration(path, node, *static_cast<Duration*>(value));
      case Kind::bytes: return bytes(path, node, *static_cast<Bytes*>(value));
      default: return text(path, node, *static_cast<std::string*>(value));
    }
  }

  static bool isText(const Node& node) { return node.kind == Node::Kind::raw || node.kind == Node::Kind::text; }

  void boolean(const Path& path, const Node& node, bool& value) {
    if (node.kind == Node::Kind::boolean) value = node.boolean;
    else if (node.kind == Node::Kind::raw && (node.text == "true" || node.text == "false")) value = node.text == "true";
    else wrong(path, node, "true or false");
  }

  void integer(const Path& path, const Node& node, std::int64_t& value) {
    if (node.kind == Node::Kind::integer) {
      value = node.integer;
      return;
    }
    std::string_view text = node.text;
    if (text.starts_with('+')) text.remove_prefix(1);
    auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
    bool signs = node.text.starts_with("+-");
    if (node.kind != Node::Kind::raw || code != std::errc() || end != text.data() + text.size() || signs) {
      value = 0;
      wrong(path, node, "a whole number");
    }
  }

  void number(const Path& path, const Node& node, double& value) {
    if (node.kind == Node::Kind::number) {
      value = node.number;
    } else if (node.kind == Node::Kind::integer) {
      value = static_cast<double>(node.integer);
    } else {
      auto end = node.text.data() + node.text.size();
      auto [stop, code] = std::from_chars(node.text.data(), end, value);
      if (node.kind != Node::Kind::raw || code != std::errc() || stop != end || !std::isfinite(value)) {
        value = 0;
        wrong(path, node, "a number");
      }
    }
    if (value == 0) value = 0;  // no negative zero
  }

  void duration(const Path& path, const Node& node, Duration& value) {
    auto parsed = isText(node) ? parseGoDuration(node.text) : std::nullopt;
    if (parsed) value = *parsed;
    else wrong(path, node, "a duration such as 15s, 1h30m or 72h");
  }

  void bytes(const Path& path, const Node& node, Bytes& value) {
    auto parsed = isText(node) ? fromBase64(node.text) : std::nullopt;
    if (parsed) value.octets = *parsed;
    else wrong(path, node, "base64");
  }

  void text(const Path& path, const Node& node, std::string& value) {
    if (!isText(node)) return wrong(path, node, "text");
    if (node.text.find('\0') != std::string::npos) return document_.error(path, "text holds a NUL octet");
    value = node.text;
  }

  Document& document_;
  std::set<std::string> told_;
};

}  // namespace

void read(Document& document, const Path& path, const Node& node, const described::Type& type, void* value) {
  Reader(document).value(path, node, type, value);
}

}  // namespace mox::config
