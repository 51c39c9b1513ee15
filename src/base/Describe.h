// Reflection: a record is described once, and readers, writers, schemas and
// documentation are made from that description.
//
//   void describe(described::Fields& f, Postmaster& p) {
//     f.required("Account", p.account, "Account that receives the mail.");
//     f.optional("Mailbox", p.mailbox, "Mailbox to deliver to.");
//   }
//
// The description is found by argument-dependent lookup. Types that can be
// members: bool, std::int64_t, double, Duration, std::string, Bytes, described
// records, and std::vector, std::map<std::string, …> and std::optional of them.
// A Type is immutable and shared; it never owns the values it works on.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "base/Clock.h"

namespace mox {

/// Octets that are base64 in text forms.
struct Bytes {
  std::string octets;
  friend bool operator==(const Bytes&, const Bytes&) = default;
};

namespace described {

enum class Kind { boolean, integer, number, duration, text, bytes, list, map, optional, record };

struct Field;

/// What can be done with a value of one C++ type whose address is known. Calling an operation that the kind does
/// not have is a bug and throws std::logic_error.
class Type {
 public:
  virtual ~Type() = default;
  Kind kind() const { return kind_; }
  /// Of list, map and optional. Also what `kind` shows once optionals are looked through: see bare().
  const Type& element() const { return element_ ? *element_ : *this; }
  /// The type without optional around it.
  const Type& bare() const { return kind_ == Kind::optional ? element().bare() : *this; }

  /// list: appends an empty element and gives its address, valid until the next change.
  virtual void* append(void* value) const = 0;
  /// map: adds an empty element, or gives null if the key is there.
  virtual void* insert(void* value, const std::string& key) const = 0;
  /// optional: makes it hold an empty element.
  virtual void* engage(void* value) const = 0;
  /// list, map, optional: calls with the key (empty unless a map) and address of each element, keys ascending.
  virtual void each(const void* value, const std::function<void(const std::string& key, const void* element)>& call) const = 0;
  /// record: its fields in order of declaration, pointing into `value`.
  virtual std::vector<Field> fields(void* value) const = 0;
  /// record: the fields of an empty one, for schemas; Field::value is null.
  virtual std::vector<Field> blankFields() const = 0;
  /// False, zero, empty, not engaged, or a record of such.
  virtual bool isZero(const void* value) const = 0;

 protected:
  explicit Type(Kind kind, const Type* element = nullptr) : kind_(kind), element_(element) {}

 private:
  Kind kind_;
  const Type* element_;
};

/// One member of a record. The texts are literals.
struct Field {
  std::string_view name;
  const Type* type = nullptr;
  void* value = nullptr;
  std::string_view doc;
  bool isRequired = false;
  bool isLater = false;
  bool isDeprecated = false;
  bool isSecret = false;
  std::string_view unitText;                  ///< "bytes"; empty if the type says it all
  std::string_view standardText;              ///< the default, as text; empty if it is the zero value
  std::string_view keyText = "x";             ///< map: a stand-in key for templates
  std::vector<std::string_view> choiceTexts;  ///< the only texts allowed, of the field or of its elements

  /// The feature does not exist in this program yet: the field is accepted with a warning.
  Field& later() { return isLater = true, *this; }
  Field& deprecated() { return isDeprecated = true, *this; }
  Field& secret() { return isSecret = true, *this; }
  Field& unit(std::string_view text) { return unitText = text, *this; }
  Field& standard(std::string_view text) { return standardText = text, *this; }
  Field& key(std::string_view text) { return keyText = text, *this; }
  Field& choices(std::vector<std::string_view> texts) { return choiceTexts = std::move(texts), *this; }
};

template <class T>
const Type& typeOf();

/// Collects the fields of one record.
class Fields {
 public:
  template <class T>
  Field& required(std::string_view name, T& member, std::string_view doc) {
    return add(name, member, doc, true);
  }
  template <class T>
  Field& optional(std::string_view name, T& member, std::string_view doc) {
    return add(name, member, doc, false);
  }
  std::vector<Field> take() { return std::move(fields_); }

 private:
  template <class T>
  Field& add(std::string_view name, T& member, std::string_view doc, bool required) {
    Field field;
    field.name = name;
    field.type = &typeOf<T>();
    field.value = &member;
    field.doc = doc;
    field.isRequired = required;
    return fields_.emplace_back(std::move(field));  // good for a chain of marks, until the next field
  }
  std::vector<Field> fields_;
};

/// Throws std::logic_error.
[[noreturn]] void wrongKind();

template <class T>
struct Shape {
  static constexpr Kind kind = Kind::record;
};
template <>
struct Shape<bool> {
  static constexpr Kind kind = Kind::boolean;
};
template <>
struct Shape<std::int64_t> {
  static constexpr Kind kind = Kind::integer;
};
template <>
struct Shape<double> {
  static constexpr Kind kind = Kind::number;
};
template <>
struct Shape<Duration> {
  static constexpr Kind kind = Kind::duration;
};
template <>
struct Shape<std::string> {
  static constexpr Kind kind = Kind::text;
};
template <>
struct Shape<Bytes> {
  static constexpr Kind kind = Kind::bytes;
};
template <class E>
struct Shape<std::vector<E>> {
  static constexpr Kind kind = Kind::list;
  using Element = E;
};
template <class E>
struct Shape<std::map<std::string, E>> {
  static constexpr Kind kind = Kind::map;
  using Element = E;
};
template <class E>
struct Shape<std::optional<E>> {
  static constexpr Kind kind = Kind::optional;
  using Element = E;
};

template <class T>
class TypeFor final : public Type {
  static constexpr Kind shape = Shape<T>::kind;
  static T& as(void* value) { return *static_cast<T*>(value); }
  static const T& as(const void* value) { return *static_cast<const T*>(value); }
  static const Type* elementOf() {
    if constexpr (requires { typename Shape<T>::Element; }) return &typeOf<typename Shape<T>::Element>();
    else return nullptr;
  }

 public:
  TypeFor() : Type(shape, elementOf()) {}

  void* append(void* value) const override {
    if constexpr (shape == Kind::list) return &as(value).emplace_back();
    else return static_cast<void>(value), wrongKind(), nullptr;
  }
  void* insert(void* value, const std::string& key) const override {
    if constexpr (shape == Kind::map) {
      auto [at, added] = as(value).try_emplace(key);
      return added ? &at->second : nullptr;
    } else {
      return static_cast<void>(value), static_cast<void>(key), wrongKind(), nullptr;
    }
  }
  void* engage(void* value) const override {
    if constexpr (shape == Kind::optional) return &as(value).emplace();
    else return static_cast<void>(value), wrongKind(), nullptr;
  }
  void each(const void* value, const std::function<void(const std::string&, const void*)>& call) const override {
    if constexpr (shape == Kind::list) {
      for (const auto& element : as(value)) call({}, &element);
    } else if constexpr (shape == Kind::map) {
      for (const auto& [key, element] : as(value)) call(key, &element);
    } else if constexpr (shape == Kind::optional) {
      if (as(value)) call({}, &*as(value));
    } else {
      static_cast<void>(value), static_cast<void>(call), wrongKind();
    }
  }
  std::vector<Field> fields(void* value) const override {
    if constexpr (shape == Kind::record) {
      Fields out;
      describe(out, as(value));
      return out.take();
    } else {
      return static_cast<void>(value), wrongKind(), std::vector<Field>();
    }
  }
  std::vector<Field> blankFields() const override {
    if constexpr (shape == Kind::record) {
      T blank{};
      auto out = fields(&blank);
      for (auto& field : out) field.value = nullptr;
      return out;
    } else {
      return wrongKind(), std::vector<Field>();
    }
  }
  bool isZero(const void* value) const override {
    if constexpr (shape == Kind::record) {
      // fields() needs a mutable address only so that readers can fill it; isZero writes nothing through it.
      for (const auto& field : fields(const_cast<void*>(value))) {
        if (!field.type->isZero(field.value)) return false;
      }
      return true;
    } else if constexpr (shape == Kind::list || shape == Kind::map) {
      return as(value).empty();
    } else if constexpr (shape == Kind::optional) {
      return !as(value);
    } else {
      return as(value) == T{};
    }
  }
};

template <class T>
const Type& typeOf() {
  static const TypeFor<T> type;
  return type;
}

}  // namespace described
}  // namespace mox
