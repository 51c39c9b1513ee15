# The unit. The server is never root: systemd binds nothing for it, but lends it the right to bind low ports, which it
# gives up once they are bound: that is what capset is for.
{ package, credentials }:
{
  Type = "notify";
  User = "mox";
  Group = "mox";
  ExecStart = "${package}/bin/mox serve";
  # Fails, and says why, if the server refuses the configuration; it goes on with the one it has then.
  ExecReload = "${package}/bin/mox reload";
  Restart = "always";
  RestartSec = "5s";
  TimeoutStopSec = "15s";
  LimitNOFILE = 65535;
  LoadCredential = credentials;
  StateDirectory = "mox";
  StateDirectoryMode = "0700";
  WorkingDirectory = "/var/lib/mox";
  UMask = "0077";

  AmbientCapabilities = [ "CAP_NET_BIND_SERVICE" ];
  CapabilityBoundingSet = [ "CAP_NET_BIND_SERVICE" ];
  NoNewPrivileges = true;

  ProtectSystem = "strict";
  ProtectHome = true;
  PrivateTmp = true;
  PrivateDevices = true;
  PrivateMounts = true;
  DevicePolicy = "closed";
  ProtectClock = true;
  ProtectControlGroups = true;
  ProtectHostname = true;
  ProtectKernelLogs = true;
  ProtectKernelModules = true;
  ProtectKernelTunables = true;
  ProtectProc = "invisible";
  ProcSubset = "pid";
  RemoveIPC = true;
  RestrictAddressFamilies = [
    "AF_INET"
    "AF_INET6"
    "AF_UNIX"
    "AF_NETLINK"
  ];
  RestrictNamespaces = true;
  RestrictRealtime = true;
  RestrictSUIDSGID = true;
  LockPersonality = true;
  MemoryDenyWriteExecute = true;
  SystemCallArchitectures = "native";
  SystemCallFilter = [
    "@system-service"
    "~@privileged @resources"
    "capset"
  ];
  SystemCallErrorNumber = "EPERM";
}
