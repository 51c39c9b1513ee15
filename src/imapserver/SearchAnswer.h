// What a search command says of its result: RETURN options and the responses they ask for.
// RFC 9051 §6.4.4, §7.3.4; RFC 4731, RFC 5182 §2.4, RFC 7162 §3.1.5.
#pragma once

#include <functional>
#include <memory>
#include <optional>

#include "imap/Output.h"
#include "imapserver/SearchRun.h"
#include "net/Session.h"

namespace mox::imapserver {

class Context;

/// RFC 6855 §3: a client that has enabled UTF8=ACCEPT names no charset in SEARCH. True if it does: the command is answered.
/// SORT and THREAD cannot do without.
bool refuseCharset(Context& context, const imap::SearchProgram& program);

/// The program of a command that searches, its texts in UTF-8. If that is not possible the command is answered and
/// there is nothing; with NO, `$` is empty then (RFC 5182 §2.1).
std::optional<imap::SearchKey> readyProgram(Context& context, const imap::SearchProgram& program);
/// The selected mailbox as it is now. If it was deleted the command is answered NO and there is nothing.
std::shared_ptr<SearchScope> selectedScope(Context& context, const imap::SearchReturn& wanted);
std::shared_ptr<SearchScope> selectedScope(Context& context, store::View current);
/// If the program looks at more messages than one command may, the newest are left in the scope; then the code for the
/// reply, else "". RFC 9738 §3.1.
std::string limitSearch(Context& context, const imap::SearchKey& root, SearchScope& scope);
/// For commands whose answer has no meaning in parts, SORT and THREAD (RFC 9738 §3.3): says NO and true if there are too
/// many messages to look at.
bool refuseTooMany(Context& context, const imap::SearchKey& root, SearchScope& scope);
/// True if a key of that kind is anywhere in the program.
bool containsKey(const imap::SearchKey& key, imap::SearchKey::Kind kind);

/// `esearch`: the answer is an ESEARCH response, whose default is ALL.
SearchNeed needOf(const imap::SearchReturn& wanted, bool esearch);

/// The numbers in a window on the results. RFC 9394 §3.1.
imap::NumberSet inWindow(const imap::NumberSet& numbers, const imap::ResultWindow& window);
std::vector<std::uint32_t> inWindow(const std::vector<std::uint32_t>& numbers, const imap::ResultWindow& window);
/// Counts what the search had to read.
void countReads(Context& context, const SearchRun& run);
/// The data items of an ESEARCH response; the caller adds what says where they come from.
imap::EsearchResponse esearchOf(const imap::SearchReturn& wanted, const SearchRun& run, bool uid, bool withModSeq);
/// The same of numbers in the order of a SORT, RFC 5267 §3.
imap::EsearchResponse esearchOf(const imap::SearchReturn& wanted, const std::vector<std::uint32_t>& ordered, bool uid);
/// RFC 6203 §4: scores of the results told, in their order.
std::string relevancyText(const imap::SearchReturn& wanted, const std::vector<std::uint8_t>& relevancies);
/// False for SAVE alone: it says nothing (RFC 5182 §2.1).
bool saysSomething(const imap::SearchReturn& wanted);
/// What SAVE keeps, as UIDs: all that was found, or only what MIN, MAX and PARTIAL tell. RFC 5182 §2.4, RFC 9394 §3.2.
imap::NumberSet savedOf(const imap::SearchReturn& wanted, const imap::NumberSet& uids);

/// The next number to tell, nothing at the end.
using NextNumber = std::function<std::optional<std::uint32_t>()>;
/// Each number of the set, ascending.
NextNumber eachNumber(imap::NumberSet numbers);
/// "* NAME 1 2 3", made as the client takes it. One line however many there are: programs that look at the first line of an
/// answer (with Python's imaplib all do) would miss what is in others.
std::unique_ptr<net::Producer> makeNumberLine(const std::string& name, NextNumber next, std::optional<std::uint64_t> modSeq);

}  // namespace mox::imapserver
