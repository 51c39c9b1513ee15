# Ports of mail protocols that other machines can reach, from the settings as they are written. Metrics are not for the
# public, and pages are not served yet.
let
  standard = {
    SMTP = 25;
    Submission = 587;
    Submissions = 465;
    IMAP = 143;
    IMAPS = 993;
  };
  isLoopback = ip: builtins.match "127[.].*|::1" ip != null;
  isSaid = v: v != null && v != false;
  portOf = protocol: p: if isSaid (p.Port or null) && p.Port != 0 then p.Port else standard.${protocol};
  portsOf =
    listener:
    if builtins.all isLoopback listener.IPs then
      [ ]
    else
      builtins.concatMap (
        protocol:
        let
          p = listener.${protocol} or null;
        in
        if p != null && isSaid (p.Enabled or null) then [ (portOf protocol p) ] else [ ]
      ) (builtins.attrNames standard);
  unique = builtins.foldl' (seen: port: if builtins.elem port seen then seen else seen ++ [ port ]) [ ];
in
{
  inherit portOf;
  open = settings: builtins.sort builtins.lessThan (unique (builtins.concatMap portsOf (builtins.attrValues settings.Listeners)));
}
