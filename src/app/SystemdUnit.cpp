#include "app/SystemdUnit.h"

#include <fmt/format.h>

#include <filesystem>

namespace mox::app {

UnitPaths UnitPaths::ofThisProcess() {
  UnitPaths out;
  out.program = std::filesystem::read_symlink("/proc/self/exe").string();
  out.directory = std::filesystem::current_path().string();
  return out;
}

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

}  // namespace

std::string systemdUnit(const UnitPaths& paths) {
  // TLS keys must be readable by the user: with AmbientCapabilities the server is never root. capset is for giving
  // the capability up once the ports are bound.
  return fmt::format(R"([Unit]
Description=mox mail server
After=network-online.target nss-lookup.target
Wants=network-online.target

[Service]
Type=notify
User={user}
WorkingDirectory={line}
ExecStart={program} serve
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
ReadWritePaths={config} {data}
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
                     fmt::arg("user", paths.user), fmt::arg("line", wholeLine(paths.directory)), fmt::arg("config", word(paths.directory + "/config")),
                     fmt::arg("data", word(paths.directory + "/data")), fmt::arg("bound", word(paths.directory, true)), fmt::arg("program", word(paths.program)));
}

}  // namespace mox::app
