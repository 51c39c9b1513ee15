// CommandKind: every command known, its name, and the states it is legal in.
//
// One strict table: a command is legal in a state only if the table says so.
// RFC 9051 §6; extensions by their own RFC.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace mox::imap {

enum class CommandKind : std::uint8_t {
  // any state
  capability, noop, logout, id,
  // not authenticated
  starttls, authenticate, login,
  // authenticated (and selected)
  enable, select, examine, create, remove, rename, subscribe, unsubscribe, list, lsub, nameSpace, status, append, idle,
  getQuotaRoot, getQuota, setQuota, getMetadata, setMetadata, compress, esearch, notify, unauthenticate,
  // selected
  check, close, unselect, expunge, search, fetch, store, copy, move, replace, sort, thread, cancelUpdate,
  uidExpunge, uidSearch, uidFetch, uidStore, uidCopy, uidMove, uidReplace, uidSort, uidThread,
};

/// RFC 9051 §3.
enum class State : std::uint8_t { notAuthenticated = 1, authenticated = 2, selected = 4 };

/// As a client writes it: "UID FETCH", "DELETE".
std::string_view name(CommandKind kind);
/// Bits of State.
std::uint8_t stateMask(CommandKind kind);
inline bool isLegal(CommandKind kind, State state) { return (stateMask(kind) & static_cast<std::uint8_t>(state)) != 0; }
/// By name, case-insensitively; `uid` for the word after UID.
std::optional<CommandKind> commandKind(std::string_view word, bool uid);

}  // namespace mox::imap
