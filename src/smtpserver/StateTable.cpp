#include "smtpserver/StateTable.h"

#include <algorithm>
#include <array>
#include <string_view>

namespace mox::smtpserver {

namespace {

using smtp::Verb;

// Columns: connected, anonymous, ready, mail, rcpt.
//   y yes · h HELO or EHLO first · a log in first · t a transaction is under way · m MAIL first · r RCPT first
struct Row {
  Verb verb;
  std::string_view cells;
};
constexpr std::array<Row, 13> table{{
    {Verb::helo, "yyyyy"},
    {Verb::ehlo, "yyyyy"},
    {Verb::startTls, "hyyyy"},
    {Verb::auth, "hyytt"},
    {Verb::mail, "haytt"},
    {Verb::rcpt, "hamyy"},
    {Verb::data, "hamry"},
    {Verb::rset, "yyyyy"},
    {Verb::vrfy, "yyyyy"},
    {Verb::expn, "yyyyy"},
    {Verb::help, "yyyyy"},
    {Verb::noop, "yyyyy"},
    {Verb::quit, "yyyyy"},
}};

const smtp::CommandError* refusalOf(char cell) {
  static const smtp::CommandError helloFirst{503, "5.5.1", "say EHLO first"}, loginFirst{530, "5.7.0", "log in first"},
      inTransaction{503, "5.5.1", "not within a transaction"}, mailFirst{503, "5.5.1", "say MAIL first"}, rcptFirst{503, "5.5.1", "say RCPT first"};
  switch (cell) {
    case 'h': return &helloFirst;
    case 'a': return &loginFirst;
    case 't': return &inTransaction;
    case 'm': return &mailFirst;
    case 'r': return &rcptFirst;
    default: return nullptr;
  }
}

}  // namespace

const smtp::CommandError* refusalOf(Verb verb, State state) {
  static const smtp::CommandError unknown = smtp::unknownCommand();
  auto row = std::find_if(table.begin(), table.end(), [&](const Row& r) { return r.verb == verb; });
  return row == table.end() ? &unknown : refusalOf(row->cells[static_cast<std::size_t>(state)]);
}

}  // namespace mox::smtpserver
