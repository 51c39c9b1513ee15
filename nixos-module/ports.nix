# Ports that other machines can reach, from the settings as they are written: those of mail protocols, and those at which a
# provider of certificates asks whether names are ours. Metrics are not for the public, and pages are not served yet.
let
  standard = {
    SMTP = 25;
    Submission = 587;
    Submissions = 465;
    IMAP = 143;
    IMAPS = 993;
  };
  isLoopback = ip: builtins.match "127[.].*|::1" ip != null;
  reachesOthers = ips: !(builtins.all isLoopback ips);
  isSaid = v: v != null && v != false;
  isOn = p: p != null && isSaid (p.Enabled or null);
  given = fallback: p: if isSaid (p.Port or null) && p.Port != 0 then p.Port else fallback;
  portOf = protocol: given standard.${protocol};
  mail = listener: builtins.concatMap (protocol: if isOn (listener.${protocol} or null) then [ (portOf protocol listener.${protocol}) ] else [ ]) (builtins.attrNames standard);
  # By TLS on the provider's port; by HTTP if the web server, which answers nothing else yet, is on. No certificate is proven
  # for a listener that has files of its own.
  proof =
    providers: listener:
    let
      name = if listener.TLS or null == null then null else listener.TLS.ACME or null;
      web = listener.WebserverHTTP or null;
    in
    if name == null then [ ] else [ (given 443 (providers.${name} or { })) ] ++ (if isOn web then [ (given 80 web) ] else [ ]);
  # Mail for clients that say by ALPN what they speak.
  byAlpn = listener: if builtins.any (protocol: isSaid (listener.${protocol}.EnabledOnHTTPS or null)) [ "Submissions" "IMAPS" ] then [ 443 ] else [ ];
  portsOf = providers: listener: if reachesOthers listener.IPs then mail listener ++ byAlpn listener ++ proof providers listener else [ ];
  unique = builtins.foldl' (seen: port: if builtins.elem port seen then seen else seen ++ [ port ]) [ ];
in
{
  inherit portOf reachesOthers;
  open =
    settings:
    builtins.sort builtins.lessThan (unique (builtins.concatMap (portsOf (settings.ACME or { })) (builtins.attrValues settings.Listeners)));
}
