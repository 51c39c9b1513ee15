#include "config/SconfEdit.h"

#include <algorithm>

#include "base/Text.h"

namespace mox::config {

namespace {

using Steps = std::vector<Path::Step>;

std::vector<std::string> linesOf(std::string_view text) {
  std::vector<std::string> out;
  for (auto line : split(text, '\n')) out.emplace_back(line);
  return out;
}

enum class LineKind { empty, comment, content };

LineKind kindOf(std::string_view line) {
  auto first = line.find_first_not_of(" \t\r");
  if (first == std::string_view::npos) return LineKind::empty;
  return line[first] == '#' ? LineKind::comment : LineKind::content;
}

std::size_t tabsOf(std::string_view line) { return std::min(line.find_first_not_of('\t'), line.size()); }

bool isBlock(const Node& node) { return node.kind == Node::Kind::record || node.kind == Node::Kind::list; }
/// A value that stands for a block without anything in it.
bool isNil(const Node& node) { return node.kind == Node::Kind::raw && node.text == "nil"; }

const Node* child(const Node& node, const Path::Step& step) {
  if (step.isPosition) {
    auto at = parseUnsigned(step.name);
    return node.kind == Node::Kind::list && at && *at < node.entries.size() ? &node.entries[*at].value : nullptr;
  }
  if (node.kind != Node::Kind::record) return nullptr;
  auto at = std::find_if(node.entries.begin(), node.entries.end(), [&](const auto& entry) { return entry.key == step.name; });
  return at == node.entries.end() ? nullptr : &at->value;
}

const Node* descend(const Node& root, const Steps& steps) {
  const Node* node = &root;
  for (const auto& step : steps) {
    node = child(*node, step);
    if (node == nullptr) return nullptr;
  }
  return node;
}

/// The same tree, wherever its lines are.
bool same(const Node& a, const Node& b) {
  return a.kind == b.kind && a.text == b.text && std::equal(a.entries.begin(), a.entries.end(), b.entries.begin(), b.entries.end(), [](const auto& x, const auto& y) {
           return x.key == y.key && same(x.value, y.value);
         });
}

Path pathOf(const Steps& steps) {
  Path out;
  for (const auto& step : steps) out = step.isPosition ? out / static_cast<std::size_t>(*parseUnsigned(step.name)) : out / step.name;
  return out;
}

/// Puts a value at the steps, making records on the way; the last step's entry is new or replaced.
void put(Node& root, const Steps& steps, Node value) {
  Node* node = &root;
  for (const auto& step : steps) {
    if (!isBlock(*node)) {
      *node = Node();
      node->kind = Node::Kind::record;
    }
    auto* next = const_cast<Node*>(child(*node, step));
    node = next != nullptr ? next : &node->entries.emplace_back(step.isPosition ? "" : step.name, Node()).value;
  }
  *node = std::move(value);
}

Node rawNode(std::string_view text) {
  Node out;
  out.text = text;
  return out;
}

/// How a line with one key begins, "-" for an item.
std::string opening(const Path::Step& step) { return step.isPosition ? "-" : step.name + ":"; }

/// The line of an entry without its value.
std::string withoutValue(const std::string& line, const Path::Step& step) { return std::string(tabsOf(line), '\t') + opening(step); }

tl::unexpected<Error> cannot(const Path& path) {
  return fail(Errc::unsupported, path.dotted() + ": this change cannot be made in the file as it is written; make it by hand");
}

}  // namespace

Result<SconfEdit> SconfEdit::parse(std::string text, const described::Type& type) {
  auto document = parseSconf("", text);
  if (!document.ok()) return fail(Errc::syntax, document.errors().front().text());
  return SconfEdit(linesOf(text), std::move(document.root), type);
}

std::string SconfEdit::text() const { return join(lines_, "\n"); }

const Node* SconfEdit::find(const Path& path) const { return descend(root_, path.steps()); }

Result<void> SconfEdit::accept(std::vector<std::string> lines, const Node& wanted) {
  auto document = parseSconf("", join(lines, "\n"));
  if (!document.ok() || !same(document.root, wanted)) return fail(Errc::unsupported, "this change cannot be made in the file as it is written; make it by hand");
  lines_ = std::move(lines);
  root_ = std::move(document.root);
  return {};
}

std::size_t SconfEdit::endOf(std::size_t line, std::size_t tabs) const {
  auto end = line + 1;
  bool inside = true;  // whether deeper comments still belong to it
  for (auto at = end; at < lines_.size(); ++at) {
    auto kind = kindOf(lines_[at]);
    bool deeper = tabsOf(lines_[at]) > tabs;
    if (kind == LineKind::content && !deeper) break;
    if (kind == LineKind::content) inside = true;
    if (kind == LineKind::comment && !deeper) inside = false;
    if (kind != LineKind::empty && inside && deeper) end = at + 1;
  }
  return end;
}

bool SconfEdit::isMapEntry(const Path& path) const {
  const described::Type* type = type_;
  bool inMap = false;
  for (const auto& step : path.steps()) {
    type = &type->bare();
    inMap = type->kind() == described::Kind::map;
    if (type->kind() == described::Kind::map || type->kind() == described::Kind::list) {
      type = &type->element();
    } else if (type->kind() == described::Kind::record) {
      auto fields = type->blankFields();
      auto field = std::find_if(fields.begin(), fields.end(), [&](const auto& f) { return f.name == step.name; });
      if (field == fields.end()) return false;
      type = field->type;
    } else {
      return false;
    }
  }
  return inMap;
}

/// `block` is at no indent and begins with what follows the path's last step: "" or " value", then the lines below it.
Result<void> SconfEdit::insert(const Path& path, std::vector<std::string> block) {
  const auto& steps = path.steps();
  // Down to what is there; the rest is made.
  Steps there;
  const Node* around = &root_;
  while (there.size() + 1 < steps.size()) {
    const Node* next = child(*around, steps[there.size()]);
    if (next == nullptr) break;
    there.push_back(steps[there.size()]);
    around = next;
  }
  if (!isBlock(*around) && !(isNil(*around) && isMapEntry(pathOf(there)))) return cannot(path);
  auto lines = lines_;
  std::size_t at = lines.size() - (lines.back().empty() ? 1 : 0);
  if (!around->entries.empty()) {
    at = endOf(static_cast<std::size_t>(around->entries.back().value.line - 1), there.size());
  } else if (!there.empty()) {
    auto opens = static_cast<std::size_t>(around->line - 1);
    lines[opens] = withoutValue(lines[opens], there.back());
    at = opens + 1;
  }
  std::vector<std::string> added;
  for (auto depth = there.size(); depth < steps.size(); ++depth) added.push_back(std::string(depth, '\t') + opening(steps[depth]));
  added.back() += block.front();
  for (std::size_t i = 1; i < block.size(); ++i) added.push_back(std::string(steps.size(), '\t') + block[i]);
  lines.insert(lines.begin() + static_cast<std::ptrdiff_t>(at), added.begin(), added.end());
  // What it should mean now.
  auto wanted = root_;
  auto value = rawNode(block.front().empty() ? "" : std::string_view(block.front()).substr(1));
  if (block.size() > 1) {
    auto inner = parseSconf("", join({block.begin() + 1, block.end()}, "\n"));
    if (!inner.ok()) return cannot(path);
    value = std::move(inner.root);
  }
  Node list;
  list.kind = Node::Kind::list;
  if (steps.back().isPosition && find(pathOf({steps.begin(), steps.end() - 1})) == nullptr) put(wanted, {steps.begin(), steps.end() - 1}, list);
  put(wanted, steps, std::move(value));
  return accept(std::move(lines), wanted);
}

Result<void> SconfEdit::add(const Path& path, std::string_view block) {
  if (path.steps().empty()) return cannot(path);
  if (find(path) != nullptr) return fail(Errc::exists, path.dotted() + " is there already");
  if (block.ends_with('\n')) block.remove_suffix(1);
  if (block.empty()) return insert(path, {" nil"});
  auto lines = linesOf(block);
  lines.insert(lines.begin(), "");
  return insert(path, std::move(lines));
}

Result<void> SconfEdit::set(const Path& path, std::string_view value) {
  if (path.steps().empty()) return cannot(path);
  const auto* node = find(path);
  if (node == nullptr) return insert(path, {" " + std::string(value)});
  if (isBlock(*node)) return cannot(path);
  auto lines = lines_;
  auto& line = lines[static_cast<std::size_t>(node->line - 1)];
  line = withoutValue(line, path.steps().back()) + " " + std::string(value);
  auto wanted = root_;
  put(wanted, path.steps(), rawNode(value));
  return accept(std::move(lines), wanted);
}

Result<void> SconfEdit::append(const Path& list, std::string_view value) {
  const auto* node = find(list);
  if (node != nullptr && node->kind != Node::Kind::list) return cannot(list);
  return insert(list / (node == nullptr ? std::size_t(0) : node->entries.size()), {" " + std::string(value)});
}

Result<void> SconfEdit::remove(const Path& path) {
  const auto* node = find(path);
  if (node == nullptr || path.steps().empty()) return fail(Errc::notFound, path.dotted() + " is not there");
  auto lines = lines_;
  auto erase = [&lines](std::size_t begin, std::size_t end) {
    lines.erase(lines.begin() + static_cast<std::ptrdiff_t>(begin), lines.begin() + static_cast<std::ptrdiff_t>(end));
  };
  auto begin = static_cast<std::size_t>(node->line - 1);
  erase(begin, endOf(begin, path.steps().size() - 1));
  // Up to what is not left empty: of that only its first line goes. Comments in it are about more than what was removed.
  auto steps = path.steps();
  bool becomesNil = false;
  while (!becomesNil && steps.size() > 1 && descend(root_, {steps.begin(), steps.end() - 1})->entries.size() == 1) {
    steps.pop_back();
    becomesNil = isMapEntry(pathOf(steps));
    auto opens = static_cast<std::size_t>(descend(root_, steps)->line - 1);
    if (becomesNil) lines[opens] = withoutValue(lines[opens], steps.back()) + " nil";
    else erase(opens, opens + 1);
  }
  auto wanted = root_;
  if (becomesNil) {
    put(wanted, steps, rawNode("nil"));
  } else {
    auto& entries = const_cast<Node*>(descend(wanted, {steps.begin(), steps.end() - 1}))->entries;
    const auto* gone = descend(wanted, steps);
    entries.erase(std::find_if(entries.begin(), entries.end(), [&](const auto& entry) { return &entry.value == gone; }));
  }
  return accept(std::move(lines), wanted);
}

}  // namespace mox::config
