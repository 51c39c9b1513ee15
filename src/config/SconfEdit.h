// SconfEdit: changes in an sconf file that a person wrote, who wants to know it again: comments, empty lines, order and
// whatever else stays as it is, except inside of what is removed.
//
// It works on lines, and then does not trust itself: the text is parsed again, and if that is not exactly the old tree with
// the change in it, nothing was changed and the error says so. Whether the result makes sense as a configuration is for
// loadText() to say.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/Result.h"
#include "config/Document.h"

namespace mox::config {

class SconfEdit {
 public:
  /// Errc::syntax with the first problem of the text. `type` is what the file as a whole is, such as typeOf<Dynamic>().
  static Result<SconfEdit> parse(std::string text, const described::Type& type);

  std::string text() const;
  /// Null if there is nothing at this path.
  const Node* find(const Path& path) const;

  /// A new field or map entry at the end of what is around it, which is made if it is not there. `block` is sconf of its
  /// value as a record or map, lines at no indent; "" for a map entry without fields ("nil").
  /// Errc::exists.
  Result<void> add(const Path& path, std::string_view block);
  /// The value of a field, replaced or added at the end.
  Result<void> set(const Path& path, std::string_view value);
  /// A new last item of a list, which is made if it is not there.
  Result<void> append(const Path& list, std::string_view value);
  /// A field, map entry or list item, with comments inside of it and indented deeper behind it; those above stay. What is
  /// left empty around it goes too, up to a map entry, which becomes "nil". Errc::notFound.
  Result<void> remove(const Path& path);

 private:
  SconfEdit(std::vector<std::string> lines, Node root, const described::Type& type) : lines_(std::move(lines)), root_(std::move(root)), type_(&type) {}

  /// Parses the lines; keeps them if they mean `wanted`.
  Result<void> accept(std::vector<std::string> lines, const Node& wanted);
  Result<void> insert(const Path& path, std::vector<std::string> block);
  /// Index of the line behind the entry that begins at `line` (an index) with that many tabs.
  std::size_t endOf(std::size_t line, std::size_t tabs) const;
  /// Whether what is at the path is the value of a map's entry.
  bool isMapEntry(const Path& path) const;

  std::vector<std::string> lines_;  ///< without line ends; the last is empty if the file ends in one
  Node root_;
  const described::Type* type_;
};

}  // namespace mox::config
