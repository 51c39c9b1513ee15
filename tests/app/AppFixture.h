// What the app tests share: a directory of their own, commands run as a person would, a small configuration.
#pragma once

#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

#include "app/Command.h"
#include "app/Foundations.h"
#include "config/Files.h"
#include "net/Sockets.h"

namespace mox::test {

struct TempDir {
  TempDir() {
    std::string name = (std::filesystem::temp_directory_path() / "mox-app-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("mkdtemp");
    path = name;
  }
  ~TempDir() { std::filesystem::remove_all(path); }
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;

  std::string operator/(const std::string& name) const { return path + "/" + name; }
  void write(const std::string& name, const std::string& text) const { std::ofstream(path + "/" + name, std::ios::binary) << text; }
  std::string read(const std::string& name) const { return config::diskFiles()(path + "/" + name).value_or("(missing)"); }
  bool has(const std::string& name) const { return std::filesystem::exists(path + "/" + name); }

  std::string path;
};

/// One run of the program.
struct Ran {
  int status = 0;
  std::string out, err;
};
inline Ran run(std::vector<std::string> args, const std::string& input = "") {
  std::istringstream in(input);
  std::ostringstream out, err;
  int status = app::runMain(args, in, out, err);
  return {status, out.str(), err.str()};
}

inline const std::string staticText(const std::string& listeners) {
  return "DataDir: data\nLogLevel: error\nHostname: mox.example\nPostmaster:\n\tAccount: mjl\n\tMailbox: Inbox\n"
         "Listeners:\n\tlocal:\n\t\tIPs:\n\t\t\t- 127.0.0.1\n" + listeners;
}

inline const std::string dynamicText(const std::string& accounts = "") {
  return "Domains:\n\tmox.example: nil\nAccounts:\n\tmjl:\n\t\tDomain: mox.example\n\t\tDestinations:\n\t\t\tmjl@mox.example: nil\n" + accounts;
}

}  // namespace mox::test
