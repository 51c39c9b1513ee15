// Files with secrets are read here and nowhere else while a configuration is
// checked: each is looked at before it is opened.
#include "base/Text.h"
#include "config/Build.h"

namespace mox::config {

namespace {

std::optional<std::string> readChecked(Build& b, Document& file, const Path& at, const std::string& name, const std::string& path, Lack lack) {
  // In managed mode this is a warning: servers that came from mox may have such files, and must start.
  auto complain = [&](const std::string& what) {
    if (what.empty()) return;
    if (b.fixed().declared) file.error(at, printable(name) + " " + what);
    else file.warning(at, printable(name) + " " + what);
  };
  if (b.options.withoutSecrets) return complain(exposure(path, {true, false, path})), std::nullopt;
  auto info = b.files.look(path);
  if (info && !info->isRegular) info = fail(Errc::denied, "is not a regular file");
  if (info) complain(exposure(path, *info));
  auto content = info ? b.files(path) : tl::unexpected(info.error());
  if (!content) {
    if (content.error().code == Errc::notFound && lack == Lack::allowed) return std::nullopt;
    if (content.error().code == Errc::denied && lack == Lack::whenDenied && b.options.whileRunning) return std::nullopt;
    file.error(at, "cannot read " + printable(name) + ": " + content.error().text);
    return std::nullopt;
  }
  return *content;
}

}  // namespace

std::optional<std::string> readSecret(Build& b, Document& file, const Path& path, const std::string& name, Lack lack) {
  return readChecked(b, file, path, name, resolvePath(b.tables.configDir, name), lack);
}

std::optional<std::string> readSecretAt(Build& b, Document& file, const Path& path, const std::string& name, Lack lack) {
  return readChecked(b, file, path, name, name, lack);
}

std::optional<PasswordSource> buildPassword(Build& b, Document& file, const Path& path, const Account& account) {
  bool plain = !account.passwordFile.empty(), hash = !account.passwordHashFile.empty();
  if (plain && hash) file.error(path / "PasswordHashFile", "not together with PasswordFile");
  if (!plain && !hash && account.passwordMutable) file.error(path / "PasswordMutable", "needs PasswordFile or PasswordHashFile");
  if (plain == hash) return std::nullopt;
  const auto& name = hash ? account.passwordHashFile : account.passwordFile;
  PasswordSource source{resolvePath(b.tables.configDir, name), hash, account.passwordMutable};
  Path at = path / (hash ? "PasswordHashFile" : "PasswordFile");
  auto content = readSecret(b, file, at, name);
  if (!content) return source;
  // Through what was read, so that the file is opened once.
  auto good = readPassword(FileReader([&](const std::string&) -> Result<std::string> { return *content; }), source);
  if (!good) file.error(at, printable(name) + ": " + good.error().text);
  return source;
}

}  // namespace mox::config
