#include "delivery/ForgedResults.h"

#include <algorithm>

#include "message/FieldLexer.h"
#include "message/HeaderFields.h"

namespace mox::delivery {

namespace {

constexpr std::string_view resultsName = "Authentication-Results";
static_assert(resultsName.size() == forgedResultsName.size());

/// RFC 8601 §2.2: [CFWS] authserv-id, a token or a quoted string.
std::string serverOf(std::string_view value) {
  message::FieldLexer lexer(value);
  lexer.skipCfws();
  if (lexer.peek() == '"') return lexer.quotedString();
  return std::string(lexer.run(message::valueEnds));
}

}  // namespace

void renameForgedResults(store::Spool& message, const std::vector<Domain>& ourNames) {
  auto data = message.data();
  message::HeaderFields fields(data);
  while (auto field = fields.next()) {
    if (!field->is(resultsName)) continue;
    auto server = Domain::make(serverOf(field->value));
    if (!server || std::find(ourNames.begin(), ourNames.end(), *server) == ourNames.end()) continue;
    message.overwrite(static_cast<std::uint64_t>(field->name.data() - data.data()), forgedResultsName);
  }
}

}  // namespace mox::delivery
