// Secrets in files of their own: who may read them, and passwords in them.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/Result.h"
#include "config/Files.h"

namespace mox::config {

/// Shorter passwords are refused, AUT-07.
inline constexpr std::size_t minPasswordLength = 8;  ///< octets

/// Where everybody can read everything, and copies go to caches: no place for a secret.
inline constexpr std::string_view publicStore = "/nix/store/";

/// What speaks against a secret in this file, "" if nothing: others may read it, or it is below publicStore, by its
/// own name or by that of the file a link leads to.
std::string exposure(const std::string& path, const FileInfo& info);

/// Where the password of an account comes from.
struct PasswordSource {
  std::string file;        ///< resolved path
  bool isHash = false;     ///< of crypt(5)
  bool isMutable = false;  ///< only the first password: counts until the user changes it
};

/// The one line of the file: a password that may be set, or a hash that crypt(5) can check. Errc::syntax or the
/// reader's, without the path.
Result<std::string> readPassword(const FileReader& files, const PasswordSource& source);

/// A file's only line, without its end. Errc::syntax for an empty file or several lines.
Result<std::string> onlyLine(std::string_view content);

/// That this is a whole hash of a method which libxcrypt has. Errc::syntax or unsupported.
Result<void> inspectPasswordHash(const std::string& hash);

}  // namespace mox::config
