#include "imapserver/Handlers.h"

namespace mox::imapserver {

Handler handlerOf(imap::CommandKind kind) {
  using imap::CommandKind;
  switch (kind) {
    case CommandKind::capability: return handleCapability;
    case CommandKind::noop: return handleNoop;
    case CommandKind::logout: return handleLogout;
    case CommandKind::id: return handleId;
    case CommandKind::starttls: return handleStartTls;
    case CommandKind::authenticate: return handleAuthenticate;
    case CommandKind::login: return handleLogin;
    case CommandKind::enable: return handleEnable;
    case CommandKind::select:
    case CommandKind::examine: return handleSelect;
    case CommandKind::create: return handleCreate;
    case CommandKind::remove: return handleDelete;
    case CommandKind::rename: return handleRename;
    case CommandKind::subscribe: return handleSubscribe;
    case CommandKind::unsubscribe: return handleUnsubscribe;
    case CommandKind::list: return handleList;
    case CommandKind::lsub: return handleLsub;
    case CommandKind::nameSpace: return handleNamespace;
    case CommandKind::status: return handleStatus;
    case CommandKind::idle: return handleIdle;
    case CommandKind::compress: return handleCompress;
    case CommandKind::unauthenticate: return handleUnauthenticate;
    case CommandKind::getQuotaRoot: return handleGetQuotaRoot;
    case CommandKind::getQuota: return handleGetQuota;
    case CommandKind::setQuota: return handleSetQuota;
    case CommandKind::notify: return handleNotify;
    case CommandKind::getMetadata: return handleGetMetadata;
    case CommandKind::setMetadata: return handleSetMetadata;
    case CommandKind::esearch: return handleEsearch;
    case CommandKind::check: return handleCheck;
    case CommandKind::close: return handleClose;
    case CommandKind::unselect: return handleUnselect;
    case CommandKind::expunge: return handleExpunge;
    case CommandKind::uidExpunge: return handleUidExpunge;
    case CommandKind::search:
    case CommandKind::uidSearch: return handleSearch;
    case CommandKind::sort:
    case CommandKind::uidSort: return handleSort;
    case CommandKind::cancelUpdate: return handleCancelUpdate;
    case CommandKind::thread:
    case CommandKind::uidThread: return handleThread;
    case CommandKind::fetch:
    case CommandKind::uidFetch: return handleFetch;
    case CommandKind::store:
    case CommandKind::uidStore: return handleStore;
    case CommandKind::copy:
    case CommandKind::uidCopy: return handleCopy;
    case CommandKind::move:
    case CommandKind::uidMove: return handleMove;
    default: return nullptr;
  }
}

}  // namespace mox::imapserver
