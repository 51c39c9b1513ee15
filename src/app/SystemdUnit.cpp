#include "app/SystemdUnit.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <system_error>

#include "app/Privileges.h"
#include "base/Text.h"
#include "config/Source.h"

namespace mox::app {

namespace {

/// In lines that are one path, blanks and all: only specifiers are replaced there (systemd.unit(5)).
std::string wholeLine(const std::string& path) {
  std::string out;
  for (char c : path) out += c == '%' ? "%%" : std::string(1, c);
  return out;
}

/// In lines of several words (systemd.syntax(7), Quoting). `colon`: the word is a list of paths between colons, which these
/// must not be taken for.
std::string word(const std::string& path, bool colon = false) {
  std::string out;
  bool isPlain = true;
  for (char c : wholeLine(path)) {
    bool isSpecial = c == '"' || c == '\\' || (colon && c == ':');
    isPlain = isPlain && !isSpecial && c != ' ' && c != '\'' && c != ';';
    if (isSpecial) out += '\\';
    out += c;
  }
  return isPlain ? out : "\"" + out + "\"";
}

/// Whether a server that is started beside its folder finds the configuration without -config.
bool isFoundByItself(const std::filesystem::path& config) { return config.filename() == "mox.conf" && config.parent_path().filename() == "config"; }

std::filesystem::path workingDirectory(const std::filesystem::path& config) {
  return isFoundByItself(config) ? config.parent_path().parent_path() : config.parent_path();
}

/// Of folders those that are not below another, each once.
std::vector<std::string> topmost(const std::vector<std::string>& folders) {
  auto holds = [](const std::string& outer, const std::string& inner) { return inner.starts_with(outer.ends_with('/') ? outer : outer + "/"); };
  std::vector<std::string> out;
  for (const auto& folder : folders) {
    bool isBelow = std::any_of(folders.begin(), folders.end(), [&](const auto& other) { return holds(other, folder); });
    if (!isBelow && std::find(out.begin(), out.end(), folder) == out.end()) out.push_back(folder);
  }
  return out;
}

std::string words(const std::vector<std::string>& paths, bool colon = false) {
  std::vector<std::string> out;
  for (const auto& path : paths) out.push_back(word(path, colon));
  return join(out, " ");
}

std::string commandLine(const Unit& unit) {
  return word(unit.program) + (isFoundByItself(unit.configPath) ? "" : " -config " + word(unit.configPath)) + " serve";
}

/// "/srv/mail/config/../data" as the kernel goes it, links and all.
std::string real(const std::string& path) {
  std::error_code none;
  auto out = std::filesystem::weakly_canonical(path, none);
  return none ? path : out.string();
}

}  // namespace

Unit quickstartUnit(const std::string& configPath) {
  Unit out;
  out.program = std::filesystem::read_symlink("/proc/self/exe").string();
  auto absolute = std::filesystem::absolute(configPath).lexically_normal();
  out.configPath = absolute.string();
  out.dataDir = (workingDirectory(absolute) / "data").string();
  return out;
}

Unit configuredUnit(const std::string& configPath) {
  auto out = quickstartUnit(configPath);
  config::LoadOptions options;
  options.withoutSecrets = true;  // they are for the server's user
  auto loaded = config::load(configPath, readableFiles(), options);
  if (loaded.ok()) {
    out.dataDir = real(std::filesystem::absolute(loaded.config->dataDir()).string());
    if (const auto& user = loaded.config->fixed().user; !user.empty()) out.user = user;
    return out;
  }
  out.notes.push_back("The configuration does not load, assumed are the user " + out.user + " and the data directory " + printable(out.dataDir) + ":");
  out.notes.push_back(loaded.errors.front().text());
  return out;
}

std::string systemdUnit(const Unit& unit) {
  std::string notes;
  for (const auto& note : unit.notes) notes += "# " + note + "\n";
  auto directory = workingDirectory(unit.configPath).string();
  std::vector<std::string> written{config::directoryOf(unit.configPath), unit.dataDir};
  std::vector<std::string> bound{directory};
  bound.insert(bound.end(), written.begin(), written.end());
  // TLS keys must be readable by the user: with AmbientCapabilities the server is never root. capset is for giving
  // the capability up once the ports are bound.
  return fmt::format(R"({notes}[Unit]
Description=mox mail server
After=network-online.target nss-lookup.target
Wants=network-online.target

[Service]
Type=notify
User={user}
WorkingDirectory={line}
ExecStart={command}
ExecReload=/bin/kill -HUP $MAINPID
Restart=always
RestartSec=5s
TimeoutStopSec=15s
LimitNOFILE=65535
UMask=0007

# Low ports, and no other privilege.
AmbientCapabilities=CAP_NET_BIND_SERVICE
CapabilityBoundingSet=CAP_NET_BIND_SERVICE
NoNewPrivileges=yes

# Writes to its own directories only.
ProtectSystem=strict
ReadWritePaths={written}
ProtectHome=tmpfs
BindPaths={bound}
PrivateTmp=yes
PrivateDevices=yes

ProtectClock=yes
ProtectControlGroups=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectProc=invisible
ProcSubset=pid
RemoveIPC=yes
RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX AF_NETLINK
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
LockPersonality=yes
MemoryDenyWriteExecute=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallFilter=~@privileged @resources
SystemCallFilter=capset
SystemCallErrorNumber=EPERM

[Install]
WantedBy=multi-user.target
)",
                     fmt::arg("notes", notes), fmt::arg("user", unit.user), fmt::arg("line", wholeLine(directory)),
                     fmt::arg("command", commandLine(unit)), fmt::arg("written", words(topmost(written))),
                     fmt::arg("bound", words(topmost(bound), true)));
}

}  // namespace mox::app
