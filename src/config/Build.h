// Inside of load(): the checks, which at the same time make the tables of a
// Config. Each step adds errors to the document that holds the mistake and goes
// on, so that one run shows all of them; with any error no Config comes out.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "config/Document.h"
#include "config/Files.h"
#include "config/Source.h"
#include "config/Tables.h"

namespace mox::config {

struct Build {
  Document& fixedFile;    ///< mox.conf
  Document& dynamicFile;  ///< domains.conf; the same as fixedFile for JSON
  Config::Tables& tables;
  const FileReader& files;
  const LoadOptions& options;

  const Static& fixed() const { return tables.fixed; }
  const Dynamic& dynamic() const { return tables.dynamic; }
};

// Steps in order; a later one uses what earlier ones made.
void buildGeneral(Build& b);     ///< BuildGeneral.cpp: names, mailboxes, quotas, ACME
void buildListeners(Build& b);   ///< BuildListeners.cpp
void buildTransports(Build& b);  ///< BuildTransports.cpp
void buildDomains(Build& b);     ///< BuildDomains.cpp: names, separators, DKIM, MTA-STS
void buildAccounts(Build& b);    ///< BuildAccounts.cpp: settings
void buildAddresses(Build& b);   ///< BuildAddresses.cpp: destinations, reports, postmaster, aliases
void buildRoutes(Build& b);      ///< BuildTransports.cpp
void checkWeb(Build& b);         ///< CheckWeb.cpp: redirects and handlers

// BuildSecrets.cpp

enum class Lack {
  error,
  allowed,     ///< the file need not be there
  whenDenied,  ///< a running server need not be able to read it (LoadOptions::whileRunning)
};
/// Content of a file with a secret, which others must not be able to read: an error at `path` in declared mode, else a
/// warning. Nothing if it cannot be read, or must not be (LoadOptions::withoutSecrets).
std::optional<std::string> readSecret(Build& b, Document& file, const Path& path, const std::string& name, Lack lack = Lack::error);
/// The same for a file that is not named relative to the configuration.
std::optional<std::string> readSecretAt(Build& b, Document& file, const Path& path, const std::string& name, Lack lack);
std::optional<PasswordSource> buildPassword(Build& b, Document& file, const Path& path, const Account& account);

// Checks of single values, each adding its error at `path`.
std::optional<Domain> checkDomain(Document& file, const Path& path, const std::string& text);
std::optional<Localpart> checkLocalpart(Document& file, const Path& path, const std::string& text);
std::optional<Pattern> checkPattern(Document& file, const Path& path, const std::string& text);
/// A mailbox name as the store takes it; "Inbox" only if allowed.
void checkMailbox(Document& file, const Path& path, const std::string& name, bool allowInbox);
void checkAccountExists(const Build& b, Document& file, const Path& path, const std::string& name);
/// 0 to 65535; 0 is the default.
std::uint16_t checkPort(Document& file, const Path& path, std::int64_t port, std::uint16_t standard);
/// Not less than zero.
void checkNotNegative(Document& file, const Path& path, std::int64_t value);
/// http or https with a host.
void checkUrl(Document& file, const Path& path, const std::string& text);
/// Printable ASCII, at most 255 characters: fit for a reply.
void checkReplyText(Document& file, const Path& path, const std::string& text);
std::optional<IpAddress> checkIp(Document& file, const Path& path, const std::string& text);

}  // namespace mox::config
