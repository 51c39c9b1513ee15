# DNS records that follow from the settings alone, as `mox dns records` prints them without a condition; a test compares. Nix cannot turn names to
# A-labels (RFC 5891 §4: case, normalisation and all of Unicode's tables), so what has other characters than ASCII's is refused.
{ lib, settings }:
let
  ports = import ./ports.nix;
  host = "${settings.Hostname}.";
  text = value: "\"${value}\"";
  isOn = protocol: l: l.${protocol}.Enabled or false;
  withSmtp = lib.filterAttrs (_: isOn "SMTP") settings.Listeners;
  # The one that stands for this server.
  public = withSmtp.public or (if withSmtp == { } then null else builtins.head (builtins.attrValues withSmtp));
  port = protocol: if public != null && isOn protocol public then ports.portOf protocol public.${protocol} else null;
  isDomain = name: builtins.hasAttr name settings.Domains;

  isV4 = ip: builtins.match "[0-9.]+" ip != null;
  # Unspecified, private, link-local or loopback: of no meaning to others.
  isLocal =
    ip:
    builtins.match "(0|10|127|169[.]254|192[.]168|172[.](1[6-9]|2[0-9]|3[01]))[.].*" ip != null
    || builtins.match "::1?|[fF][cCdD][0-9a-fA-F]*:.*|[fF][eE][89abAB][0-9a-fA-F]:.*" ip != null;
  sources = lib.unique (builtins.concatMap (l: l.IPs) (builtins.attrValues withSmtp) ++ (public.NATIPs or [ ]));
  spf = builtins.concatStringsSep " " (
    [ "v=spf1" ] ++ map (ip: (if isV4 ip then "ip4:" else "ip6:") + ip) (builtins.filter (ip: !isLocal ip) sources) ++ [ "mx ~all" ]
  );

  addressesAt = domain: builtins.filter (a: lib.hasSuffix "@${domain}" a) (builtins.concatMap (a: builtins.attrNames (a.Destinations or { })) (builtins.attrValues settings.Accounts));

  # By which name a provider of certificates looks for itself; that of Let's Encrypt need not be said.
  issuer =
    provider:
    let
      given = provider.IssuerDomainName or "";
    in
    if given != "" then
      [ given ]
    else
      lib.optional (builtins.match ".*//acme-v02[.]api[.]letsencrypt[.]org/.*" (provider.DirectoryURL or "") != null) "letsencrypt.org";
  issuers = lib.unique (builtins.concatMap issuer (builtins.attrValues (settings.ACME or { })));

  published =
    text:
    if builtins.match "[ -~]*" text != null then
      text
    else
      throw "services.mox.dnsRecords: ${text} cannot be turned to A-labels by Nix. Take the records of this domain from `mox dns records`.";

  of =
    domain: d:
    let
      name = "${domain}.";
      clients = if d ? ClientSettingsDomain then "${d.ClientSettingsDomain}." else host;
      record = owner: type: data: {
        inherit type;
        name = published owner;
        data = published data;
      };
      # Not where the name has records of its own.
      alias = owner: lib.optional (owner != host && !isDomain (lib.removeSuffix "." owner)) (record owner "CNAME" host);
      reportHost = r: r.Domain or domain;
      reportUri = r: "mailto:${r.Localpart}@${reportHost r}";
      # Has no addresses, and exists only because its reports go elsewhere.
      reportsOnly = builtins.any (r: reportHost r != domain) (lib.optional (d ? DMARC) d.DMARC ++ lib.optional (d ? TLSRPT) d.TLSRPT) && addressesAt domain == [ ];
      srv = label: number: record "${label}._tcp.${name}" "SRV" (if number == null then "0 0 0 ." else "0 1 ${toString number} ${clients}");
    in
    lib.optionals (!reportsOnly) (
      lib.optional (public != null && !isDomain settings.Hostname) (record host "TXT" (text "v=spf1 a -all"))
      ++ [
        (record name "MX" "10 ${host}")
        (record name "TXT" (text spf))
      ]
    )
    ++ lib.optional (d ? DMARC || !reportsOnly) (record "_dmarc.${name}" "TXT" (text ("v=DMARC1;p=reject" + (if d ? DMARC then ";rua=${reportUri d.DMARC}!10m" else ""))))
    ++ lib.optional (d ? DMARC && reportHost d.DMARC != domain) (record "${domain}._report._dmarc.${reportHost d.DMARC}." "TXT" (text "v=DMARC1"))
    ++ lib.optional (d ? TLSRPT) (record "_smtp._tls.${name}" "TXT" (text "v=TLSRPTv1; rua=${reportUri d.TLSRPT}"))
    ++ lib.optionals (!reportsOnly) (
      (if clients != name then alias clients else [ ])
      ++ [
        (srv "_imaps" (port "IMAPS"))
        (srv "_submissions" (port "Submissions"))
        # A service by STARTTLS is named only in the absence of one with TLS at once.
        (srv "_imap" (if port "IMAPS" == null then port "IMAP" else null))
        (srv "_submission" (if port "Submissions" == null then port "Submission" else null))
        (srv "_pop3" null)
        (srv "_pop3s" null)
      ]
      ++ map (by: record name "CAA" "0 issue ${text by}") issuers
    );
in
builtins.mapAttrs of settings.Domains
