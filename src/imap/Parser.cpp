#include "imap/Parser.h"

#include "base/Text.h"
#include "imap/Grammar.h"

namespace mox::imap {

bool parseId(Lexer& lexer, args::Id& out) {
  if (!lexer.space()) return false;
  if (lexer.takeWord("NIL")) return true;
  auto& fields = out.fields.emplace();
  auto field = [&] {
    auto& [name, value] = fields.emplace_back();
    if (!lexer.within(idFields, fields.size())) return false;
    if (!lexer.string(name) || !lexer.space() || !lexer.nstring(value)) return false;
    return lexer.within(idNameBytes, name.size()) && (!value || lexer.within(idValueBytes, value->size()));
  };
  return list(lexer, field, true);
}

bool parseAuthenticate(Lexer& lexer, args::Authenticate& out) {
  if (!lexer.space() || !lexer.upperAtom(out.mechanism)) return false;
  if (lexer.atEnd()) return true;
  if (!lexer.space()) return false;
  // RFC 4959 §3: "=" is an empty response. Base64 is all atom characters.
  std::string text;
  if (!lexer.atom(text)) return false;
  out.initialResponse = text == "=" ? std::string() : fromBase64(text);
  return out.initialResponse || lexer.fail("initial response is not base64");
}

bool parseEnable(Lexer& lexer, args::Enable& out) {
  do {
    if (!lexer.space() || !lexer.upperAtom(out.capabilities.emplace_back())) return false;
  } while (!lexer.atEnd());
  return true;
}

namespace {

bool parseLogin(Lexer& lexer, args::Login& out) {
  return lexer.space() && lexer.astring(out.user) && lexer.space() && lexer.astring(out.password);
}

bool parseCompress(Lexer& lexer, args::Compress& out) { return lexer.space() && lexer.upperAtom(out.algorithm); }
bool parseMailbox(Lexer& lexer, args::Mailbox& out) { return lexer.space() && lexer.mailbox(out.mailbox); }
bool parseRename(Lexer& lexer, args::Rename& out) {
  return lexer.space() && lexer.mailbox(out.from) && lexer.space() && lexer.mailbox(out.to);
}
bool parseQuota(Lexer& lexer, args::Quota& out) { return lexer.space() && lexer.astring(out.root); }
bool parseUidExpunge(Lexer& lexer, args::UidExpunge& out) { return lexer.space() && lexer.sequenceSet(out.set); }

/// Runs one production into the variant. `uid` for structures that have it.
template <class Arguments>
bool run(Lexer& lexer, Command& command, bool (*production)(Lexer&, Arguments&), bool uid = false) {
  auto& out = command.arguments.emplace<Arguments>();
  if constexpr (requires { out.uid; }) out.uid = uid;
  return production(lexer, out);
}

bool parseSelectedArguments(Lexer& lexer, Command& command) {
  using K = CommandKind;
  switch (command.kind) {
    case K::search: return run(lexer, command, parseSearch);
    case K::uidSearch: return run(lexer, command, parseSearch, true);
    case K::fetch: return run(lexer, command, parseFetch);
    case K::uidFetch: return run(lexer, command, parseFetch, true);
    case K::store: return run(lexer, command, parseStore);
    case K::uidStore: return run(lexer, command, parseStore, true);
    case K::copy: case K::move: return run(lexer, command, parseCopy);
    case K::uidCopy: case K::uidMove: return run(lexer, command, parseCopy, true);
    case K::replace: return run(lexer, command, parseReplace);
    case K::uidReplace: return run(lexer, command, parseReplace, true);
    case K::sort: return run(lexer, command, parseSort);
    case K::uidSort: return run(lexer, command, parseSort, true);
    case K::cancelUpdate: return run(lexer, command, parseCancelUpdate);
    case K::thread: return run(lexer, command, parseThread);
    case K::uidThread: return run(lexer, command, parseThread, true);
    case K::uidExpunge: return run(lexer, command, parseUidExpunge);
    default: return true;  // no arguments; end() refuses any
  }
}

bool parseArguments(Lexer& lexer, Command& command) {
  using K = CommandKind;
  switch (command.kind) {
    case K::id: return run(lexer, command, parseId);
    case K::authenticate: return run(lexer, command, parseAuthenticate);
    case K::login: return run(lexer, command, parseLogin);
    case K::enable: return run(lexer, command, parseEnable);
    case K::compress: return run(lexer, command, parseCompress);
    case K::select: case K::examine: return run(lexer, command, parseSelect);
    case K::create: return run(lexer, command, parseCreate);
    case K::remove: case K::subscribe: case K::unsubscribe: case K::getQuotaRoot: return run(lexer, command, parseMailbox);
    case K::rename: return run(lexer, command, parseRename);
    case K::list: return run(lexer, command, parseList);
    case K::lsub: return run(lexer, command, parseLsub);
    case K::status: return run(lexer, command, parseStatus);
    case K::append: return run(lexer, command, parseAppend);
    case K::getQuota: return run(lexer, command, parseQuota);
    case K::setQuota: return run(lexer, command, parseSetQuota);
    case K::getMetadata: return run(lexer, command, parseGetMetadata);
    case K::setMetadata: return run(lexer, command, parseSetMetadata);
    case K::esearch: return run(lexer, command, parseEsearch);
    case K::notify: return run(lexer, command, parseNotify);
    default: return parseSelectedArguments(lexer, command);
  }
}

bool parseWord(Lexer& lexer, SyntaxError& error, Command& command) {
  std::string word;
  if (!lexer.space() || !lexer.atom(word)) return false;
  bool uid = equalsNoCase(word, "UID");
  if (uid && (!lexer.space() || !lexer.atom(word))) return false;
  auto kind = commandKind(word, uid);
  if (!kind) return lexer.fail("unknown command " + printable(word, 40));
  command.kind = *kind;
  error.kind = kind;
  return true;
}

}  // namespace

tl::expected<Command, SyntaxError> parseCommand(const Framed& framed, const ParseMode& mode) {
  Lexer lexer(framed, mode.utf8);
  Command command;
  SyntaxError error;
  auto failed = [&] {
    error.reason = lexer.reason();
    error.limit = lexer.limit();
    return tl::unexpected<SyntaxError>(error);
  };
  if (!lexer.tag(command.tag)) return failed();
  if (lexer.peek() != ' ') {
    lexer.fail(lexer.atEnd() ? "a command must follow the tag" : "malformed tag");
    return failed();
  }
  error.tag = command.tag;
  if (framed.bareLineFeed) {
    lexer.fail("the line did not end with CR LF");
    return failed();
  }
  if (!parseWord(lexer, error, command) || !parseArguments(lexer, command) || !lexer.end()) return failed();
  return command;
}

tl::expected<std::optional<args::AppendMessage>, SyntaxError> parseAfterMessage(const Framed& framed, bool previousUtf8, bool mayContinue) {
  Lexer lexer(framed, false);
  std::optional<args::AppendMessage> out;
  bool good = !framed.bareLineFeed || lexer.fail("the line did not end with CR LF");
  if (previousUtf8) good = good && lexer.expect(')');
  if (good && !(lexer.atEnd() && !framed.hasMessage)) {
    good = mayContinue ? parseAppendMessage(lexer, out.emplace()) && lexer.end() : lexer.fail("unexpected text after the message");
  }
  if (!good) return tl::unexpected<SyntaxError>(SyntaxError{{}, lexer.reason(), std::nullopt, lexer.limit()});
  return out;
}

std::optional<Section> parseSection(std::string_view text) {
  Framed framed;
  framed.text = text;
  Lexer lexer(framed, false);
  Section out;
  if (!parseSectionText(lexer, out) || !lexer.atEnd()) return std::nullopt;
  return out;
}

}  // namespace mox::imap
