#include <charconv>

#include "base/Text.h"
#include "config/GoDuration.h"
#include "config/Write.h"

namespace mox::config {

void describe(described::Fields& f, Whole& w) {
  describe(f, w.fixed);
  describe(f, w.dynamic);
}

namespace {

using described::Field;
using described::Kind;
using described::Type;

std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (char c : text) {
    auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') out += std::string("\\") + c;
    else if (byte < 0x20 || byte == 0x7f) out += "\\u00" + hex(std::string_view(&c, 1));
    else out += c;
  }
  return out + "\"";
}

std::string numberText(double value) {
  char buffer[64];
  auto end = std::to_chars(buffer, buffer + sizeof buffer, value).ptr;
  return std::string(buffer, end);
}

std::string scalarText(const Type& type, const void* value) {
  switch (type.kind()) {
    case Kind::boolean: return *static_cast<const bool*>(value) ? "true" : "false";
    case Kind::integer: return std::to_string(*static_cast<const std::int64_t*>(value));
    case Kind::number: return numberText(*static_cast<const double*>(value));
    case Kind::duration: return quoted(goDuration(*static_cast<const Duration*>(value)));
    case Kind::bytes: return quoted(base64(static_cast<const Bytes*>(value)->octets));
    default: return quoted(*static_cast<const std::string*>(value));
  }
}

/// Members of an object or array, with commas and line breaks between them.
class Members {
 public:
  Members(std::string& out, char open, char close, std::size_t depth) : out_(out), close_(close), depth_(depth) { out_ += open; }
  ~Members() {
    if (any_) out_ += "\n" + std::string(2 * depth_, ' ');
    out_ += close_;
  }
  Members(const Members&) = delete;
  Members& operator=(const Members&) = delete;

  void next() {
    out_ += (any_ ? ",\n" : "\n") + std::string(2 * depth_ + 2, ' ');
    any_ = true;
  }
  void next(std::string_view key) {
    next();
    out_ += quoted(key) + ": ";
  }
  void text(std::string_view key, std::string_view text) {
    if (text.empty()) return;
    next(key);
    out_ += quoted(text);
  }

 private:
  std::string& out_;
  char close_;
  std::size_t depth_;
  bool any_ = false;
};

void write(std::string& out, const Type& type, const void* value, std::size_t depth) {
  switch (type.kind()) {
    case Kind::record: {
      Members members(out, '{', '}', depth);
      // fields() needs a mutable address only so that readers can fill it; nothing is written through it.
      for (const auto& field : type.fields(const_cast<void*>(value))) {
        if (!field.isRequired && field.type->isZero(field.value)) continue;
        members.next(field.name);
        write(out, *field.type, field.value, depth + 1);
      }
      return;
    }
    case Kind::map:
    case Kind::list: {
      bool isMap = type.kind() == Kind::map;
      Members members(out, isMap ? '{' : '[', isMap ? '}' : ']', depth);
      type.each(value, [&](const std::string& key, const void* element) {
        if (isMap) members.next(key);
        else members.next();
        write(out, type.element(), element, depth + 1);
      });
      return;
    }
    case Kind::optional:
      if (type.isZero(value)) out += "null";
      else type.each(value, [&](const std::string&, const void* element) { write(out, type.element(), element, depth); });
      return;
    default: out += scalarText(type, value);
  }
}

void schema(std::string& out, Members& members, const Type& type, const Field* field, std::size_t depth);

void choices(std::string& out, Members& members, const Field& field, std::size_t depth) {
  members.next("enum");
  Members list(out, '[', ']', depth + 1);
  for (auto choice : field.choiceTexts) {
    list.next();
    out += quoted(choice);
  }
}

void recordSchema(std::string& out, Members& members, const Type& type, std::size_t depth) {
  members.text("type", "object");
  auto fields = type.blankFields();
  {
    members.next("properties");
    Members properties(out, '{', '}', depth + 1);
    for (const auto& field : fields) {
      properties.next(field.name);
      Members inner(out, '{', '}', depth + 2);
      std::string doc(field.doc);
      if (!field.unitText.empty()) doc += " Unit: " + std::string(field.unitText) + ".";
      if (field.isLater) doc += " Not available yet in this program.";
      inner.text("description", doc);
      if (!field.standardText.empty()) {
        inner.next("default");
        auto kind = field.type->bare().kind();
        bool isQuoted = kind == Kind::text || kind == Kind::duration;
        out += isQuoted ? quoted(field.standardText) : std::string(field.standardText);
      }
      if (field.isDeprecated) {
        inner.next("deprecated");
        out += "true";
      }
      schema(out, inner, field.type->bare(), &field, depth + 2);
    }
  }
  bool any = false;
  for (const auto& field : fields) any = any || field.isRequired;
  if (any) {
    members.next("required");
    Members required(out, '[', ']', depth + 1);
    for (const auto& field : fields) {
      if (!field.isRequired) continue;
      required.next();
      out += quoted(field.name);
    }
  }
  members.next("additionalProperties");
  out += "false";
}

void elementSchema(std::string& out, Members& members, std::string_view key, const Type& type, const Field* field, std::size_t depth) {
  members.next(key);
  Members inner(out, '{', '}', depth + 1);
  schema(out, inner, type.element().bare(), field, depth + 1);
}

void schema(std::string& out, Members& members, const Type& type, const Field* field, std::size_t depth) {
  switch (type.kind()) {
    case Kind::boolean: return members.text("type", "boolean");
    case Kind::integer: return members.text("type", "integer");
    case Kind::number: return members.text("type", "number");
    case Kind::duration:
      members.text("type", "string");
      return members.text("pattern", "^[-+]?(0|([0-9]+(\\.[0-9]*)?|\\.[0-9]+)(ns|us|\xc2\xb5s|\xce\xbcs|ms|s|m|h))+$");
    case Kind::bytes: members.text("type", "string"); return members.text("contentEncoding", "base64");
    case Kind::list: members.text("type", "array"); return elementSchema(out, members, "items", type, field, depth);
    case Kind::map: members.text("type", "object"); return elementSchema(out, members, "additionalProperties", type, field, depth);
    case Kind::record: return recordSchema(out, members, type, depth);
    default:
      members.text("type", "string");
      if (field != nullptr && !field->choiceTexts.empty()) choices(out, members, *field, depth);
  }
}

}  // namespace

std::string writeJson(const Type& type, const void* value) {
  std::string out;
  write(out, type, value, 0);
  return out + "\n";
}

std::string jsonSchema(const Type& type, std::string_view title) {
  std::string out;
  {
    Members members(out, '{', '}', 0);
    members.text("$schema", "https://json-schema.org/draft/2020-12/schema");
    members.text("title", title);
    schema(out, members, type, nullptr, 0);
  }
  return out + "\n";
}

}  // namespace mox::config
