#include "config/Document.h"

#include <algorithm>

namespace mox::config {

int Document::lineOf(const Path& path) const {
  const Node* node = &root;
  int line = root.line;
  for (const auto& step : path.steps()) {
    const Node* next = nullptr;
    if (step.isPosition) {
      auto at = static_cast<std::size_t>(std::stoul(step.name));
      if (node->kind == Node::Kind::list && at < node->entries.size()) next = &node->entries[at].value;
    } else {
      auto at = std::find_if(node->entries.begin(), node->entries.end(), [&](const auto& entry) { return entry.key == step.name; });
      if (at != node->entries.end()) next = &at->value;
    }
    if (next == nullptr) break;
    node = next;
    line = node->line;
  }
  return line;
}

void Document::error(const Path& path, std::string message) {
  if (!full()) errors_.push_back({file_, lineOf(path), shown(path), std::move(message)});
}

void Document::errorAt(int line, std::string message) {
  if (!full()) errors_.push_back({file_, line, "", std::move(message)});
}

void Document::warning(const Path& path, std::string message) {
  warnings_.push_back({file_, lineOf(path), shown(path), std::move(message)});
}

void Document::warningAt(int line, std::string message) { warnings_.push_back({file_, line, "", std::move(message)}); }

}  // namespace mox::config
