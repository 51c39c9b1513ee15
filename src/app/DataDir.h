// The data directory outside of what the store keeps there: secrets made once, certificates made here.
#pragma once

#include <string>

#include "base/Clock.h"
#include "base/Random.h"
#include "base/Result.h"
#include "net/Keys.h"
#include "store/Files.h"

namespace mox::app {

/// Paths below the data directory.
std::string ctlPath(const std::string& dataDir);
std::string receivedIdKeyPath(const std::string& dataDir);
/// Of secrets for strangers' SCRAM logins and for digests of Applied.
std::string saltKeyPath(const std::string& dataDir);

/// Makes the directory, for its owner and group only, if it is not there. Throws store::FileError.
void makeDataDirectory(store::Files& files, const std::string& path);

/// Why this is no data directory of ours but one of the mox that is written in Go, which would lie here unread beside new and empty
/// accounts; "" if it is not, if there is none, and if there are accounts of ours in it. Reads only.
std::string foreignData(const std::string& path);

/// A new file (mode 0600), durable with its directory when this returns. Throws store::FileError, also if it is there.
void writeNewFile(store::Files& files, const std::string& path, std::string_view content);

/// Where replaceFile() writes before it renames.
std::string unfinishedPath(const std::string& path);

/// The same, in place of the one that may be there: a crash leaves the one or the other, whole.
void replaceFile(store::Files& files, const std::string& path, std::string_view content);

/// Content of a file of secrets, `size` random octets made at first use. Throws; std::runtime_error if the file has
/// another size: a damaged key must not be replaced silently, since what it made would no longer be understood.
std::string readOrMakeSecret(store::Files& files, Random& random, const std::string& path, std::size_t size);

/// A self-signed certificate for `hostname` kept below the data directory, made at first use, so that clients that
/// were told to trust it keep doing so. With `hostKey` (PEM) for that key, which DANE records may name; else for a new one.
net::CertificatePem readOrMakeSelfSigned(store::Files& files, Random& random, const Clock& clock, const std::string& dataDir,
                                         const std::string& hostname, const std::string& hostKey = "");

}  // namespace mox::app
