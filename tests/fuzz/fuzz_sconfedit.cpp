// room: config
// Edits of sconf: whatever the file and the words, an edit is refused with nothing changed, or the file reads as before but
// for the change, and every line of it that the change does not concern is still there, in order.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <iterator>
#include <string>
#include <vector>

#include "base/Text.h"
#include "config/SconfEdit.h"
#include "config/Write.h"

using namespace mox;
using namespace mox::config;

namespace {

[[noreturn]] void wrong() { std::abort(); }

/// One line a value, with its path: "Accounts/a/Domain=x".
void dump(const Node& node, const std::string& path, std::vector<std::string>& out) {
  if (node.kind == Node::Kind::raw) out.push_back(path + "=" + node.text);
  else if (node.entries.empty() && !path.empty()) wrong();
  std::size_t position = 0;
  for (const auto& entry : node.entries) dump(entry.value, path + "/" + (node.kind == Node::Kind::list ? std::to_string(position++) : entry.key), out);
}
std::vector<std::string> values(const std::string& text) {
  auto document = parseSconf("f", text);
  if (!document.ok()) wrong();
  std::vector<std::string> out;
  dump(document.root, "", out);
  return out;
}

/// How many lines of `a` were replaced by those of `b`, all in one place.
std::size_t replaced(const std::string& a, const std::string& b) {
  auto from = split(a, '\n'), to = split(b, '\n');
  while (!from.empty() && !to.empty() && from.back() == to.back()) from.pop_back(), to.pop_back();
  auto same = std::mismatch(from.begin(), from.end(), to.begin(), to.end()).first - from.begin();
  return from.size() - static_cast<std::size_t>(same);
}
/// How many lines of `a` are not in `b`, which may have more.
std::size_t missing(const std::string& a, const std::string& b) {
  auto from = split(a, '\n'), to = split(b, '\n');
  std::sort(from.begin(), from.end());
  std::sort(to.begin(), to.end());
  std::vector<std::string_view> out;
  std::set_difference(from.begin(), from.end(), to.begin(), to.end(), std::back_inserter(out));
  return out.size();
}

Path pathOf(const std::vector<std::string_view>& words) {
  Path out;
  for (auto word : words) out = out / word;
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  // "op value \xff step / step / ... \xff text"
  std::string_view all(reinterpret_cast<const char*>(data), size);
  auto first = all.find('\xff'), second = all.find('\xff', first == std::string_view::npos ? first : first + 1);
  if (first == 0 || second == std::string_view::npos) return 0;
  char op = all[0];
  auto value = all.substr(1, first - 1);
  auto steps = split(all.substr(first + 1, second - first - 1), '/');
  if (steps.size() > 20) return 0;  // the schema is not so deep, and a Path copies what it grows from
  auto path = pathOf(steps);
  std::string text(all.substr(second + 1));
  auto parsed = SconfEdit::parse(text, described::typeOf<Dynamic>());
  if (!parsed) return 0;
  auto file = *parsed;
  if (file.text() != text) wrong();
  auto before = values(text);
  auto done = op == 'a' ? file.add(path, value) : op == 's' ? file.set(path, value) : op == 'i' ? file.append(path, value) : file.remove(path);
  if (!done && file.text() != text) wrong();
  if (!done) return 0;
  auto after = values(file.text());
  bool adds = op == 'a' || op == 's' || op == 'i';
  if (adds) {
    // At most one line is another: that of the value, or the "nil" of what is around.
    if (replaced(text, file.text()) > 1) wrong();
    if (file.find(path) == nullptr) wrong();
    if (op == 's' && file.find(path)->text != value) wrong();
    if (op == 'i' && file.find(path)->entries.back().value.text != value) wrong();
  } else {
    // All lines are old ones, but one that now says "nil".
    if (missing(file.text(), text) > 1) wrong();
    if (file.find(path) != nullptr && path.steps().empty()) wrong();
  }
  // Values elsewhere are the same.
  std::string prefix;
  for (const auto& step : path.steps()) prefix += "/" + step.name;
  auto elsewhere = [&](std::vector<std::string> list) {
    std::erase_if(list, [&](const std::string& one) {
      bool inside = one.starts_with(prefix + "/") || one.starts_with(prefix + "=");
      bool nilAround = one.ends_with("=nil") && prefix.starts_with(one.substr(0, one.size() - 4));
      return inside || nilAround;
    });
    return list;
  };
  if (elsewhere(before) != elsewhere(after)) wrong();
  return 0;
}
