#include "imapserver/Thread.h"

#include <algorithm>
#include <tuple>

namespace mox::imapserver {

// Step 1: references become links ------------------------------------------------------------------------------

std::uint32_t ReferencesThreader::containerOf(std::uint64_t messageId) {
  auto [at, isNew] = byId_.try_emplace(messageId, static_cast<std::uint32_t>(containers_.size()));
  if (isNew) containers_.emplace_back();
  return at->second;
}

std::uint32_t ReferencesThreader::subjectOf(std::string subject) {
  if (subject.empty()) return 0;
  return subjects_.try_emplace(std::move(subject), static_cast<std::uint32_t>(subjects_.size() + 1)).first->second;
}

/// False if the link would close a loop, or if the parent is too deep.
bool ReferencesThreader::mayLink(std::uint32_t parent, std::uint32_t child) {
  std::int64_t depth = 0;
  for (auto up = parent; up != none; up = containers_[up].parent) {
    if (up == child) return false;
    if (++depth <= threadDepth.value) continue;
    isCut_ = true;
    return false;
  }
  return true;
}

void ReferencesThreader::link(std::uint32_t parent, std::uint32_t child) {
  auto& one = containers_[child];
  one.parent = parent;
  one.previousSibling = none;
  one.nextSibling = containers_[parent].firstChild;
  if (one.nextSibling != none) containers_[one.nextSibling].previousSibling = child;
  containers_[parent].firstChild = child;
}

void ReferencesThreader::unlink(std::uint32_t child) {
  auto& one = containers_[child];
  if (one.parent == none) return;
  if (one.previousSibling == none) containers_[one.parent].firstChild = one.nextSibling;
  else containers_[one.previousSibling].nextSibling = one.nextSibling;
  if (one.nextSibling != none) containers_[one.nextSibling].previousSibling = one.previousSibling;
  one.parent = one.previousSibling = one.nextSibling = none;
}

void ReferencesThreader::add(ThreadMessage message) {
  std::uint32_t own = none;
  if (message.messageId != 0) own = containerOf(message.messageId);
  // A second message with an id, or one without, is somebody nobody can refer to.
  if (own == none || containers_[own].hasMessage()) {
    own = static_cast<std::uint32_t>(containers_.size());
    containers_.emplace_back();
  }
  auto subject = subjectOf(std::move(message.subject));
  auto& container = containers_[own];
  container.number = message.number;
  container.sequence = message.sequence;
  container.date = message.date;
  container.subject = subject;
  container.isReplyOrForward = message.isReplyOrForward;

  std::uint32_t previous = none;
  for (auto id : message.references) {
    auto referred = containerOf(id);
    // 1.A: links that others told of stay.
    if (previous != none && containers_[referred].parent == none && mayLink(previous, referred)) link(previous, referred);
    previous = referred;
  }
  // 1.B: of its own parent the message knows best.
  unlink(own);
  if (previous != none && mayLink(previous, own)) link(previous, own);
}

// Trees --------------------------------------------------------------------------------------------------------

std::vector<std::uint32_t> ReferencesThreader::childrenOf(std::uint32_t parent) const {
  std::vector<std::uint32_t> out;
  for (auto child = containers_[parent].firstChild; child != none; child = containers_[child].nextSibling) out.push_back(child);
  return out;
}

void ReferencesThreader::setChildren(std::uint32_t parent, const std::vector<std::uint32_t>& children) {
  containers_[parent].firstChild = none;
  for (auto child = children.rbegin(); child != children.rend(); ++child) link(parent, *child);
}

std::vector<std::uint32_t> ReferencesThreader::below(const std::vector<std::uint32_t>& roots) const {
  // Not by recursion: a chain of replies may be as long as the mailbox.
  std::vector<std::uint32_t> out = roots;
  for (std::size_t i = 0; i < out.size(); ++i)
    for (auto child = containers_[out[i]].firstChild; child != none; child = containers_[child].nextSibling) out.push_back(child);
  return out;
}

/// Steps 2 and 3: dummies go, their children take their place; but none is made a root by it unless alone.
std::vector<std::uint32_t> ReferencesThreader::prunedRoots() {
  std::vector<std::uint32_t> roots;
  for (std::uint32_t i = 0; i < containers_.size(); ++i)
    if (containers_[i].parent == none) roots.push_back(i);
  auto all = below(roots);
  for (auto node = all.rbegin(); node != all.rend(); ++node) {
    std::vector<std::uint32_t> kept;
    for (auto child : childrenOf(*node)) {
      if (containers_[child].hasMessage()) {
        kept.push_back(child);
      } else {
        auto promoted = childrenOf(child);
        kept.insert(kept.end(), promoted.begin(), promoted.end());
      }
    }
    setChildren(*node, kept);
  }
  std::vector<std::uint32_t> out;
  for (auto root : roots) {
    auto first = containers_[root].firstChild;
    bool isEmpty = first == none && !containers_[root].hasMessage();
    bool isAlone = !containers_[root].hasMessage() && first != none && containers_[first].nextSibling == none;
    if (isAlone) unlink(first);
    if (!isEmpty) out.push_back(isAlone ? first : root);
  }
  return out;
}

void ReferencesThreader::sort(std::vector<std::uint32_t>& siblings) const {
  std::sort(siblings.begin(), siblings.end(), [this](auto a, auto b) {
    return std::tie(containers_[a].date, containers_[a].sequence) < std::tie(containers_[b].date, containers_[b].sequence);
  });
}

/// Step 4: a dummy stands where its first child would.
void ReferencesThreader::sortRoots(std::vector<std::uint32_t>& roots) {
  for (auto root : roots) {
    if (containers_[root].hasMessage()) continue;
    auto children = childrenOf(root);
    sort(children);
    setChildren(root, children);
    containers_[root].date = containers_[children.front()].date;
    containers_[root].sequence = containers_[children.front()].sequence;
  }
  sort(roots);
}

// Step 5: threads with the same base subject -------------------------------------------------------------------

std::uint32_t ReferencesThreader::subjectAt(std::uint32_t root) const {
  return containers_[root].hasMessage() ? containers_[root].subject : containers_[containers_[root].firstChild].subject;
}

/// 5.C: the thread `second` joins `first`; what both are then.
std::uint32_t ReferencesThreader::merged(std::uint32_t first, std::uint32_t second) {
  bool isDummy = !containers_[first].hasMessage();
  if (isDummy && !containers_[second].hasMessage()) {
    for (auto child : childrenOf(second)) link(first, child);
    containers_[second].firstChild = none;
    return first;
  }
  bool answers = containers_[second].isReplyOrForward && !containers_[first].isReplyOrForward;
  if (isDummy || answers) {
    link(first, second);
    return first;
  }
  auto both = static_cast<std::uint32_t>(containers_.size());
  containers_.emplace_back();
  link(both, second);
  link(both, first);
  return both;
}

std::vector<std::uint32_t> ReferencesThreader::mergedBySubject(const std::vector<std::uint32_t>& roots) {
  std::unordered_map<std::uint32_t, std::uint32_t> table;  // subject to the thread that others join
  for (auto root : roots) {
    auto subject = subjectAt(root);
    if (subject == 0) continue;
    auto [at, isNew] = table.try_emplace(subject, root);
    const auto &kept = containers_[at->second], &other = containers_[root];
    bool better = !other.hasMessage() || (kept.isReplyOrForward && !other.isReplyOrForward);
    if (!isNew && kept.hasMessage() && better) at->second = root;
  }
  std::vector<std::uint32_t> out;
  for (auto root : roots) {
    if (containers_[root].parent != none) continue;  // another joined it under a new dummy
    auto at = table.find(subjectAt(root));
    if (at != table.end() && at->second != root) at->second = merged(at->second, root);
    else if (at == table.end()) out.push_back(root);
  }
  for (const auto& [subject, root] : table) out.push_back(root);
  return out;
}

ThreadForest ReferencesThreader::finish() {
  auto roots = prunedRoots();
  sortRoots(roots);
  roots = mergedBySubject(roots);
  sortRoots(roots);
  for (auto node : below(roots)) {  // step 6
    auto children = childrenOf(node);
    sort(children);
    setChildren(node, children);
  }
  ThreadForest forest;
  forest.roots = std::move(roots);
  forest.nodes.reserve(containers_.size());
  for (const auto& container : containers_) forest.nodes.push_back({container.number, container.firstChild, container.nextSibling});
  return forest;
}

// ORDEREDSUBJECT -----------------------------------------------------------------------------------------------

ThreadForest threadBySubject(std::vector<ThreadMessage> messages) {
  std::sort(messages.begin(), messages.end(), [](const auto& a, const auto& b) {
    return std::tie(a.subject, a.date, a.sequence) < std::tie(b.subject, b.date, b.sequence);
  });
  ThreadForest forest;
  std::uint32_t last = ThreadNode::none;  // child of the current root
  for (std::size_t i = 0; i < messages.size(); ++i) {
    auto index = static_cast<std::uint32_t>(i);
    forest.nodes.push_back({messages[i].number, ThreadNode::none, ThreadNode::none});
    if (i == 0 || messages[i].subject != messages[i - 1].subject) {
      forest.roots.push_back(index);
      last = ThreadNode::none;
      continue;
    }
    (last == ThreadNode::none ? forest.nodes[forest.roots.back()].firstChild : forest.nodes[last].nextSibling) = index;
    last = index;
  }
  std::sort(forest.roots.begin(), forest.roots.end(), [&](auto a, auto b) {
    return std::tie(messages[a].date, messages[a].sequence) < std::tie(messages[b].date, messages[b].sequence);
  });
  return forest;
}

// Output -------------------------------------------------------------------------------------------------------

void writeThread(std::string& out, const ThreadForest& forest, std::uint32_t root) {
  constexpr auto none = ThreadNode::none;
  std::vector<std::uint32_t> waiting;  // next sibling at each branch that is open
  out += '(';
  auto node = root;
  bool isFirst = true;
  while (true) {
    const auto& at = forest.nodes[node];
    if (at.number != 0) out.append(isFirst ? "" : " ").append(std::to_string(at.number));
    isFirst = isFirst && at.number == 0;
    if (at.firstChild != none && forest.nodes[at.firstChild].nextSibling == none) {
      node = at.firstChild;
      continue;
    }
    if (at.firstChild != none) {
      waiting.push_back(at.firstChild);
      if (!isFirst) out += ' ';
    } else {
      out += ')';
    }
    for (; !waiting.empty() && waiting.back() == none; waiting.pop_back()) out += ')';
    if (waiting.empty()) return;
    node = waiting.back();
    waiting.back() = forest.nodes[node].nextSibling;
    out += '(';
    isFirst = true;
  }
}

}  // namespace mox::imapserver
