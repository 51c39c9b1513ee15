#include <algorithm>
#include <set>

#include "base/Log.h"
#include "base/Text.h"
#include "base/Unicode.h"
#include "config/Build.h"
#include "config/Keys.h"

namespace mox::config {

namespace {

void checkInitialMailboxes(Build& b) {
  const auto& initial = b.fixed().initialMailboxes;
  bool any = !described::typeOf<InitialMailboxes>().isZero(&initial);
  if (any && !b.fixed().defaultMailboxes.empty()) b.fixedFile.error(Path() / "DefaultMailboxes", "not together with InitialMailboxes");
  std::set<std::string> seen;
  auto check = [&](const Path& path, const std::string& name) {
    if (name.empty()) return;
    checkMailbox(b.fixedFile, path, name, false);
    if (lower(name).starts_with("inbox/")) b.fixedFile.error(path, "mailbox must not be below Inbox");
    if (!seen.insert(name).second) b.fixedFile.error(path, "mailbox \"" + name + "\" is named twice");
  };
  const auto& use = initial.specialUse;
  Path special = Path() / "InitialMailboxes" / "SpecialUse";
  for (auto [field, name] : {std::pair("Sent", &use.sent), std::pair("Archive", &use.archive), std::pair("Trash", &use.trash),
                             std::pair("Draft", &use.draft), std::pair("Junk", &use.junk)}) {
    if (name->find('/') != std::string::npos) b.fixedFile.error(special / field, "mailbox with a role must be at the top, without slash");
    check(special / field, *name);
  }
  for (std::size_t i = 0; i < initial.regular.size(); ++i) {
    if (initial.regular[i].empty()) b.fixedFile.error(Path() / "InitialMailboxes" / "Regular" / i, "mailbox name is empty");
    check(Path() / "InitialMailboxes" / "Regular" / i, initial.regular[i]);
  }
  for (std::size_t i = 0; i < b.fixed().defaultMailboxes.size(); ++i) {
    const auto& name = b.fixed().defaultMailboxes[i];
    if (equalsNoCase(name, "Inbox")) continue;  // the old form had it in its examples
    checkMailbox(b.fixedFile, Path() / "DefaultMailboxes" / i, name, true);
  }
}

/// Not an error: the mox in Go has other packages, whose levels mean nothing here.
void checkLogLevels(Build& b) {
  const auto& rooms = logRooms();
  for (const auto& [room, level] : b.fixed().packageLogLevels)
    if (std::find(rooms.begin(), rooms.end(), room) == rooms.end())
      b.fixedFile.warning(Path() / "PackageLogLevels" / room, "there is no such package, there are " + join({rooms.begin(), rooms.end()}, ", "));
}

bool isFileName(std::string_view name) {
  return !name.empty() && std::all_of(name.begin(), name.end(), [](char c) { return isAlpha(c) || isDigit(c) || c == '-' || c == '_'; });
}

void checkAcme(Build& b) {
  for (const auto& [name, acme] : b.fixed().acme) {
    Path path = Path() / "ACME" / name;
    if (!isFileName(name)) b.fixedFile.error(path, "the name may have letters, digits, - and _ only: files are called so");
    checkUrl(b.fixedFile, path / "DirectoryURL", acme.directoryUrl);
    checkPort(b.fixedFile, path / "Port", acme.port, 443);
    checkNotNegative(b.fixedFile, path / "RenewBefore", acme.renewBefore.count());
    if (!Address::parse(acme.contactEmail)) b.fixedFile.error(path / "ContactEmail", "not an email address");
    if (!acme.issuerDomainName.empty()) checkDomain(b.fixedFile, path / "IssuerDomainName", acme.issuerDomainName);
    if (!acme.externalAccountBinding) continue;
    const auto& binding = *acme.externalAccountBinding;
    if (binding.keyId.empty()) b.fixedFile.error(path / "ExternalAccountBinding" / "KeyID", "must not be empty");
    readSecret(b, b.fixedFile, path / "ExternalAccountBinding" / "KeyFile", binding.keyFile);
  }
}

void buildAuthorities(Build& b) {
  if (!b.fixed().tls.ca) return;
  auto& out = b.tables.authorities;
  out.system = b.fixed().tls.ca->additionalToSystem;
  const auto& files = b.fixed().tls.ca->certFiles;
  for (std::size_t i = 0; i < files.size(); ++i) {
    Path path = Path() / "TLS" / "CA" / "CertFiles" / i;
    auto pem = b.files(resolvePath(b.tables.configDir, files[i]));
    if (!pem) {
      b.fixedFile.error(path, "cannot read " + files[i] + ": " + pem.error().text);
      continue;
    }
    if (auto good = inspectCertificates(*pem); !good) b.fixedFile.error(path, good.error().text + " in " + files[i]);
    out.pem += *pem + "\n";
  }
}

}  // namespace

void buildGeneral(Build& b) {
  const auto& fixed = b.fixed();
  if (fixed.dataDir.empty()) b.fixedFile.error(Path() / "DataDir", "must not be empty");
  else if (fixed.dataDir.ends_with('\r')) b.fixedFile.error(Path() / "DataDir", "the line ends with a carriage return");
  b.tables.dataDir = resolvePath(b.tables.configDir, fixed.dataDir);
  b.tables.hostname = checkDomain(b.fixedFile, Path() / "Hostname", fixed.hostname);
  if (b.tables.hostname) b.tables.hostnames.insert(*b.tables.hostname);
  checkNotNegative(b.fixedFile, Path() / "QuotaMessageSize", fixed.quotaMessageSize);
  checkNotNegative(b.fixedFile, Path() / "QuotaMessageCount", fixed.quotaMessageCount);
  checkLogLevels(b);
  checkInitialMailboxes(b);
  // In managed mode "mox setadminpassword" makes it.
  if (!fixed.adminPasswordFile.empty())
    readSecret(b, b.fixedFile, Path() / "AdminPasswordFile", fixed.adminPasswordFile, fixed.declared ? Lack::error : Lack::allowed);
  checkAcme(b);
  buildAuthorities(b);
}

}  // namespace mox::config
