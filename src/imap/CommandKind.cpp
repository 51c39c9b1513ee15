#include "imap/CommandKind.h"

#include <array>
#include <string>

#include "base/Text.h"

namespace mox::imap {

namespace {

struct Row {
  CommandKind kind;
  std::string_view name;
  std::uint8_t states;
};

constexpr std::uint8_t none = 1, selected = 4, authenticated = 2 | 4, any = 1 | 2 | 4;

using K = CommandKind;
constexpr std::array rows{
    Row{K::capability, "CAPABILITY", any},
    Row{K::noop, "NOOP", any},
    Row{K::logout, "LOGOUT", any},
    Row{K::id, "ID", any},
    Row{K::starttls, "STARTTLS", none},
    Row{K::authenticate, "AUTHENTICATE", none},
    Row{K::login, "LOGIN", none},
    Row{K::enable, "ENABLE", authenticated},
    Row{K::select, "SELECT", authenticated},
    Row{K::examine, "EXAMINE", authenticated},
    Row{K::create, "CREATE", authenticated},
    Row{K::remove, "DELETE", authenticated},
    Row{K::rename, "RENAME", authenticated},
    Row{K::subscribe, "SUBSCRIBE", authenticated},
    Row{K::unsubscribe, "UNSUBSCRIBE", authenticated},
    Row{K::list, "LIST", authenticated},
    Row{K::lsub, "LSUB", authenticated},
    Row{K::nameSpace, "NAMESPACE", authenticated},
    Row{K::status, "STATUS", authenticated},
    Row{K::append, "APPEND", authenticated},
    Row{K::idle, "IDLE", authenticated},
    Row{K::getQuotaRoot, "GETQUOTAROOT", authenticated},
    Row{K::getQuota, "GETQUOTA", authenticated},
    Row{K::setQuota, "SETQUOTA", authenticated},
    Row{K::getMetadata, "GETMETADATA", authenticated},
    Row{K::setMetadata, "SETMETADATA", authenticated},
    Row{K::compress, "COMPRESS", authenticated},
    Row{K::esearch, "ESEARCH", authenticated},
    Row{K::notify, "NOTIFY", authenticated},
    Row{K::unauthenticate, "UNAUTHENTICATE", authenticated},
    Row{K::check, "CHECK", selected},
    Row{K::close, "CLOSE", selected},
    Row{K::unselect, "UNSELECT", selected},
    Row{K::expunge, "EXPUNGE", selected},
    Row{K::search, "SEARCH", selected},
    Row{K::fetch, "FETCH", selected},
    Row{K::store, "STORE", selected},
    Row{K::copy, "COPY", selected},
    Row{K::move, "MOVE", selected},
    Row{K::replace, "REPLACE", selected},
    Row{K::sort, "SORT", selected},
    Row{K::thread, "THREAD", selected},
    Row{K::cancelUpdate, "CANCELUPDATE", selected},
    Row{K::uidExpunge, "UID EXPUNGE", selected},
    Row{K::uidSearch, "UID SEARCH", selected},
    Row{K::uidFetch, "UID FETCH", selected},
    Row{K::uidStore, "UID STORE", selected},
    Row{K::uidCopy, "UID COPY", selected},
    Row{K::uidMove, "UID MOVE", selected},
    Row{K::uidReplace, "UID REPLACE", selected},
    Row{K::uidSort, "UID SORT", selected},
    Row{K::uidThread, "UID THREAD", selected},
};

constexpr bool inOrder() {
  for (std::size_t i = 0; i < rows.size(); ++i)
    if (static_cast<std::size_t>(rows[i].kind) != i) return false;
  return rows.size() == static_cast<std::size_t>(K::uidThread) + 1;
}
static_assert(inOrder(), "a row for each kind, in the order of the enum");

const Row& row(CommandKind kind) { return rows[static_cast<std::size_t>(kind)]; }

}  // namespace

std::string_view name(CommandKind kind) { return row(kind).name; }
std::uint8_t stateMask(CommandKind kind) { return row(kind).states; }

std::optional<CommandKind> commandKind(std::string_view word, bool uid) {
  if (word.find(' ') != std::string_view::npos) return std::nullopt;
  auto wanted = uid ? "UID " + std::string(word) : std::string(word);
  for (const auto& entry : rows)
    if (equalsNoCase(entry.name, wanted)) return entry.kind;
  return std::nullopt;
}

}  // namespace mox::imap
