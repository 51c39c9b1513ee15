// What the server says it can do, one line an extension. RFC 9051 §6.1.1, §7.2.2.
#include <algorithm>

#include "base/Text.h"
#include "imapserver/Handlers.h"

namespace mox::imapserver {

namespace {

/// In the order they are sent. A name goes in with the code that does it.
constexpr std::string_view announced[] = {
    "IMAP4rev2",                         // RFC 9051
    "IMAP4rev1",                         // RFC 3501
    "ENABLE",                            // RFC 5161
    "LITERAL+",                          // RFC 7888
    "IDLE",                              // RFC 2177
    "SASL-IR",                           // RFC 4959
    "BINARY",                            // RFC 3516
    "UNSELECT",                          // RFC 3691
    "UIDPLUS",                           // RFC 4315
    "ESEARCH",                           // RFC 4731
    "SEARCHRES",                         // RFC 5182
    "MOVE",                              // RFC 6851
    "UTF8=ACCEPT",                       // RFC 6855
    "LIST-EXTENDED",                     // RFC 5258
    "CHILDREN",                          // RFC 3348
    "SPECIAL-USE",                       // RFC 6154
    "CREATE-SPECIAL-USE",                // RFC 6154
    "LIST-STATUS",                       // RFC 5819
    "ID",                                // RFC 2971
    "COMPRESS=DEFLATE",                  // RFC 4978
    "UNAUTHENTICATE",                    // RFC 8437
    "APPENDLIMIT=4294967295",            // RFC 7889
    "CONDSTORE",                         // RFC 7162
    "QRESYNC",                           // RFC 7162
    "STATUS=SIZE",                       // RFC 8438
    "QUOTA",                             // RFC 9208
    "QUOTA=RES-STORAGE",                 // RFC 9208
    "QUOTA=RES-MESSAGE",                 // RFC 9208
    "METADATA",                          // RFC 5464
    "LIST-METADATA",                     // RFC 9590
    "SAVEDATE",                          // RFC 8514
    "WITHIN",                            // RFC 5032
    "NAMESPACE",                         // RFC 2342
    "MULTIAPPEND",                       // RFC 3502
    "REPLACE",                           // RFC 8508
    "NOTIFY",                            // RFC 5465
    "OBJECTID",                          // RFC 8474
    "PREVIEW",                           // RFC 8970
    "INPROGRESS",                        // RFC 9585
    "UIDONLY",                           // RFC 9586
    "PARTIAL",                           // RFC 9394
    "MULTISEARCH",                       // RFC 7377
    "CONTEXT=SEARCH",                    // RFC 5267
    "SEARCH=FUZZY",                      // RFC 6203
    "SORT",                              // RFC 5256
    "SORT=DISPLAY",                      // RFC 5957
    "ESORT",                             // RFC 5267
    "THREAD=ORDEREDSUBJECT",             // RFC 5256
    "THREAD=REFERENCES",                 // RFC 5256
};

/// What can be had before login, which depends on the connection.
void addLogin(const Context& context, std::string& out) {
  const auto* tls = context.channel->tls();
  bool passwords = tls != nullptr || !context.listener->requireTls;
  if (tls == nullptr && context.listener->tls && !context.channel->compressed()) out += " STARTTLS";
  for (const auto& mechanism : context.services.authenticator.mechanisms(tls, passwords))
    if (mechanism != "LOGIN" && (mechanism != "EXTERNAL" || context.listener->clientCertificates)) out += " AUTH=" + mechanism;  // in IMAP the LOGIN command does that
  if (!passwords) out += " LOGINDISABLED";
}

bool isUsable(const Context& context, std::string_view name) {
  if (name == "COMPRESS=DEFLATE" && context.channel->compressed()) return false;  // RFC 4978 §3: only once
  return !isHidden(context, name);
}

}  // namespace

bool isHidden(const Context& context, std::string_view capability) {
  if (!context.account) return false;
  auto config = context.services.config.current();
  const auto* info = config->account(context.account->name());
  if (info == nullptr) return false;
  // A whole name with its value, or the name alone.
  auto name = capability.substr(0, capability.find('='));
  const auto& hidden = info->settings.imapCapabilitiesDisabled;
  return std::any_of(hidden.begin(), hidden.end(), [&](const auto& one) { return equalsNoCase(one, capability) || equalsNoCase(one, name); });
}

std::string capabilities(const Context& context) {
  std::string out;
  for (auto name : announced)
    if (isUsable(context, name)) out.append(out.empty() ? "" : " ").append(name);
  if (!isHidden(context, "MESSAGELIMIT")) out += " MESSAGELIMIT=" + std::to_string(context.listener->messageLimit.value);  // RFC 9738
  if (context.state == imap::State::notAuthenticated) addLogin(context, out);
  return out;
}

}  // namespace mox::imapserver
