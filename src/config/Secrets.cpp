#include "config/Secrets.h"

#include <crypt.h>

#include <algorithm>

#include "base/Text.h"
#include "sasl/Prepare.h"

namespace mox::config {

namespace {

/// Length of what follows the last "$" of a whole hash, crypt(5); of a cut one the rest would look like a salt.
struct Method {
  std::string_view prefix;
  std::size_t lastPart;
};
constexpr Method methods[] = {{"$y$", 43}, {"$gy$", 43}, {"$7$", 43}, {"$2", 53}, {"$6$", 86}, {"$5$", 43}, {"$sha1", 28}, {"$1$", 22}};

}  // namespace

std::string exposure(const std::string& path, const FileInfo& info) {
  if (path.starts_with(publicStore) || info.realPath.starts_with(publicStore))
    return "is below /nix/store, where everybody can read it: give the path of a file outside, read when the server starts";
  if (info.othersMayRead) return "can be read by everybody on this machine: take that right away (chmod o-r)";
  return "";
}

Result<std::string> onlyLine(std::string_view content) {
  auto end = content.find('\n');
  auto line = content.substr(0, end);
  if (line.ends_with('\r')) line.remove_suffix(1);
  if (end != std::string_view::npos && !trim(content.substr(end)).empty()) return fail(Errc::syntax, "has more than one line");
  if (line.empty()) return fail(Errc::syntax, "is empty");
  return std::string(line);
}

Result<void> inspectPasswordHash(const std::string& hash) {
  bool plain = !hash.empty() && std::all_of(hash.begin(), hash.end(), [](char c) { return c > 0x20 && c < 0x7f && c != ':'; });
  if (!plain) return fail(Errc::syntax, "is not a hash of crypt(5)");
  int known = ::crypt_checksalt(hash.c_str());
  if (known == CRYPT_SALT_METHOD_DISABLED) return fail(Errc::unsupported, "has a kind of hash that crypt(5) does not take any more");
  if (known == CRYPT_SALT_INVALID) return fail(Errc::syntax, "is not a hash of crypt(5)");
  auto last = hash.size() - (hash.rfind('$') + 1);
  bool isDes = hash.front() != '$';  // 13 characters, or 20 of the kind that begins with "_"
  if (isDes && hash.size() != (hash.front() == '_' ? 20 : 13)) return fail(Errc::syntax, "is not a hash of crypt(5)");
  for (const auto& method : methods) {
    bool cut = hash.starts_with(method.prefix) && last != method.lastPart;
    if (cut) return fail(Errc::syntax, "holds a hash of crypt(5) that is not whole");
  }
  return {};
}

Result<std::string> readPassword(const FileReader& files, const PasswordSource& source) {
  auto content = files(source.file);
  auto line = content ? onlyLine(*content) : tl::unexpected(content.error());
  if (!line) return line;
  if (source.isHash) {
    if (auto good = inspectPasswordHash(*line); !good) return tl::unexpected(good.error());
    return line;
  }
  if (line->size() < minPasswordLength) return fail(Errc::syntax, "password must have at least " + std::to_string(minPasswordLength) + " characters");
  if (auto prepared = sasl::preparePassword(*line); !prepared) return tl::unexpected(prepared.error());
  return line;
}

}  // namespace mox::config
