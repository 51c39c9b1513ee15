#include "app/DataDir.h"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <stdexcept>
#include <vector>

#include "app/DnsRecords.h"
#include "base/Text.h"
#include "config/Files.h"

namespace mox::app {

namespace {

constexpr std::size_t keyNameDigits = 16;  // of the key's hash in a file name

std::string readWhole(const std::string& path) {
  auto content = config::diskFiles()(path);
  if (!content) throw std::runtime_error(path + ": " + content.error().text);
  return *content;
}

}  // namespace

std::string ctlPath(const std::string& dataDir) { return dataDir + "/ctl"; }
std::string saltKeyPath(const std::string& dataDir) { return dataDir + "/salt.key"; }
std::string receivedIdKeyPath(const std::string& dataDir) { return dataDir + "/receivedid.key"; }

void makeDataDirectory(store::Files& files, const std::string& path) {
  auto parent = config::directoryOf(path);
  files.makeDirectory(parent);
  // The group may pass, to the control socket; what the store makes below is for the user only.
  if (::mkdir(path.c_str(), 0750) == 0) return files.syncDirectory(parent);
  if (errno != EEXIST) throw store::FileError(errno, std::generic_category(), "creating " + path);
}

std::string foreignData(const std::string& path) {
  namespace fs = std::filesystem;
  std::error_code none;
  std::vector<fs::path> databases{fs::path(path) / "queue/index.db"};
  for (fs::directory_iterator at(fs::path(path) / "accounts", none), end; at != end; at.increment(none)) {
    if (fs::exists(at->path() / "account.db", none)) return "";  // it has come over, or what is left of another lies beside
    databases.push_back(at->path() / "index.db");
  }
  auto found = std::find_if(databases.begin(), databases.end(), [&](const auto& database) { return fs::exists(database, none); });
  if (found == databases.end()) return "";
  return printable(found->string(), 4096) + ": this is data of the mox that is written in Go, which this program cannot read. Its mail comes over with "
         "\"mox export\" there and \"mox import\" here (README, Coming from mox in Go): give this server a DataDir of its own";
}

void writeNewFile(store::Files& files, const std::string& path, std::string_view content) {
  auto fd = files.create(path);
  files.write(fd.get(), content);
  files.sync(fd.get());
  files.syncDirectory(config::directoryOf(path));
}

std::string unfinishedPath(const std::string& path) { return path + ".new"; }

void replaceFile(store::Files& files, const std::string& path, std::string_view content) {
  auto unfinished = unfinishedPath(path);
  files.remove(unfinished);
  writeNewFile(files, unfinished, content);
  files.rename(unfinished, path);
  files.syncDirectory(config::directoryOf(path));
}

std::string readOrMakeSecret(store::Files& files, Random& random, const std::string& path, std::size_t size) {
  if (files.size(path) < 0) {
    auto secret = random.bytes(size);
    writeNewFile(files, path, secret);
    return secret;
  }
  auto secret = readWhole(path);
  if (secret.size() != size) throw std::runtime_error(path + ": has " + std::to_string(secret.size()) + " octets instead of " + std::to_string(size));
  return secret;
}

net::CertificatePem readOrMakeSelfSigned(store::Files& files, Random& random, const Clock& clock, const std::string& dataDir,
                                         const std::string& hostname, const std::string& hostKey) {
  auto directory = dataDir + "/selfsigned";
  files.makeDirectory(directory);
  if (!hostKey.empty()) {
    auto data = tlsaData(hostKey);
    if (!data) throw std::runtime_error("host key: " + data.error().text);
    auto certFile = directory + "/" + hostname + "." + hex(*data).substr(0, keyNameDigits) + ".cert.pem";
    if (files.size(certFile) < 0) writeNewFile(files, certFile, net::makeSelfSigned(net::SelfSignedOptions{{hostname}, hostKey, ""}, clock, random).chain);
    return {readWhole(certFile), hostKey};
  }
  auto certFile = directory + "/" + hostname + ".cert.pem", keyFile = directory + "/" + hostname + ".key.pem";
  if (files.size(certFile) >= 0) return {readWhole(certFile), readWhole(keyFile)};
  files.remove(keyFile);  // of a start that was interrupted
  auto made = net::selfSigned({hostname}, clock, random);
  writeNewFile(files, keyFile, made.key);
  writeNewFile(files, certFile, made.chain);
  return made;
}

}  // namespace mox::app
