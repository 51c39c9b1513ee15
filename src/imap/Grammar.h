// The grammar in pieces, one function a production; internal to the room. Each returns false with lexer.reason() set.
#pragma once

#include "imap/Command.h"
#include "imap/Lexer.h"

namespace mox::imap {

// All begin after the command word, at the space before the first argument.
bool parseId(Lexer& lexer, args::Id& out);
bool parseAuthenticate(Lexer& lexer, args::Authenticate& out);
bool parseEnable(Lexer& lexer, args::Enable& out);
bool parseSelect(Lexer& lexer, args::Select& out);
bool parseCreate(Lexer& lexer, args::Create& out);
bool parseList(Lexer& lexer, args::List& out);
bool parseLsub(Lexer& lexer, args::List& out);
bool parseStatus(Lexer& lexer, args::Status& out);
bool parseAppend(Lexer& lexer, args::Append& out);
bool parseReplace(Lexer& lexer, args::Replace& out);
bool parseSetQuota(Lexer& lexer, args::SetQuota& out);
bool parseGetMetadata(Lexer& lexer, args::GetMetadata& out);
bool parseSetMetadata(Lexer& lexer, args::SetMetadata& out);
bool parseNotify(Lexer& lexer, args::Notify& out);
bool parseSearch(Lexer& lexer, args::Search& out);
bool parseEsearch(Lexer& lexer, args::Esearch& out);
bool parseSort(Lexer& lexer, args::Sort& out);
bool parseThread(Lexer& lexer, args::Thread& out);
bool parseCancelUpdate(Lexer& lexer, args::CancelUpdate& out);
bool parseFetch(Lexer& lexer, args::Fetch& out);
bool parseStore(Lexer& lexer, args::Store& out);
bool parseCopy(Lexer& lexer, args::Copy& out);

// Productions that several commands share.
/// [SP flag-list] [SP date-time] SP literal; the literal is framed.message.
bool parseAppendMessage(Lexer& lexer, args::AppendMessage& out);
bool parseStatusItems(Lexer& lexer, std::vector<StatusItem>& out);
bool parseFetchItem(Lexer& lexer, std::vector<FetchItem>& out);
bool parseSectionText(Lexer& lexer, Section& out);
bool parseMailboxFilter(Lexer& lexer, MailboxFilter& out);
/// An entry name of METADATA, lower case. RFC 5464 §3.2.
bool parseMetadataEntry(Lexer& lexer, std::string& out);
/// PARTIAL's "-1:-100", RFC 9394.
bool parseWindow(Lexer& lexer, SearchReturn::Window& out);

}  // namespace mox::imap
