#include "imapserver/SearchMessage.h"

#include <cerrno>

#include "imapserver/ShownSize.h"
#include "message/SearchText.h"
#include "store/Files.h"

namespace mox::imapserver {

namespace {

// About 50 ns each, measured on messages of 5 KB.
constexpr std::uint64_t rowWork = 100, headerWork = 200, textWork = 1'000, octetsPerWork = 4;

/// A message whose body file is lost has no text that could match. The others of the mailbox can be searched all the same;
/// who fetches this one is told.
template <class Read>
std::string unlessLost(const Read& read) {
  try {
    return read();
  } catch (const store::FileError& error) {
    if (error.code().value() != ENOENT) throw;
    return "";
  }
}

}  // namespace

const std::string& SearchMessage::header() {
  if (header_) return *header_;
  work_ += headerWork;
  return header_.emplace(unlessLost([&] { return reader_.get().header(entry_.message).value_or(""); }));
}

const std::string& SearchMessage::text(bool withHeader) {
  auto& slot = withHeader ? wholeText_ : bodyText_;
  if (slot) return *slot;
  work_ += textWork + entry_.size / octetsPerWork;
  const auto* tree = data_.tree(reader_.get());
  return slot.emplace(unlessLost([&]() -> std::string {
    const auto& content = data_.content(reader_.get());
    return tree != nullptr && content ? message::searchText(*tree, content.view(), withHeader).text : "";
  }));
}

std::uint64_t SearchMessage::shownSize(bool utf8) {
  if (shownSize_) return *shownSize_;
  bool readsAll = (entry_.flags & store::nulMark) != 0;
  work_ += textWork + (readsAll ? entry_.size / octetsPerWork : 0);
  return shownSize_.emplace(imapserver::shownSize(reader_.get(), entry_, utf8));
}

std::optional<std::int64_t> SearchMessage::saved() {
  work_ += rowWork;
  auto row = reader_.get().message(entry_.message);
  return row ? std::optional(unixSeconds(row->saved)) : std::nullopt;
}

}  // namespace mox::imapserver
